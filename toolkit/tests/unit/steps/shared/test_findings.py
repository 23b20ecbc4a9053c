"""What training and evaluation left in files is read as it was written, or not at all."""

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
    read_intervals,
    read_metrics,
    read_object,
    read_snapshot,
    read_training,
)
from unit.repository import make_repository, write
from unit.steps.opened import SHA, configure, lock_more, open_with

SHAPE = {"rows.csv": {"rows": 3, "columns": {"a": "integer", "b": "text"}},
         "more.csv": {"rows": 4, "columns": {"c": "number"}}}  # fmt: skip
NAMED = {"f1": {"value": 0.7, "low": 0.6, "high": 0.8}}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small model repository."""
    return make_repository(tmp_path / "small")


@pytest.fixture
def layout(root: Path) -> Layout:
    """Its paths."""
    return open_with(root).run.workspace.layout


def test_an_evaluation_survives_its_file(root: Path, layout: Layout) -> None:
    difference = Difference(0.9, 0.8, 0.05, 0.15, 0.02, 40)
    baseline = Baseline("0.1.0", metrics={"f1": 0.8})
    rules = (Rule("f1", minimum=0.95, drop=0.1), Rule("mae", maximum=1.0))
    verdict = evaluate_rules(rules, {"f1": 0.9}, baseline, {"f1": difference}, is_required=True)
    document = {
        "verdict": verdict.as_json(),
        "baseline": {"version": "0.1.0", "metrics": {"f1": 0.8}},
        "measured": {"named": NAMED},
        "compared": {"f1": vars(difference)},
    }
    write(root, "build/evaluate/evaluation.json", json.dumps(document))

    evaluation = read_evaluation(layout)

    assert evaluation.verdict == verdict
    assert evaluation.verdict.outcome == "failed"
    assert evaluation.baseline == baseline
    assert evaluation.measured == {"named": NAMED}
    assert evaluation.compared == {"f1": difference}


UNREADABLE = [None, "", "{}", "[]", "null", '{"verdict": ', "[" * 100_000, "\udcff"]


def put(root: Path, name: str, text: str | None) -> None:
    if text is not None:
        write(root, name, "").write_bytes(text.encode("utf-8", "surrogateescape"))


@pytest.mark.parametrize("text", UNREADABLE)
def test_without_an_evaluation_it_says_how_to_make_one(
    root: Path, layout: Layout, text: str | None
) -> None:
    put(root, "build/evaluate/evaluation.json", text)

    with pytest.raises(StepFailedError) as caught:
        read_evaluation(layout)

    assert "build/evaluate/evaluation.json" in caught.value.message
    assert "nox -s evaluate" in caught.value.hint


@pytest.mark.parametrize("text", UNREADABLE)
def test_what_is_no_object_is_an_empty_one(root: Path, text: str | None) -> None:
    put(root, "build/some.json", text)

    assert read_object(root / "build" / "some.json") == {}


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("metrics.json", {"f1": 0.5, "n": 7}, read_metrics),
        ("data.json", {"wine": SHA}, read_data_digests),
        ("training.json", {"seconds": 1}, read_training),
    ],
)
def test_what_training_wrote_is_read_and_nothing_is_empty(
    root: Path, layout: Layout, name: str, value: Any, read: Callable[[Layout], Any]
) -> None:
    assert read(layout) == {}

    write(root, f"build/train/{name}", json.dumps(value))

    assert read(layout) == value


@pytest.mark.parametrize(
    ("name", "text", "read"),
    [
        ("metrics.json", "[]", read_metrics),
        ("metrics.json", '{"f1": "high"}', read_metrics),
        ("metrics.json", '{"f1": Infinity}', read_metrics),
        ("metrics.json", "", read_metrics),
        ("data.json", '{"wine": "abc"}', read_data_digests),
        ("data.json", "", read_data_digests),
        ("metrics.json", "[]", read_intervals),
    ],
)
def test_what_training_wrote_wrongly_is_named(
    root: Path, layout: Layout, name: str, text: str, read: Callable[[Layout], Any]
) -> None:
    write(root, f"build/train/{name}", text)

    with pytest.raises(StepFailedError, match=name.replace(".", r"\.")):
        read(layout)


@pytest.mark.parametrize(
    ("training", "engine"),
    [
        (None, "local"),
        ("{", "local"),
        ('{"seconds": 1}', "local"),
        ('{"cluster": {}}', "local"),
        ('{"cluster": {"workers": 2}}', "dask"),
    ],
)
def test_the_engine_is_the_one_that_trained(
    root: Path, layout: Layout, training: str | None, engine: str
) -> None:
    put(root, "build/train/training.json", training)

    assert read_engine(layout) == engine


@pytest.mark.parametrize(
    ("metrics", "intervals"),
    [
        ({"f1": 0.7}, {"f1": (0.6, 0.8)}),
        ({"f1": 0.7, "f1_low": 0.1, "f1_high": 0.9}, {"f1": (0.1, 0.9)}),
        ({"mae": 1.0, "mae_low": 0.5, "mae_high": 2.0}, {"f1": (0.6, 0.8), "mae": (0.5, 2.0)}),
    ],
)
def test_intervals_are_those_of_training_and_then_what_was_measured(
    root: Path, layout: Layout, metrics: dict[str, float], intervals: dict[str, Any]
) -> None:
    write(root, "build/train/metrics.json", json.dumps(metrics))
    write(root, "build/evaluate/evaluation.json", json.dumps({"measured": {"named": NAMED}}))

    assert read_intervals(layout) == intervals


def record_data(root: Path, **facts: str) -> None:
    write_record(root / "build/.trainwheel", Record("data", Fingerprint({}, {}), {}, 1.0, facts))


def test_a_snapshot_is_told_by_its_record(root: Path) -> None:
    lock_more(root, "data")
    configure(root, 'data.command = "fetch {folder}"')
    write(root, "pyproject.toml",
          (root / "pyproject.toml").read_text().replace('data = ["data"]\n', ""))  # fmt: skip
    record_data(root, shape=json.dumps(SHAPE), version="v7")

    snapshot = read_snapshot(open_with(root).run.workspace)

    assert snapshot is not None
    digest = snapshot.pop("columns_digest")
    assert snapshot == {
        "version": "v7",
        "rows": 7,
        "columns": {
            "rows.csv": {"a": "integer", "b": "text"},
            "more.csv": {"c": "number"},
        },
    }
    record_data(root, shape=json.dumps({"rows.csv": SHAPE["rows.csv"]}), version="")
    other = read_snapshot(open_with(root).run.workspace)
    assert other is not None
    assert other["version"] is None
    assert other["columns_digest"] != digest


def test_data_that_no_command_fetches_has_no_snapshot(root: Path) -> None:
    # As it is left where a command was configured before.
    record_data(root, shape=json.dumps(SHAPE), version="v7")

    assert read_snapshot(open_with(root).run.workspace) is None


@pytest.mark.parametrize("facts", [None, {}, {"signature": "x"}])
def test_a_command_that_has_not_run_has_no_snapshot(
    root: Path, facts: dict[str, str] | None
) -> None:
    text = (root / "pyproject.toml").read_text().replace('data = ["data"]\n', "")
    write(root, "pyproject.toml", f'{text}data.command = "fetch {{folder}}"\n')
    if facts is not None:
        record_data(root, **facts)

    assert read_snapshot(open_with(root).run.workspace) is None


def test_a_record_whose_shape_is_broken_is_one_line(root: Path) -> None:
    text = (root / "pyproject.toml").read_text().replace('data = ["data"]\n', "")
    write(root, "pyproject.toml", f'{text}data.command = "fetch {{folder}}"\n')
    record_data(root, shape="{")

    with pytest.raises(TrainwheelError, match="the record of data"):
        read_snapshot(open_with(root).run.workspace)
