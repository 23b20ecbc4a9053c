"""Links of the chain that are asked for together are one graph, and an error names its step."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from trainwheel.engine.chain import Files
from trainwheel.engine.fingerprint import Fingerprint
from trainwheel.engine.observed import Observed, Sighting
from trainwheel.engine.records import Record, read_failure, write_record
from trainwheel.engine.run import Run, TooEarlyError
from trainwheel.errors import StepFailedError
from unit.cli.running import Sessions, step
from unit.repository import PYPROJECT, write


def test_a_step_that_is_added_runs_in_the_same_session_with_the_same_words(root: Path) -> None:
    first = step("a", lambda run: run.others.add(["b"]), is_link=True)
    sessions = Sessions(root, first, step("b", is_link=True))

    sessions.run("a", "--force")

    assert [run.options.has("force") for run in sessions.runs] == [True, True]


def test_what_keeps_the_steps_from_beginning_ends_the_session(root: Path) -> None:
    def break_off(_: object) -> tuple[Path, ...]:
        raise OSError(28, "No space left on device", "/x")

    link = step("a", is_link=True, outputs=break_off, assumed=(Files("data", lambda _: ()),))
    observed = Observed(files={"build/x": Sighting("opened")})
    record = Record("a", Fingerprint({}, {}), {}, 1.0, {}, observed=observed)
    write_record(root / "build/.trainwheel", record)
    sessions = Sessions(root, link)

    for _ in range(2):
        assert "No space left" in sessions.error_of("a")
    assert sessions.runs == []


@pytest.mark.parametrize("jobs", ["0", "-1", "two", "1.5", "²"])
def test_a_number_of_jobs_that_is_none_is_refused(root: Path, jobs: str) -> None:
    sessions = Sessions(root, step("a", is_link=True))

    assert "--jobs" in sessions.error_of("a", f"--jobs={jobs}")
    assert sessions.runs == []


@pytest.mark.parametrize(("error", "line"), [
    (StepFailedError("it broke"), "a: failed: it broke"),
    (OSError(28, "No space left on device", "/x"), "a: failed: /x: No space left on device"),
])  # fmt: skip
def test_an_error_of_another_step_names_it_and_a_step_runs_again_after_its_batch(
    root: Path, error: Exception, line: str
) -> None:
    errors = [error]

    def fail(_: Run) -> None:
        if errors:
            raise errors.pop()

    sessions = Sessions(root, step("a", fail, is_link=True), step("b", is_link=True, needs=("a",)))
    assert sessions.error_of("b").startswith(line)

    sessions.run("b")
    sessions.run("b")

    assert len(sessions.runs) == 5


def _append(order: list[str], name: str, _: Run) -> None:
    order.append(name)


def test_links_that_follow_each_other_are_one_graph_and_anything_else_comes_between(
    root: Path,
) -> None:
    names, order = ["c", "a", "mine", "b"], list[str]()
    links = [step(name, partial(_append, order, name), is_link=True) for name in "abc"]
    sessions = Sessions(root, links[0], links[1], replace(links[2], needs=("a",)))

    sessions.run("c", manifest=names)
    assert order == ["a", "c"]
    sessions.run("a", manifest=names)
    assert order == ["a", "c"]
    sessions.run("b", manifest=names)

    assert order == ["a", "c", "b"]


def test_each_session_ends_with_the_error_that_concerns_it(root: Path) -> None:
    def fail(_: Run) -> None:
        message = "it broke"
        raise StepFailedError(message)

    last = step("b", fail, is_link=True, needs=("a",))
    sessions = Sessions(root, step("a", is_link=True), last)

    sessions.run("a", manifest=["a", "b"])

    assert sessions.error_of("b", manifest=["a", "b"]) == "failed: it broke"
    assert len(sessions.runs) == 2


def test_the_number_of_jobs_is_configured(root: Path) -> None:
    write(root, "pyproject.toml", f"{PYPROJECT}jobs = 7\n")
    sessions = Sessions(root, step("a", is_link=True))

    sessions.run("a")
    sessions.run("a", "--jobs=2")

    assert [run.jobs for run in sessions.runs] == [7, 2]


def test_a_step_that_is_put_off_has_not_failed(root: Path) -> None:
    early = [TooEarlyError(frozenset({"a"}))]

    def read(_: Run) -> None:
        if early:
            raise early.pop()

    def look(run: Run) -> None:
        assert read_failure(run.workspace.layout.records, "b") is None

    links = [step("a", is_link=True), step("b", read, is_link=True)]
    sessions = Sessions(root, *links, step("c", look, is_link=True, needs=("b",)))

    sessions.run("c", manifest=["c", "a"])

    assert len(sessions.runs) == 4
