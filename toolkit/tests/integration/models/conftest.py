"""Fixtures: the samples, each published once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from integration.models.samples import make_sample
from integration.once import Once
from integration.tiny import Run, TinyProject, clean_variables


@pytest.fixture(scope="session")
def first_release(once: Once) -> Callable[[str], tuple[TinyProject, Run]]:
    """Returns the repository of a sample, to be copied and not changed, and how its upload went."""

    def release(name: str) -> tuple[TinyProject, Run]:
        folder = once.folder(f"model-{name}", lambda folder: publish(name, folder))
        project = TinyProject(folder / "model", folder / "environments", clean_variables())
        return project, Run(0, (folder / "output").read_text(encoding="utf-8"))

    return release


def publish(name: str, folder: Path) -> None:
    """Make the repository of a sample and run its whole chain."""
    project = make_sample(name, folder)
    run = project.nox("upload")
    assert run.code == 0, run.output
    (folder / "output").write_text(run.output, encoding="utf-8")
