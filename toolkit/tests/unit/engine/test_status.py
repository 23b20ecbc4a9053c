"""The status of the steps, without running any, and every reason for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from trainwheel.cli.status import describe_reasons
from trainwheel.engine.execute import run_step
from trainwheel.engine.fingerprint import Fingerprint, Reason
from trainwheel.engine.inputs import fingerprint
from trainwheel.engine.records import Record, read_record, write_record
from trainwheel.engine.status import StepStatus, file_reasons, read_status, why
from trainwheel.steps import load_chain
from unit.repository import PYPROJECT, RELEASE, make_repository, open_here, write, write_lock

Sentence = Callable[[object], None]
CHAIN = load_chain()
AT_NOON = 1_764_072_000.0


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
    return {status.step: status.state for status in read_status(open_here(root).workspace, CHAIN)}


def look(root: Path, step: str) -> StepStatus:
    return why(open_here(root).workspace, CHAIN, step)


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
    assert len(list(describe_reasons(status))) == 1


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


def test_facts_may_be_taken_from_the_record(root: Path) -> None:
    write(root, "pyproject.toml", PYPROJECT + "train.threads = 2\n")
    workspace = open_here(root).workspace
    record = read_record(workspace.layout.records, "train")
    assert record is not None

    (reason,) = file_reasons(workspace, CHAIN["train"], record)

    assert not file_reasons(workspace, CHAIN["train"], record, fixed=(reason.what, "other"))


def test_a_record_that_cannot_be_read_counts_as_absent(root: Path, sentence: Sentence) -> None:
    write(root, "build/.trainwheel/train.json", "{")

    (line,) = describe_reasons(look(root, "train"))

    sentence(line)


@pytest.mark.parametrize("name", [step.name for step in CHAIN.steps])
def test_every_step_has_a_status(tmp_path: Path, name: str) -> None:
    status = look(make_repository(tmp_path), name)

    absent = {"doc": "skipped", "data": "skipped"}.get(name, "not run")
    assert (status.step, status.state) == (name, absent if CHAIN[name].is_link else "always runs")
    assert [*describe_reasons(status)]


def test_a_status_is_a_json_document() -> None:
    status = StepStatus("train", "stale", AT_NOON, 1.0, (Reason("a\n.csv", "1", None),))

    assert json.loads(json.dumps(status.as_json())) == {
        "step": "train",
        "state": "stale",
        "finished": AT_NOON,
        "seconds": 1.0,
        "reasons": [{"what": "a\n.csv", "old": "1", "new": None}],
        "waits_for": None,
    }
