"""The sessions of one run share a run: what is opened, locked and checked once, and errors."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sessions.recording import SessionEndedError
from trainwheel.cli.sessions import _Runner
from trainwheel.engine.chain import Step
from trainwheel.engine.execute import run_step
from trainwheel.engine.records import Failure, note_failure, read_failure
from trainwheel.engine.run import Run
from trainwheel.errors import RefusedError, StepFailedError
from trainwheel.requirements.freshness import STAMP_KEY, is_stamped, pipenv_hashes
from trainwheel.requirements.pipfile import parse_pipfile
from trainwheel.system.lock import Owner, read_owner
from unit.cli.running import Sessions, step
from unit.repository import PIPFILE, PYPROJECT, write


def test_the_repository_is_opened_once_for_all_sessions(root: Path) -> None:
    sessions = Sessions(root, step("a"), step("b"))
    sessions.run("a")
    write(root, "pyproject.toml", "[")

    sessions.run("b")

    first, second = sessions.runs
    assert first.workspace is second.workspace
    assert first.console is second.console
    assert first.tools is second.tools


def test_a_lock_that_pipenv_wrote_is_finished_before_a_step_reads_it(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    path = root / "Pipfile.lock"
    content = json.loads(path.read_text())
    content["_meta"]["hash"] = {"sha256": max(pipenv_hashes(parse_pipfile(PIPFILE), []))}
    del content["_meta"][STAMP_KEY]
    path.write_text(json.dumps(content))
    sessions = Sessions(root, step("looks", takes_lock=False), step("works"))

    sessions.run("looks")
    assert not is_stamped(path.read_text())

    for _ in range(2):
        sessions.run("works")
    assert is_stamped(path.read_text())
    assert capsys.readouterr().out.count("notice: pipenv wrote Pipfile.lock") == 1


def test_what_one_session_finds_out_the_next_one_knows(root: Path) -> None:
    def ask(run: Run) -> None:
        run.made.add(run.once("question", lambda: "answer"))

    sessions = Sessions(root, step("a", ask), step("b"))
    sessions.run("a")
    sessions.run("b")

    last = sessions.runs[-1]
    assert last.made == {"answer"}
    assert last.once("question", lambda: "another") == "answer"


def test_each_session_has_its_own_options_and_knows_those_of_the_run(root: Path) -> None:
    sessions = Sessions(root, step("a", takes_names="NAME"), step("b", takes_names="NAME"))

    sessions.run("a", "--force", "one", manifest=["a", "b"])
    sessions.run("b", "two", manifest=["a", "b"])

    first, second = sessions.runs
    assert (first.options.has("force"), first.options.names) == (True, ("one",))
    assert (second.options.has("force"), second.options.names) == (False, ("two",))
    assert first.steps == first.registered == {"a", "b"}
    assert [first.named, second.named] == [frozenset("a"), frozenset("b")]


def test_environments_stand_beside_the_folder_of_nox(root: Path) -> None:
    sessions = Sessions(root, step("a"))
    sessions.run("a")

    assert sessions.runs[0].tools.folder == root / ".nox"


@pytest.fixture
def foreign(root: Path) -> Iterator[Callable[[], None]]:
    """Lock the repository as another run does; refused where somebody has it."""
    path = root / ".trainwheel" / "lock"
    path.parent.mkdir(exist_ok=True)
    with path.open("a") as stream:
        yield lambda: fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_the_lock_is_taken_once_and_kept_to_the_end(
    root: Path, foreign: Callable[[], None]
) -> None:
    seen: list[Owner | None] = []
    look = step("b", lambda run: seen.append(read_owner(run.workspace.layout.lock)))
    sessions = Sessions(root, step("a"), look)

    for name in ("a", "b"):
        sessions.run(name)

    (owner,) = seen
    assert owner is not None
    assert (owner.pid, owner.command, owner.step) == (os.getpid(), "nox -s a", "b")
    assert owner.started <= owner.step_started
    with pytest.raises(BlockingIOError):
        foreign()


def test_a_step_that_takes_no_lock_runs_beside_another_run(
    root: Path, foreign: Callable[[], None]
) -> None:
    sessions = Sessions(root, step("reader", takes_lock=False), step("a"))
    foreign()

    sessions.run("reader")

    assert sessions.error_of("a").startswith("failed: another run")


def test_what_a_killed_run_left_is_cleared_once_by_who_holds_the_lock(root: Path) -> None:
    left = write(root, "build/.trainwheel/tmp/train-x/model", "half")
    sessions = Sessions(
        root,
        step("reader", takes_lock=False),
        step("a", lambda _: write(root, "build/.trainwheel/tmp/mine", "")),
        step("b"),
    )
    sessions.run("reader")
    assert left.exists()

    sessions.run("a")
    assert not left.exists()

    sessions.run("b")
    assert (root / "build/.trainwheel/tmp/mine").exists()


def test_all_steps_of_the_run_are_checked_before_the_first_and_never_again(root: Path) -> None:
    looked: list[str] = []
    names = ("a", "b", "c")
    steps = (step(name, check=lambda _, name=name: looked.append(name)) for name in names)
    sessions = Sessions(root, *steps)

    sessions.run("a", manifest=["a", "b"])
    sessions.run("b", manifest=["a", "b"])

    assert looked == ["a", "b"]


def test_a_check_that_fails_keeps_every_step_from_beginning(root: Path) -> None:
    def refuse(_: Run) -> None:
        message = "the disk is full"
        raise StepFailedError(message)

    sessions = Sessions(root, step("a"), step("b", check=refuse))

    for name in ("a", "a", "b"):
        assert sessions.error_of(name, manifest=["a", "b"]) == "failed: the disk is full"
    assert sessions.runs == []


def test_a_step_begins_only_if_what_it_follows_is_as_its_record_says(root: Path) -> None:
    def make(scratch: Path) -> dict[str, str]:
        write(scratch, "first.txt", "made")
        return {}

    first = step("first", outputs=lambda layout: (layout.build / "first.txt",))
    work = step("first", lambda run: run_step(run, first, make), outputs=first.outputs)
    sessions = Sessions(root, work, step("second", follows_records=("first",)))
    assert "nox -s first" in sessions.error_of("second")

    sessions.run("first")
    sessions.run("second")
    assert len(sessions.runs) == 2

    write(root, "build/first.txt", "changed since")
    assert "build/first.txt" in sessions.error_of("second")
    assert len(sessions.runs) == 2


def test_a_step_that_the_noxfile_lacks_is_not_followed(root: Path) -> None:
    sessions = Sessions(root, step("first"), step("second", follows_records=("first",)))
    sessions.runner = _Runner(sessions.chain, frozenset({"second"}))

    sessions.run("second")

    assert sessions.runs[0].registered == {"second"}


@pytest.mark.parametrize(("error", "line"), [
    (StepFailedError("it broke", hint="fix it"), "failed: it broke; fix it"),
    (StepFailedError("over\ntwo  lines"), "failed: over two lines"),
    (OSError(28, "No space left on device", "/x"), "failed: /x: No space left on device; free"),
])  # fmt: skip
def test_an_error_ends_the_session_with_one_line(root: Path, error: Exception, line: str) -> None:
    def fail(_: Run) -> None:
        raise error

    assert Sessions(root, step("a", fail)).error_of("a").startswith(line)


def test_details_come_before_the_line(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(_: Run) -> None:
        message = "worse"
        raise StepFailedError(message, details=("accuracy 0.9", "baseline 0.95"))

    assert Sessions(root, step("a", fail)).error_of("a") == "failed: worse"
    assert capsys.readouterr().out == "  accuracy 0.9\n  baseline 0.95\n"


def test_what_is_not_the_users_to_fix_keeps_its_traceback(root: Path) -> None:
    sessions = Sessions(root, step("a", lambda _: 1 / 0))

    with pytest.raises(ZeroDivisionError):
        sessions.run("a")


def test_a_wrong_option_is_refused_before_anything_is_opened(root: Path) -> None:
    write(root, "pyproject.toml", "[")

    assert "--froce" in Sessions(root, step("a")).error_of("a", "--froce")
    assert not (root / ".trainwheel").exists()


def test_a_configuration_that_was_wrong_is_read_again(root: Path) -> None:
    sessions = Sessions(root, step("a"))
    write(root, "pyproject.toml", "[")
    assert sessions.error_of("a").startswith("configuration: ")

    write(root, "pyproject.toml", PYPROJECT)
    sessions.run("a")


@pytest.mark.parametrize("needs", [True, False])
def test_a_lock_file_is_read_by_those_who_need_it(root: Path, *, needs: bool) -> None:
    (root / "Pipfile.lock").unlink()
    sessions = Sessions(root, step("a", needs_lockfile=needs))

    if needs:
        assert "Pipfile.lock" in sessions.error_of("a")
    else:
        sessions.run("a")
    assert len(sessions.runs) == (not needs)


def test_verbose_holds_for_the_tools_of_the_run(root: Path) -> None:
    quiet, loud = (Sessions(root, step("a", takes_lock=False)) for _ in range(2))
    quiet.run("a")
    loud.run("a", "--verbose")

    assert [getattr(s.runs[0].tools, "verbose", None) for s in (quiet, loud)] == [False, True]


def test_a_secret_that_a_step_has_read_is_starred_in_its_error(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STORE_KEY", "s3cret-key")

    def fail(run: Run) -> None:
        run.environment.secret("STORE_KEY")
        message = "the store refuses s3cret-key"
        raise StepFailedError(message, details=("key: s3cret-key",))

    assert Sessions(root, step("a", fail)).error_of("a").endswith("refuses ***")
    assert "key: ***" in capsys.readouterr().out


def failing(error: Exception, log: str = "") -> Step:
    """Return a step that reads a password, writes a log and fails."""

    def work(run: Run) -> None:
        run.environment.secret("NEXUS_PASSWORD")
        if log:
            write(run.workspace.layout.root, f"build/log/{log}", "what the tool printed")
        raise error

    return step("a", work)


@pytest.mark.parametrize(("error", "log", "expected"), [
    (StepFailedError("the tests ended\nwith exit code 1", hint="see the log"), "a.log",
     ("the tests ended with exit code 1", "build/log/a.log")),
    (RefusedError("the model does not pass"), "b.log", ("the model does not pass", "")),
    (PermissionError(13, "denied", "build/x"), "", ("build/x: denied", "")),
    (ValueError("s3cret-of-mine"), "", ("ValueError: ***", "")),
], ids=["log", "log of another", "system", "bug"])  # fmt: skip
def test_a_failure_is_noted_until_the_session_succeeds(
    root: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, log: str,
    expected: tuple[str, str],
) -> None:  # fmt: skip
    monkeypatch.setenv("NEXUS_PASSWORD", "s3cret-of-mine")
    records = root / "build/.trainwheel"
    note_failure(records, "b", Failure(1.0, "of another step"))

    with pytest.raises((SessionEndedError, ValueError)):
        Sessions(root, failing(error, log)).run("a")

    failure = read_failure(records, "a")
    assert failure is not None
    assert (failure.message, failure.log) == expected
    Sessions(root, step("a")).run("a")
    assert read_failure(records, "a") is None
    assert read_failure(records, "b") is not None


def test_a_log_of_an_earlier_run_is_not_that_of_a_failure(root: Path) -> None:
    os.utime(write(root, "build/log/a.log", "of yesterday"), (1.0, 1.0))

    Sessions(root, failing(StepFailedError("the index does not answer"))).error_of("a")

    failure = read_failure(root / "build/.trainwheel", "a")
    assert failure is not None
    assert not failure.log


@pytest.mark.parametrize("name", ["failures", "failures/a.json"])
def test_a_note_that_cannot_be_written_hides_no_error(root: Path, name: str) -> None:
    place = root / "build/.trainwheel" / name
    place.parent.mkdir(parents=True)
    place.touch() if name == "failures" else (place / "x").mkdir(parents=True)
    error = StepFailedError("the tests ended with exit code 1")

    assert "exit code 1" in Sessions(root, failing(error)).error_of("a")


def test_an_interrupt_is_not_a_failure(root: Path) -> None:
    def interrupted(_: Run) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Sessions(root, step("a", interrupted)).run("a")

    assert read_failure(root / "build/.trainwheel", "a") is None
