"""Steps beside each other: signals, failures and edits while two of them are at work."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.beside import CLASSIFIER, Beside, make_beside
from integration.once import Once
from integration.test_failure_table import kill
from integration.test_status import status
from integration.tiny import (
    LEARNER,
    TinyProject,
    clean_variables,
    clear,
    commit_all,
    copy_of,
    make_tiny,
)

pytestmark = pytest.mark.integration

WHEEL = "tiny_model-0.1.0-py3-none-any.whl"
SOON = 9.0
"""Seconds within which a run ends, be its processes deaf."""


@pytest.fixture(scope="session")
def released_once(once: Once) -> TinyProject:
    """A project whose steps can be held up, and whose 0.1.0 is published; to be copied."""
    folder = once.folder("beside", make_released)
    return TinyProject(folder / "tiny", folder / "environments", clean_variables())


def make_released(folder: Path) -> None:
    project = make_beside(make_tiny(folder / "tiny", folder / "environments", LEARNER))
    commit_all(project)
    run = project.nox("upload", "--", "--jobs", "2")
    assert run.code == 0, run.output
    # While training runs, tools of ours make the environments of later steps.
    assert "while training ran" not in run.output


@pytest.fixture
def fresh(tmp_path: Path, released_once: TinyProject) -> Iterator[Beside]:
    """The same commit, where nothing has run."""
    beside = Beside(clear(copy_of(released_once, tmp_path / "tiny")))
    beside.folder.mkdir()
    yield beside
    for number in beside.project.survivors():
        os.kill(number, signal.SIGKILL)


@pytest.fixture
def wheel(released_once: TinyProject) -> bytes:
    """What an undisturbed run publishes."""
    return (released_once.index / WHEEL).read_bytes()


def check_nothing_is_left(beside: Beside, *steps: str) -> None:
    """Check that steps that did not end are nowhere taken for done, failed or at work."""
    project = beside.project
    assert project.survivors() == []
    assert list((project.root / "build/.trainwheel/tmp").iterdir()) == []
    for step in steps:
        assert not (project.root / f"build/.trainwheel/{step}.json").exists(), step
        assert not (project.root / f"build/.trainwheel/outcomes/{step}.json").exists(), step
    states = status(project)
    assert not any(states[name]["running"] or states[name]["failure"] for name in steps)


def finish(beside: Beside) -> bytes:
    run = beside.project.nox("upload", "--", "--jobs", "2")
    assert run.code == 0, run.output
    assert "verify   tiny-model 0.1.0 repeats" in run.output
    return (beside.project.index / WHEEL).read_bytes()


def test_a_signal_ends_both_steps_that_are_at_work(fresh: Beside, wheel: bytes) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        process = fresh.start("upload", "test", "evaluate")
        start = time.monotonic()

        process.send_signal(number)

        run = fresh.end(process)
        assert run.code == 128 + number, run.output
        assert time.monotonic() - start < SOON
        assert "Traceback" not in run.output
        check_nothing_is_left(fresh, "test", "evaluate", "report", "package")
        assert fresh.project.made() == ["model/tiny_model/artefact/model.joblib", "build/train"]
    fresh.stamps()
    assert finish(fresh) == wheel
    assert {line.split()[0] for line in fresh.stamps()} == {"test", "evaluate"}


def test_impatience_deafness_and_a_kill_leave_nothing_behind(fresh: Beside, wheel: bytes) -> None:
    for signals in ((signal.SIGINT,), (signal.SIGTERM,), (signal.SIGINT, signal.SIGINT)):
        fresh.ask("deaf-train", "deaf-doc")
        process = fresh.start("upload", "train", "doc")
        start = time.monotonic()
        for number in signals:
            process.send_signal(number)
            time.sleep(0.5)

        run = fresh.end(process)

        assert run.code == 128 + signals[0], run.output
        assert time.monotonic() - start < SOON
        assert "Traceback" not in run.output
        check_nothing_is_left(fresh, "train", "doc")
        assert fresh.project.made() == []

    process = fresh.start("upload", "train", "doc")
    kill(process)
    assert len(fresh.project.survivors()) >= 2
    assert finish(fresh) == wheel
    assert fresh.project.survivors() == []
