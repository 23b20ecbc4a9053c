"""The status of the steps, without running any, and every reason for it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from trainwheel.cli.opening import open_here as command_run
from trainwheel.cli.status import describe_reasons
from trainwheel.engine.execute import look as engine_look
from trainwheel.engine.execute import run_step
from trainwheel.engine.fingerprint import Fingerprint, Reason
from trainwheel.engine.inputs import fingerprint
from trainwheel.engine.records import (
    Failure,
    Outcome,
    Record,
    append_outcome,
    note_failure,
    read_record,
    write_record,
)
from trainwheel.engine.status import StepStatus, read_status
from trainwheel.steps import load_chain
from trainwheel.steps.shared.staging import release_key
from trainwheel.system.environ import Environment
from trainwheel.system.lock import Owner, note_step, take
from unit.repository import PYPROJECT, RELEASE, make_repository, open_here, write, write_lock

Sentence = Callable[[object], None]
CHAIN = load_chain()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small repository that was trained."""
    root = make_repository(tmp_path / "small")

    def work(scratch: Path) -> Mapping[str, str]:
        write(scratch, "model/model.joblib", "weights")
        write(scratch, "model/model.joblib.json", "{}")
        (scratch / "train").mkdir()
        return {"summary": "trained"}

    run_step(open_here(root), CHAIN["train"], work)
    return root


def states(root: Path) -> dict[str, str]:
    statuses = read_status(open_here(root).workspace, CHAIN).values()
    return {status.step: status.state for status in statuses if CHAIN[status.step].is_link}


def look(root: Path, step: str) -> StepStatus:
    return read_status(open_here(root).workspace, CHAIN)[step]


def note(root: Path, step: str, learned: Mapping[str, str] | None = None) -> None:
    """Write the outputs of a step and the record of a run that made them."""
    workspace, link = open_here(root).workspace, CHAIN[step]
    layout = workspace.layout
    for path in link.outputs(layout):
        name = layout.relative(path)
        write(root, name if path.suffix else f"{name}/file", "made")
    made = {layout.relative(path): workspace.digests.output(path) for path in link.outputs(layout)}
    now = fingerprint(workspace, link, learned)
    write_record(layout.records, Record(step, now, made, 1.0, {}))


@pytest.mark.parametrize("is_trained", [True, False])
def test_a_step_that_ran_is_up_to_date_and_the_others_are_not_run(
    tmp_path: Path, root: Path, *, is_trained: bool
) -> None:
    place = root if is_trained else make_repository(tmp_path / "fresh")

    others = states(place)

    assert others.pop("train") == ("up to date" if is_trained else "not run")
    assert {others.pop(step) for step in ("doc", "data")} == {"skipped"}
    assert set(others.values()) == {"not run"}
    assert is_trained or not (place / ".trainwheel").exists()


def test_nothing_waits_for_an_optional_step_and_the_chain_does_not_owe_it(root: Path) -> None:
    def decide(scratch: Path) -> Mapping[str, str]:
        write(scratch, "version.json", RELEASE.render())
        return {}

    run_step(open_here(root), CHAIN["version"], decide)
    for step in ("evaluate", "report", "test", "package"):
        note(root, step)

    status, package = look(root, "prove"), look(root, "package")

    assert (status.state, status.is_due, status.is_owed) == ("not run", True, False)
    assert (package.state, package.before) == ("up to date", ())


def test_each_reason_is_named_with_the_old_value_and_the_new(root: Path) -> None:
    write(root, "data/rows.csv", "3,4\n")
    write(root, "data/more.csv", "")
    write_lock(root, six="==1.17.0")
    (root / "model/small_model/artefact/model.joblib").unlink()

    status = look(root, "train")

    assert status.state == "stale"
    assert [str(reason) for reason in status.reasons] == [
        "data/more.csv is new",
        "data/rows.csv changed",
        "package six changed",
        "model/small_model/artefact/model.joblib is gone",
    ]
    lines = list(describe_reasons(status))
    assert lines[0] == "train would run again, because"
    assert lines[2].startswith("  data/rows.csv changed, ")
    assert "1.16.0 " in lines[3]
    assert " → 1.17.0 " in lines[3]


def test_what_builds_upon_a_stale_step_waits_for_it(root: Path) -> None:
    for step in ("evaluate", "report", "test"):
        note(root, step)
    assert states(root)["test"] == "up to date"

    write(root, "data/rows.csv", "3,4\n")

    status = look(root, "test")
    assert (status.state, status.waits_for) == ("waits", "train")
    assert status.before == ("train", "evaluate", "report")
    assert not look(root, "train").before
    assert len(list(describe_reasons(status))) == 2


def test_what_builds_upon_a_step_that_never_ran_waits_for_it(root: Path) -> None:
    note(root, "test")

    assert (look(root, "test").state, look(root, "test").waits_for) == ("waits", "evaluate")


def test_what_only_an_index_knows_counts_as_it_was_recorded(root: Path) -> None:
    (learned,) = CHAIN["evaluate"].learns
    note(root, "evaluate", {learned: "1.0"})

    assert look(root, "evaluate").state == "up to date"


def test_a_fetch_that_is_no_longer_configured_keeps_nothing_waiting(root: Path) -> None:
    write_record(root / "build/.trainwheel", Record("data", Fingerprint({}, {}), {}, 1.0, {}))

    assert look(root, "data").state == "skipped"
    assert look(root, "train").state == "up to date"


def test_a_missing_decision_is_a_reason_to_package(root: Path) -> None:
    write(root, "build/version.json", RELEASE.render())
    note(root, "package")
    (root / "build/version.json").unlink()

    status = look(root, "package")

    assert status.state == "stale"
    assert [(reason.what, reason.old, reason.new) for reason in status.reasons] == [
        ("no version has been decided here", None, None)
    ]
    assert len(list(describe_reasons(status))) > 1


NOW, KEY = 1_764_072_000.0, "k" * 64


def ended(root: Path, step: str, marks: str, key: str = "") -> None:
    """Note a run for each + or - with the inputs of a step's record, or of a key."""
    records = open_here(root).workspace.layout.records
    record = read_record(records, step)
    key = key or (record.fingerprint.key if record else KEY)
    for mark in marks:
        append_outcome(records, step, Outcome(key, mark == "+", NOW, 1.0))


def test_runs_that_end_differently_for_the_same_inputs_are_counted(root: Path) -> None:
    ended(root, "train", "+-+")
    ended(root, "train", "--", KEY)

    status = look(root, "train")
    assert (status.passed, status.runs) == (3, 4)  # that of the fixture as well
    assert list(describe_reasons(status))[-1] == "train passed 3 of 4 for these inputs"

    write(root, "data/rows.csv", "3,4\n")
    assert look(root, "train").runs == 0


def test_runs_that_all_ended_alike_are_not_worth_a_line(root: Path) -> None:
    ended(root, "train", "+")

    assert len(list(describe_reasons(look(root, "train")))) == 1


@pytest.mark.parametrize(("is_held", "change"), [
    (True, lambda _: None),
    (False, lambda root: write(root, "data/rows.csv", "5,6\n")),
    (False, lambda root: write(root, "pyproject.toml", f'{PYPROJECT}cache.limit = "0"\n')),
    (False, lambda root: remove_files(root / ".trainwheel/cache/files")),
    (False, lambda root: remove_files(root / ".trainwheel/cache/results")),
    (False, lambda root: ended(root, "train", "-", key_of(root))),
], ids=["same", "data", "no cache", "a file is gone", "no result", "failed since"])  # fmt: skip
@pytest.mark.parametrize("is_stale", [True, False])
def test_the_cache_holds_a_result_of_the_present_inputs(
    root: Path, change: Callable[[Path], object], *, is_held: bool, is_stale: bool
) -> None:
    if is_stale:
        (root / "model/small_model/artefact/model.joblib").unlink()
    else:
        shutil.rmtree(root / "build")

    change(root)

    status = look(root, "train")
    assert status.state == ("stale" if is_stale else "not run")
    assert status.is_cached is is_held


def key_of(root: Path) -> str:
    """Return the key of the present inputs of training."""
    return engine_look(open_here(root).workspace, CHAIN["train"])[0].key


def remove_files(folder: Path) -> None:
    """Remove the files below a folder."""
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        path.unlink()


def test_what_is_up_to_date_is_not_said_to_be_in_the_cache(root: Path) -> None:
    assert not look(root, "train").is_cached


FAILURE = Failure(NOW, "the tests ended with exit code 1", "build/log/test.log")


@pytest.mark.parametrize("step", ["test", "lint", "upload"])
def test_the_failure_of_any_step_is_shown(root: Path, step: str) -> None:
    note_failure(root / "build/.trainwheel", step, FAILURE)

    (line,) = list(describe_reasons(look(root, step)))[-1:]
    assert line.startswith(f"{step} failed 2025-")
    assert line.endswith(": the tests ended with exit code 1; build/log/test.log")


@pytest.mark.parametrize(("finished", "is_shown"), [(1.0, False), (2e9, True)])
def test_a_failure_before_the_last_success_is_over(
    root: Path, finished: float, *, is_shown: bool
) -> None:
    note_failure(root / "build/.trainwheel", "train", Failure(finished, "too bad"))
    if is_shown:
        write_record(root / "build/.trainwheel", Record("train", Fingerprint({}, {}), {}, 1.0, {}))

    assert (look(root, "train").failure is not None) is is_shown


def test_the_step_that_a_run_is_at_is_the_one_at_work(root: Path) -> None:
    lock = root / ".trainwheel/lock"
    descriptor = take(lock, command="nox -s upload", wait=False, notify=print)
    note_step(descriptor, "test")

    statuses = read_status(open_here(root).workspace, CHAIN)

    assert [name for name, status in statuses.items() if status.running] == ["test"]
    line = list(describe_reasons(statuses["test"]))[-1]
    assert f": nox -s upload, now at test (process {os.getpid()} on " in line
    running = statuses["test"].as_json()["running"]
    assert isinstance(running, dict)
    assert (running["step"], running["is_seen"]) == ("test", True)
    os.close(descriptor)


@pytest.mark.parametrize("has_upload", [True, False])
def test_what_is_published_leaves_nothing_to_do_from_version_on(
    root: Path, *, has_upload: bool
) -> None:
    for step in ("evaluate", "report", "test"):
        (learned,) = CHAIN[step].learns or ("",)
        note(root, step, {learned: "1.0"} if learned else None)
    key = release_key(open_here(root).workspace)
    write(root, "build/version.json", replace(RELEASE, releases=False, release_key=key).render())
    if has_upload:
        write_record(root / "build/.trainwheel", Record("upload", Fingerprint({}, {}), {}, 1.0, {}))

    after = {"version": "up to date", "package": "up to date", "upload": "up to date"}
    assert {name: states(root)[name] for name in after} == after
    assert states(root)["verify"] == ("not run" if has_upload else "up to date")
    assert list(describe_reasons(look(root, "package"))) == [
        "package is up to date: what would be released is published"
    ]


@pytest.mark.parametrize(("line", "finished", "state"), [
    ('version.release = "always"', 2e9, "stale"), ('version.release = "always"', 1.0, "up to date"),
    ("", 2e9, "up to date"),
])  # fmt: skip
def test_where_every_run_releases_a_release_is_a_reason_for_the_next(
    root: Path, line: str, finished: float, state: str
) -> None:
    write(root, "pyproject.toml", f"{PYPROJECT}{line}\n")
    note(root, "version")
    upload = Record("upload", Fingerprint({}, {}), {}, 1.0, {}, finished)
    write_record(root / "build/.trainwheel", upload)

    status = look(root, "version")

    assert (state == "stale") is bool(status.reasons)
    assert len(status.reasons) <= 1


@pytest.mark.parametrize("spoil", [
    lambda root: shutil.rmtree(root / "data"),
    lambda root: write(root, "Pipfile", "[packages]\nsix = '>=9'\n"),
    lambda root: (root / "Pipfile.lock").unlink(),
    lambda root: (root / "setup.py").unlink(),
], ids=["data", "Pipfile", "lock", "setup.py"])  # fmt: skip
@pytest.mark.parametrize("is_trained", [True, False])
def test_a_repository_that_could_not_run_can_be_looked_at(
    tmp_path: Path, root: Path, spoil: Callable[[Path], object], *, is_trained: bool
) -> None:
    place = root if is_trained else make_repository(tmp_path / "fresh")

    spoil(place)

    statuses = read_status(open_here(place).workspace, CHAIN)
    assert statuses["test"].is_due
    assert statuses["train"].state in {"not run", "stale", "up to date"}


@pytest.mark.parametrize("is_trained", [True, False])
def test_a_look_writes_nothing(tmp_path: Path, root: Path, *, is_trained: bool) -> None:
    place = root if is_trained else make_repository(tmp_path / "fresh")
    write(place, "data/more.csv", "1\n")
    before = everything(place)

    read_status(command_run(place, Environment({})).workspace, CHAIN)

    assert everything(place) == before


def everything(root: Path) -> dict[Path, tuple[int, int]]:
    """Return the times of all files and folders."""
    statuses = {path: path.stat() for path in (root, *root.rglob("*"))}
    return {path: (each.st_mtime_ns, each.st_size) for path, each in statuses.items()}


def test_a_record_that_cannot_be_read_counts_as_absent(root: Path, sentence: Sentence) -> None:
    write(root, "build/.trainwheel/train.json", "{")

    line, *_ = describe_reasons(look(root, "train"))

    sentence(line)


BEFORE_VERIFY = ("train", "evaluate", "report", "test", "version", "package", "upload")


@pytest.mark.parametrize(("name", "expected"), [
    ("train", ["train has not run here, or its record cannot be read"]),
    ("report", ["report has not run here, or its record cannot be read",
                "before report would run: train, evaluate"]),
    ("verify", ["verify has not run here, or its record cannot be read",
                f"before verify would run: {', '.join(BEFORE_VERIFY)}"]),
    ("doc", ["doc is skipped: this repository has nothing for it to do"]),
    ("data", ["data is skipped: this repository has nothing for it to do"]),
    *((step.name, [f"{step.name} runs whenever it is asked for; no record of it is kept"])
      for step in CHAIN.steps if not step.is_link),
])  # fmt: skip
def test_before_anything_has_run_each_step_says_what_it_would_need(
    tmp_path: Path, name: str, expected: list[str]
) -> None:
    status = look(make_repository(tmp_path), name)

    assert list(describe_reasons(status)) == expected
    assert status.is_due is ("has not run" in expected[0])


def test_every_step_has_a_status_and_the_links_come_first(tmp_path: Path) -> None:
    statuses = read_status(open_here(make_repository(tmp_path)).workspace, CHAIN)

    assert list(statuses) == list(CHAIN.by_name)
    assert all([*describe_reasons(status)] for status in statuses.values())


def test_a_status_is_a_json_document() -> None:
    reasons, owner = (Reason("a\n.csv", "1", None),), Owner(7, "elsewhere", "nox -s train", 1.0)
    status = StepStatus("train", "stale", NOW, 1.0, reasons, failure=FAILURE, running=owner)

    assert json.loads(json.dumps(status.as_json())) == {
        "step": "train",
        "state": "stale",
        "finished": NOW,
        "seconds": 1.0,
        "reasons": [{"what": "a\n.csv", "old": "1", "new": None}],
        "waits_for": None,
        "before": [],
        "is_cached": False,
        "passed": 0,
        "runs": 0,
        "failure": {"finished": NOW, "message": FAILURE.message, "log": FAILURE.log},
        "running": {"pid": 7, "host": "elsewhere", "command": "nox -s train", "started": 1.0,
                    "step": "", "step_started": 0.0, "is_seen": False},
        "is_optional": False,
    }  # fmt: skip
