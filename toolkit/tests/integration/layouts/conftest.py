"""Fixtures: a repository whose environments are made, for layouts to be laid over."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from integration.once import Once
from integration.tiny import PIPFILE, TinyProject, clean_variables, make_tiny

WITH_NUMPY = PIPFILE.replace("[train]\n", '[train]\nnumpy = "*"\n')


@pytest.fixture(scope="session")
def empty_once(once: Once) -> TinyProject:
    """A project with numpy for its training, whose environment is made; to be copied."""
    folder = once.folder("layouts", make)
    return TinyProject(folder / "tiny", folder / "environments", clean_variables())


def make(folder: Path) -> None:
    project = make_tiny(folder / "tiny", folder / "environments", WITH_NUMPY)
    run = project.nox("test")
    assert run.code == 0, run.output
    for name in ("build", ".trainwheel", "model/tiny_model/artefact"):
        shutil.rmtree(project.root / name)
