"""What the provenance says of training and evaluation is what they left, not what is configured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from trainwheel.errors import StepFailedError
from trainwheel.evaluation.gate import Baseline, Verdict
from trainwheel.evaluation.metrics import intervals_of, parse_data_digests
from trainwheel.evaluation.report import Subject, headlines
from trainwheel.steps import load_chain
from trainwheel.steps.shared.findings import read_data_digests, read_engine, read_intervals
from unit.repository import PYPROJECT, make_repository, open_here, write

SHA = "ab" * 32
CLUSTER = {"address": "tcp://10.0.0.1:8786", "workers": 2, "lost_workers": 0, "repeated_tasks": 0}
METRICS = {"accuracy": 0.9, "accuracy_low": 0.8, "accuracy_high": 0.95, "f1": 0.7, "rows": 124}
MEASURED = {
    "measured": {
        "accuracy": {"value": 0.9, "low": 0.81, "high": 0.96},
        "f1": {"value": 0.7, "low": 2 / 3, "high": 0.75},
        "log_loss": {"value": 0.2, "low": 0.1, "high": 0.3},
    },
    "named": {
        "accuracy": {"value": 0.9, "low": 0.81, "high": 0.96},
        "f1": {"value": 0.7, "low": 2 / 3, "high": 0.75},
    },
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small model repository."""
    return make_repository(tmp_path / "small")


@pytest.mark.parametrize("configured", ["local", "dask"])
@pytest.mark.parametrize(
    ("training", "engine"),
    [({"cluster": CLUSTER}, "dask"), ({"seconds": 1.0}, "local"), (None, "local")],
)
def test_the_engine_is_the_one_that_trained(
    root: Path, configured: str, training: dict[str, Any] | None, engine: str
) -> None:
    if training is not None:
        write(root, "build/train/training.json", json.dumps(training))
    write(root, "pyproject.toml", f'{PYPROJECT}train.engine = "{configured}"\n')
    workspace = open_here(root).workspace

    assert workspace.config.engine == configured
    assert read_engine(workspace.layout) == engine


def test_every_interval_is_told_and_that_of_training_counts_first() -> None:
    assert intervals_of(METRICS, MEASURED) == {"accuracy": (0.8, 0.95), "f1": (0.666666667, 0.75)}


@pytest.mark.parametrize("metrics", [{}, {"my_own": 3.0}])
def test_where_training_wrote_no_known_metric_all_that_was_measured_is_told(
    metrics: dict[str, float],
) -> None:
    assert set(intervals_of(metrics, MEASURED)) == {"accuracy", "f1", "log_loss"}


def test_what_has_no_interval_has_none() -> None:
    measured = {"measured": {"r2": {"value": 0.5, "low": None, "high": None}}}

    assert intervals_of({"r2": 0.5}, measured) == {}
    assert intervals_of({"r2": 0.5}, {}) == {}


@pytest.mark.parametrize("metrics", [METRICS, {}, {"f1": 0.7}])
def test_the_report_shows_those_intervals_and_no_others(metrics: dict[str, float]) -> None:
    rows = headlines(Subject("small", metrics, MEASURED, Baseline(), {}, Verdict()))

    assert {row.name for row in rows if row.interval} == set(intervals_of(metrics, MEASURED))


def test_the_intervals_of_the_evaluation_are_read(root: Path) -> None:
    write(root, "build/train/metrics.json", json.dumps(METRICS))
    write(root, "build/evaluate/evaluation.json", json.dumps({"measured": MEASURED}))

    assert set(read_intervals(open_here(root).workspace.layout)) == {"accuracy", "f1"}


def test_without_an_evaluation_the_intervals_are_those_of_training(root: Path) -> None:
    write(root, "build/train/metrics.json", json.dumps(METRICS))

    assert read_intervals(open_here(root).workspace.layout) == {"accuracy": (0.8, 0.95)}


def test_data_that_is_no_file_has_the_digest_that_training_wrote(root: Path) -> None:
    assert read_data_digests(open_here(root).workspace.layout) == {}

    write(root, "build/train/data.json", json.dumps({"sklearn.datasets.load_wine": SHA}))

    assert read_data_digests(open_here(root).workspace.layout) == {
        "sklearn.datasets.load_wine": SHA
    }


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "data.json is not a JSON object"),
        ("[" * 100_000, "data.json is not a JSON object"),
        ('["a"]', "data.json is not a JSON object"),
        ('{"wine": "abc"}', "'wine' has 'abc', which is not a sha256"),
        (json.dumps({"wine": SHA.upper()}), "'wine' has"),
        (json.dumps({"wine": f"{SHA}\n"}), "'wine' has"),
        (json.dumps({"wine": None}), "'wine' has None"),
        (json.dumps({"wine": {"sha256": SHA}}), "'wine' has"),
        (json.dumps({" ": SHA}), "' ' has"),
    ],
)
def test_other_digests_are_one_line(text: str, told: str) -> None:
    with pytest.raises(StepFailedError) as caught:
        parse_data_digests(text)

    assert told in str(caught.value)
    assert "name → sha256" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("build/train/training.json", {"cluster": CLUSTER}),
        ("build/train/data.json", {"wine": SHA}),
        ("build/evaluate/evaluation.json", {"measured": MEASURED}),
    ],
)
def test_a_wheel_is_made_anew_where_its_provenance_would_say_something_else(
    root: Path, name: str, content: dict[str, Any]
) -> None:
    write(root, "build/train/metrics.json", json.dumps(METRICS))
    release = {"name": "small-model", "version": "0.1.0", "releases": True, "reason": "",
               "release_key": SHA, "always": False}  # fmt: skip
    write(root, "build/version.json", json.dumps(release))
    package = load_chain()["package"]
    before = package.facts(open_here(root).workspace)

    write(root, name, json.dumps(content))

    assert package.facts(open_here(root).workspace) != before
