"""The result files of training and evaluation are read as they were written, or refused by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trainwheel.engine.fingerprint import Fingerprint
from trainwheel.engine.layout import Layout
from trainwheel.engine.records import Record, write_record
from trainwheel.errors import StepFailedError, TrainwheelError
from trainwheel.evaluation.gate import Baseline, Difference, Rule, evaluate_rules
from trainwheel.steps.shared.findings import (
    read_data_digests,
    read_engine,
    read_evaluation,
    read_metrics,
    read_object,
    read_snapshot,
)
from unit.repository import PYPROJECT, open_here, write
from unit.steps.session import SHA

EVALUATION = "build/evaluate/evaluation.json"
UNREADABLE = [None, "", "{}", "[]", "null", '{"verdict": ', "[" * 100_000, "\udcff"]
Read = Callable[[Layout], Any]


@pytest.fixture
def layout(root: Path) -> Layout:
    """The paths of the repository."""
    return open_here(root).workspace.layout


def put(root: Path, name: str, text: str | None) -> None:
    if text is not None:
        write(root, name, "").write_bytes(text.encode("utf-8", "surrogateescape"))


def test_an_evaluation_survives_its_file(root: Path, layout: Layout) -> None:
    difference = Difference(0.9, 0.8, 0.05, 0.15, 0.02, 40)
    baseline = Baseline("0.1.0", metrics={"f1": 0.8})
    rules = (Rule("f1", minimum=0.95, drop=0.1), Rule("mae", maximum=1.0))
    verdict = evaluate_rules(rules, {"f1": 0.9}, baseline, {"f1": difference}, is_required=True)
    document = {
        "verdict": verdict.as_json(), "baseline": {"version": "0.1.0", "metrics": {"f1": 0.8}},
        "measured": {"named": {}}, "compared": {"f1": vars(difference)},
    }  # fmt: skip
    write(root, EVALUATION, json.dumps(document))

    evaluation = read_evaluation(layout)

    assert (evaluation.verdict, evaluation.baseline) == (verdict, baseline)
    assert evaluation.verdict.outcome == "failed"
    assert evaluation.measured == {"named": {}}
    assert evaluation.compared == {"f1": difference}


@pytest.mark.parametrize("text", UNREADABLE)
def test_a_file_without_an_object_is_an_empty_object_and_no_evaluation(
    root: Path, layout: Layout, text: str | None
) -> None:
    put(root, EVALUATION, text)

    assert read_object(root / EVALUATION) == {}
    with pytest.raises(StepFailedError, match=EVALUATION) as caught:
        read_evaluation(layout)
    assert "nox -s evaluate" in caught.value.hint


@pytest.mark.parametrize(("name", "value", "reader"), [
    ("metrics.json", {"f1": 0.5, "n": 7}, read_metrics),
    ("data.json", {"wine": SHA}, read_data_digests),
])  # fmt: skip
def test_a_file_of_training_is_read_and_may_be_missing(
    root: Path, layout: Layout, name: str, value: Any, reader: Read
) -> None:
    assert reader(layout) == {}

    write(root, f"build/train/{name}", json.dumps(value))

    assert reader(layout) == value


@pytest.mark.parametrize(("training", "engine"), [
    (None, "local"), ("{", "local"), ('{"seconds": 1}', "local"), ('{"cluster": {}}', "local"),
    ('{"cluster": {"workers": 2}}', "dask"),
])  # fmt: skip
@pytest.mark.parametrize("configured_engine", ["local", "dask"])
def test_the_engine_is_the_one_that_trained_not_the_one_configured(
    root: Path, training: str | None, engine: str, configured_engine: str
) -> None:
    put(root, "build/train/training.json", training)
    write(root, "pyproject.toml", f'{PYPROJECT}train.engine = "{configured_engine}"\n')

    assert read_engine(open_here(root).workspace.layout) == engine


SHAPE = {"rows.csv": {"rows": 3, "columns": {"a": "integer", "b": "text"}},
         "more.csv": {"rows": 4, "columns": {"c": "number"}}}  # fmt: skip


def snapshot_of(root: Path, *, command: bool = True, **facts: str) -> dict[str, Any] | None:
    """Return the snapshot where a command is configured or was, and the data's record says this."""
    if command:
        text = PYPROJECT.replace('data = ["data"]\n', 'data.command = "fetch {folder}"\n')
        write(root, "pyproject.toml", text)
    write_record(root / "build/.trainwheel", Record("data", Fingerprint({}, {}), {}, 1.0, facts))
    return read_snapshot(open_here(root).workspace)


def test_a_snapshot_is_described_from_its_record(root: Path) -> None:
    snapshot = snapshot_of(root, shape=json.dumps(SHAPE), version="v7")
    other = snapshot_of(root, shape=json.dumps({"rows.csv": SHAPE["rows.csv"]}), version="")

    assert snapshot is not None
    assert other is not None
    assert (snapshot["version"], other["version"]) == ("v7", None)
    assert snapshot["rows"] == 7
    assert snapshot["columns"] == {name: file["columns"] for name, file in SHAPE.items()}
    assert snapshot["columns_digest"] != other["columns_digest"]


def test_data_that_no_command_has_fetched_has_no_snapshot(root: Path) -> None:
    assert snapshot_of(root, command=False, shape=json.dumps(SHAPE), version="v7") is None
    assert snapshot_of(root) is None
    assert snapshot_of(root, signature="x") is None


def test_a_record_whose_shape_is_malformed_is_named(root: Path) -> None:
    with pytest.raises(TrainwheelError, match="the record of data"):
        snapshot_of(root, shape="{")
