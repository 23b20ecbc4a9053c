"""What is refused before anything is locked, and what stays as it was."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest

from trainwheel.engine.run import Options
from trainwheel.errors import ConfigurationError, LockfileError
from trainwheel.steps.lock import STEP
from unit.recording_tools import RecordingTools
from unit.repository import PIPFILE, PYPROJECT, make_repository, open_here, write

BOUND = '[tool.trainwheel.index.team]\nurl = "https://team.example.com/"\npackages = ["own-*"]\n'
SOURCE = '[[source]]\nname = "mirror"\nurl = "https://mirror.example.com/simple"\n'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small model repository, with the log of an earlier lock."""
    root = make_repository(tmp_path / "small")
    write(root, "build/log/lock.log", "earlier")
    return root


def lock(root: Path, *names: str) -> str:
    stream = io.StringIO()
    run = open_here(root, {"PATH": ""}, stream=stream, tools=RecordingTools())
    STEP.run(replace(run, options=Options(names=names)))
    return stream.getvalue()


@pytest.mark.parametrize(
    ("pipfile", "bindings", "words"),
    [
        (PIPFILE.replace('six = "*"', 'six = {version="*", index="team"}'), "", ("six", "team")),
        (PIPFILE.replace('six = "*"', 'six = {version="*", index="team"}'), BOUND, ("six", "team")),
        (SOURCE + PIPFILE, BOUND, ("[[source]]",)),
    ],
    ids=["unknown index", "not bound to it", "sources beside bindings"],
)
def test_a_pipfile_that_pipenv_would_misread_is_refused_and_nothing_is_touched(
    root: Path, pipfile: str, bindings: str, words: tuple[str, ...]
) -> None:
    write(root, "pyproject.toml", PYPROJECT + bindings)
    write(root, "Pipfile", pipfile)
    before = (root / "Pipfile.lock").read_bytes()

    with pytest.raises(ConfigurationError) as caught:
        lock(root)

    assert all(word in str(caught.value) for word in words)
    assert (root / "Pipfile.lock").read_bytes() == before
    assert (root / "build/log/lock.log").read_text() == "earlier"


def test_a_package_that_nobody_knows_is_refused_by_its_name(root: Path) -> None:
    before = (root / "Pipfile.lock").read_bytes()

    with pytest.raises(LockfileError, match="no-such-package"):
        lock(root, "six", "no-such-package")

    assert (root / "Pipfile.lock").read_bytes() == before
    assert not (root / "build/log/lock.log").exists()  # it is of another lock


def test_a_pipfile_that_cannot_be_read_is_named(root: Path) -> None:
    write(root, "Pipfile", "[packages\n")

    with pytest.raises(LockfileError, match="Pipfile"):
        lock(root)


def test_a_lock_is_made_without_one_and_packages_can_be_named() -> None:
    assert not STEP.needs_lockfile
    assert STEP.takes_names
    assert STEP.takes_lock
