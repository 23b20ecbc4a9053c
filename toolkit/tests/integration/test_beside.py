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
    Run,
    TinyProject,
    clean_variables,
    clear,
    commit_all,
    copy_of,
    make_tiny,
    wait_for,
)

pytestmark = pytest.mark.integration

WHEEL = "tiny_model-0.1.0-py3-none-any.whl"
CHAIN = ("doc", "train", "evaluate", "report", "test", "version", "package", "upload", "verify")
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


def heads(run: Run) -> list[str]:
    """Return the steps of which a run printed a line, in order."""
    words = [line.partition(" ")[0] for line in run.output.splitlines()]
    return [word for word in words if word in CHAIN]


def finish(beside: Beside) -> bytes:
    run = beside.project.nox("upload", "--", "--jobs", "2")
    assert run.code == 0, run.output
    assert "verify   tiny-model 0.1.0 repeats" in run.output
    return (beside.project.index / WHEEL).read_bytes()


def test_a_signal_ends_both_steps_that_are_at_work(fresh: Beside, wheel: bytes) -> None:
    # A CI service that cancels a build sends it to every process, in any order.
    for number, is_for_all in (
        *((number, False) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)),
        (signal.SIGTERM, True),
    ):
        process = fresh.start("upload", "test", "evaluate")
        start = time.monotonic()

        others = [each for each in fresh.project.survivors() if each != process.pid]
        for each in others if is_for_all else ():
            os.kill(each, number)
        time.sleep(0.3 if is_for_all else 0)
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


@pytest.mark.slow
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


def test_tests_that_fail_end_the_evaluation_and_leave_no_wheel(fresh: Beside, wheel: bytes) -> None:
    project = fresh.project
    process = fresh.start("upload", "test", "evaluate")
    fresh.ask("fail-test")
    fresh.let_go("test")

    run = fresh.end(process)

    assert "test: failed: the tests ended with exit code 1" in run.error("aborted")
    assert not {"evaluate", "report", "package"} & {*heads(run)}
    check_nothing_is_left(fresh, "evaluate", "report", "package")
    assert status(project)["test"]["failure"]

    process = fresh.start("upload", "test")
    scratch = project.root / "build/.trainwheel/tmp"
    wait_for(lambda: any(scratch.glob("package-*/dist/*.whl")), process)
    fresh.let_go("test")
    run = fresh.end(process)

    assert "test: failed: " in run.error("aborted")
    check_nothing_is_left(fresh, "package")
    assert not (project.root / "build/dist").exists()
    assert project.published() == []
    (fresh.folder / "fail-test").unlink()
    fresh.stamps()
    assert finish(fresh) == wheel
    assert [line.split()[0] for line in fresh.stamps()] == ["test", "test"]


@pytest.mark.slow
@pytest.mark.parametrize(("failing", "other"), [("train", "doc"), ("doc", "train")])
def test_what_fails_beside_training_and_the_documentation_ends_both(
    fresh: Beside, failing: str, other: str
) -> None:
    process = fresh.start("upload", "train", "doc")
    fresh.ask(f"fail-{failing}")
    fresh.let_go(failing)

    run = fresh.end(process)

    assert f"{failing}: failed: " in run.error("aborted")
    check_nothing_is_left(fresh, other)
    assert status(fresh.project)[failing]["failure"]
    (fresh.folder / f"fail-{failing}").unlink()
    fresh.stamps()
    again = fresh.project.nox("doc", "train", "--", "--jobs", "2")
    assert again.code == 0, again.output
    assert {line.split()[0] for line in fresh.stamps()} == {"doc", "train", "evaluate"}


READS = """\
from pathlib import Path


def test_reads():
    assert "verdict" in Path("build/evaluate/evaluation.json").read_text()
    assert "<html" in Path("build/train/report.html").read_text()
"""
"""A test of what steps make that may run beside the tests."""


@pytest.mark.slow
def test_what_reads_the_results_of_a_step_beside_it_runs_after_that(fresh: Beside) -> None:
    project = fresh.project
    project.write("tests/test_reads.py", READS)
    process = fresh.start("upload", "evaluate")
    scratch = project.root / "build/.trainwheel/tmp"
    wait_for(lambda: "test ends" in fresh.stamps(), process)
    wait_for(lambda: not list(scratch.glob("test-*")), process)
    fresh.let_go("evaluate")

    run = fresh.end(process)

    assert run.code == 0, run.output
    assert "notice: test reads what evaluate makes, so it runs again after that" in run.output
    assert fresh.stamps()[-2:] == ["test begins 0", "test ends"]
    project.write("tests/test_reads.py", f"{READS}\n")
    project.replace(CLASSIFIER, "one record", "one single record")
    later = project.nox("test", "--", "--jobs", "2")
    assert later.code == 0, later.output
    assert "runs again" not in later.output
    order = [line.split()[0] for line in fresh.stamps()[::2]]
    assert order[-2:] == ["evaluate", "test"]
    assert order.count("test") == 1
    alone = clear(project).nox("test", "--", "--jobs", "1")
    assert alone.code == 0, alone.output
    assert "runs again" not in alone.output


@pytest.mark.slow
def test_an_edit_while_two_steps_run_is_refused_by_each_that_reads_it(fresh: Beside) -> None:
    project = fresh.project
    process = fresh.start("test", "test", "evaluate")
    project.replace(CLASSIFIER, "one record", "one single record")
    fresh.let_go("test", "evaluate")

    run = fresh.end(process)

    assert f"{CLASSIFIER} changed while " in run.error("aborted")
    for step in ("test", "evaluate", "report"):
        assert not (project.root / f"build/.trainwheel/{step}.json").exists(), step
        assert not (project.root / "build" / step).exists()

    process = fresh.start("test", "test", "evaluate")
    project.write("tests/test_more.py", "def test_more():\n    pass\n")
    fresh.let_go("evaluate")
    wait_for((project.root / "build/.trainwheel/report.json").exists, process)
    fresh.let_go("test")
    run = fresh.end(process)

    assert "tests/test_more.py" in run.error("aborted")
    assert "while test ran" in run.output
    assert not (project.root / "build/test").exists()
    again = project.nox("test", "--", "--jobs", "2")
    assert "test     3 tests passed" in again.output


@pytest.mark.slow
def test_jobs_and_order_decide_nothing_but_what_runs_beside_what(
    fresh: Beside, wheel: bytes
) -> None:
    project = fresh.project
    process = fresh.start("upload", "train", "doc")
    assert {"train begins 0", "doc begins 10"} == {*fresh.stamps()}
    fresh.let_go("train")
    wait_for(lambda: "train ends" in fresh.stamps(), process)
    fresh.let_go("doc")
    assert heads(run := fresh.end(process)) == list(CHAIN), run.output
    assert (project.index / WHEEL).read_bytes() == wheel

    fresh.stamps()
    run = clear(project).nox("upload", "--", "--jobs", "1")
    assert heads(run) == list(CHAIN), run.output
    assert [line.split()[0] for line in fresh.stamps()[::2]] == ["doc", "train", "evaluate", "test"]
    assert (project.index / WHEEL).read_bytes() == wheel

    project.configure("train.alone = true")
    project.write("noxfile.py", OWN)
    clear(project)
    run = project.nox("package", "own", "test", "train", "--", "--jobs", "2")
    assert run.code == 0, run.output
    stamps = fresh.stamps()
    assert stamps[stamps.index("train begins 0") + 1] == "train ends"
    assert {line.split()[0] for line in stamps} == {"train", "evaluate", "test"}
    assert run.output.index("package  ") < run.output.index("of the user's own")
    assert project.wheel.name == WHEEL


OWN = """\
import nox
import trainwheel

trainwheel.register(exclude=["doc"])


@nox.session(venv_backend="none")
def own(session):
    print("of the user's own", flush=True)
"""
