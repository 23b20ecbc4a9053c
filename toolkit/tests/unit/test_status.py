"""How the steps stand is told without running any, and every reason is named."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from trainwheel.cli.status import describe_reasons, render_table
from trainwheel.engine.fingerprint import Reason
from trainwheel.engine.inputs import fingerprint
from trainwheel.engine.records import Record, write_record
from trainwheel.engine.run import run_step
from trainwheel.engine.status import StepStatus, read_status, why
from trainwheel.steps.shared.facts import facts_of
from unit.repository import make_repository, open_here, write, write_lock

AT_NOON = 1_764_072_000.0


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small repository that was trained."""
    root = make_repository(tmp_path / "small")
    project = open_here(root)

    def work(scratch: Path) -> Mapping[str, str]:
        (scratch / "model.joblib").write_text("weights")
        (scratch / "model.joblib.json").write_text("{}")
        (scratch / "train").mkdir()
        return {"summary": "trained"}

    run_step(project, "train", facts_of(project, "train"), work)
    return root


def states(root: Path) -> dict[str, str]:
    return {status.step: status.state for status in read_status(open_here(root))}


def test_a_fresh_repository_has_run_nothing(tmp_path: Path) -> None:
    root = make_repository(tmp_path / "small")

    found = states(root)
    assert found.pop("doc") == "left out"
    assert set(found.values()) == {"not run"}
    assert not (root / ".trainwheel").exists()


def test_a_step_that_ran_is_up_to_date_and_the_others_are_not_run(root: Path) -> None:
    found = states(root)

    assert found.pop("train") == "up to date"
    assert found.pop("doc") == "left out"
    assert set(found.values()) == {"not run"}


def test_each_reason_is_told_with_what_was_and_what_is(root: Path) -> None:
    write(root, "data/rows.csv", "3,4\n")
    write(root, "data/more.csv", "")
    write_lock(root, six="==1.17.0")
    (root / "model/small_model/artefact/model.joblib").unlink()

    status = why(open_here(root), "train")

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
    project = open_here(root)
    write(root, "build/test/pytest.xml", "")
    now = fingerprint(project, "test", facts_of(project, "test"))
    outputs = {"build/test": project.digests.output(root / "build/test")}
    write_record(project.records, Record("test", now, outputs, 1.0, {}))
    assert states(root)["test"] == "up to date"

    write(root, "data/rows.csv", "3,4\n")

    status = why(open_here(root), "test")
    assert (status.state, status.waits_for) == ("waits", "train")
    assert list(describe_reasons(status)) == [
        "test builds upon what train makes, and that is not up to date"
    ]


def test_a_record_that_cannot_be_read_is_none(root: Path) -> None:
    write(root, "build/.trainwheel/train.json", "{")

    status = why(open_here(root), "train")

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
