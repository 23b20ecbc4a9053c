"""How the steps stand is told without running any, and every reason is named."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from trainwheel.cli.status import describe_reasons, render_table
from trainwheel.engine.execute import run_step
from trainwheel.engine.fingerprint import Fingerprint, Reason
from trainwheel.engine.inputs import fingerprint
from trainwheel.engine.records import Record, write_record
from trainwheel.engine.status import StepStatus, read_status, why
from trainwheel.steps import load_chain
from unit.repository import RELEASE, make_repository, open_here, write, write_lock

CHAIN = load_chain()
AT_NOON = 1_764_072_000.0


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small repository that was trained."""
    root = make_repository(tmp_path / "small")

    def work(scratch: Path) -> Mapping[str, str]:
        (scratch / "model.joblib").write_text("weights")
        (scratch / "model.joblib.json").write_text("{}")
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


def test_a_fresh_repository_has_run_nothing(tmp_path: Path) -> None:
    root = make_repository(tmp_path / "small")

    found = states(root)
    assert {found.pop(step) for step in ("doc", "data")} == {"skipped"}
    assert set(found.values()) == {"not run"}
    assert not (root / ".trainwheel").exists()


def test_a_step_that_ran_is_up_to_date_and_the_others_are_not_run(root: Path) -> None:
    found = states(root)

    assert found.pop("train") == "up to date"
    assert {found.pop(step) for step in ("doc", "data")} == {"skipped"}
    assert set(found.values()) == {"not run"}


def test_each_reason_is_told_with_what_was_and_what_is(root: Path) -> None:
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
    assert list(describe_reasons(status)) == [
        "test builds upon what train makes, and that is not up to date"
    ]


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


def test_a_version_that_is_gone_is_a_reason_to_package(root: Path) -> None:
    write(root, "build/version.json", RELEASE.render())
    note(root, "package")
    (root / "build/version.json").unlink()

    status = look(root, "package")

    assert status.state == "stale"
    assert [*describe_reasons(status)][:2] == [
        "package would run again, because",
        "  no version has been decided here",
    ]


def test_a_record_that_cannot_be_read_is_none(root: Path) -> None:
    write(root, "build/.trainwheel/train.json", "{")

    status = look(root, "train")

    assert list(describe_reasons(status)) == [
        "train has not run here, or its record cannot be read"
    ]


def test_the_table_has_a_line_for_each_step() -> None:
    reasons = (Reason("a.csv", None, "1"), Reason("b.csv", "1", "2"))
    steps = [
        StepStatus("train", "stale", AT_NOON - 86_400 * 40, 12.34, reasons),
        StepStatus("test", "waits", AT_NOON, 0.5, (), "train"),
        StepStatus("package", "not run"),
    ]

    lines = list(render_table(steps, now=AT_NOON))

    assert lines[0].split() == ["step", "state", "since", "took"]
    assert "stale: a.csv is new and 1 more" in lines[1]
    assert lines[1].endswith("12.3 s")
    assert "waits for train" in lines[2]
    assert lines[3] == "package  not run"


def test_a_clock_that_went_back_breaks_no_table() -> None:
    lines = list(render_table([StepStatus("train", "up to date", AT_NOON, 1.0)], now=0.0))

    assert "2025-" in lines[1]


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
