"""The provenance of a model is true: how it was trained, on what, how good it is."""

from __future__ import annotations

import hashlib
import json
import sys
import sysconfig
from pathlib import Path

import pytest

from trainwheel.engine.fingerprint import Fingerprint
from trainwheel.engine.records import Record, write_record
from trainwheel.engine.release import Release
from trainwheel.errors import ConfigurationError
from trainwheel.steps.shared.describe import trace
from trainwheel.system.git import Commit
from trainwheel.wheel.provenance import Provenance
from unit.model_wheels import GOLDEN, ONE, OTHER
from unit.repository import PYPROJECT, make_repository, open_here, write, write_lock

RELEASE = Release("Small.Model", "0.1.7", releases=True, always=False, reason="", release_key=ONE)
COMMIT = Commit("c" * 40, is_dirty=False, time=1_700_000_000)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small model repository whose model is trained."""
    root = make_repository(tmp_path / "small")
    write(root, "build/train/golden.jsonl", GOLDEN)
    return root


def traced(root: Path) -> Provenance:
    return trace(open_here(root).workspace, RELEASE, COMMIT)


def sha256(root: Path, name: str) -> str:
    return hashlib.sha256((root / name).read_bytes()).hexdigest()


def test_it_names_release_and_commit(root: Path) -> None:
    said = traced(root)

    assert (said.name, said.version, said.release_key) == ("small-model", "0.1.7", ONE)
    assert (said.commit, said.dirty) == ("c" * 40, False)
    assert said.commit_time == "2023-11-14T22:13:20Z"


def test_outside_git_it_names_no_commit(root: Path) -> None:
    said = trace(open_here(root).workspace, RELEASE, Commit(None, is_dirty=True, time=0))

    assert (said.commit, said.dirty, said.commit_time) == (None, True, None)


def test_it_names_command_python_and_platform(root: Path) -> None:
    said = traced(root).training

    assert said.command == "python -m small_training -o {model} -t {report}"
    assert said.python == f"{sys.implementation.name} {sys.version.split()[0].rstrip('+')}"
    assert said.platform == sysconfig.get_platform()


@pytest.mark.parametrize(
    ("taken", "engine"),
    [
        (None, "local"),
        ("{}", "local"),
        ('{"cluster": null}', "local"),
        ('{"cluster": {"workers": 2}}', "dask"),
        ("cut sho", "local"),
    ],
)
@pytest.mark.parametrize("configured", ["local", "dask"])
def test_the_engine_is_the_one_that_trained_not_the_one_configured(
    root: Path, taken: str | None, engine: str, configured: str
) -> None:
    write_lock(root, engine=["dask", "distributed"])
    write(root, "pyproject.toml", f'{PYPROJECT}train.engine = "{configured}"\n')
    if taken is not None:
        write(root, "build/train/training.json", taken)

    assert traced(root).training.engine == engine


def test_its_data_is_each_file_and_what_training_names_itself(root: Path) -> None:
    write(root, "data/more/rows.csv", "3,4\n")
    named = {"sklearn/breast_cancer": OTHER, "data/rows.csv": OTHER}
    write(root, "build/train/data.json", json.dumps(named))

    assert traced(root).training.data == {
        "sklearn/breast_cancer": OTHER,
        "data/rows.csv": sha256(root, "data/rows.csv"),
        "data/more/rows.csv": sha256(root, "data/more/rows.csv"),
    }


@pytest.mark.parametrize(
    ("name", "moves"),
    [
        ("model/small_training/__main__.py", True),
        ("model/small_model/classifier.py", True),
        ("data/rows.csv", False),
        ("docs/index.md", False),
        ("model/small_model/artefact/model.joblib", False),
    ],
)
def test_the_digest_of_its_source_is_of_code_alone(root: Path, name: str, *, moves: bool) -> None:
    before = traced(root).training.source

    write(root, name, "changed = 1\n")

    assert (traced(root).training.source != before) is moves


SHAPE = {"data/rows.csv": {"rows": 1, "columns": {"a": "int"}}}


@pytest.mark.parametrize(
    ("command", "facts", "snapshot"),
    [
        (True, {"shape": json.dumps(SHAPE), "version": "v7"}, ("v7", 1)),
        (True, {"shape": json.dumps(SHAPE), "version": ""}, (None, 1)),
        (True, {}, None),
        (False, {"shape": json.dumps(SHAPE), "version": "v7"}, None),
    ],
)
def test_a_snapshot_is_told_where_a_command_fetched_it(
    root: Path, *, command: bool, facts: dict[str, str], snapshot: tuple[str | None, int] | None
) -> None:
    if command:
        fetch = PYPROJECT.replace('data = ["data"]\n', "")
        write(root, "pyproject.toml", f'{fetch}data.command = "python fetch.py {{data}}"\n')
        write(root, "build/data/rows.csv", "1\n")
    run = open_here(root)
    record = Record("data", Fingerprint({}, {}), {}, 1.0, facts)
    write_record(run.workspace.layout.records, record)

    said = trace(run.workspace, RELEASE, COMMIT).training.snapshot

    assert (said and (said["version"], said["rows"])) == snapshot
    assert said is None or said["columns"] == {"data/rows.csv": {"a": "int"}}


def test_bounds_become_intervals_and_no_metrics(root: Path) -> None:
    metrics = {"accuracy": 0.9, "accuracy_low": 0.8, "accuracy_high": 0.95, "rows_low": 3}
    write(root, "build/train/metrics.json", json.dumps(metrics))

    said = traced(root)

    assert said.metrics == {"accuracy": 0.9, "rows_low": 3}
    assert said.intervals == {"accuracy": (0.8, 0.95)}


def test_intervals_are_those_of_the_report(root: Path) -> None:
    write(
        root,
        "build/train/metrics.json",
        '{"accuracy": 0.9, "f1": 0.7, "f1_low": 0.5, "f1_high": 0.8}',
    )
    bounds = {name: {"value": 0.9, "low": 0.81, "high": 0.97} for name in ("accuracy", "f1", "auc")}
    write(root, "build/evaluate/evaluation.json", json.dumps({"measured": {"measured": bounds}}))

    assert traced(root).intervals == {"accuracy": (0.81, 0.97), "f1": (0.5, 0.8)}


def test_without_metrics_it_tells_none(root: Path) -> None:
    said = traced(root)

    assert (said.metrics, said.intervals, said.gate, said.training.parameters) == ({}, {}, None, {})


def test_the_gate_is_told_with_its_zeros_and_without_defaults(root: Path) -> None:
    rules = "gate.accuracy = { min = 0.0, max-drop = 0 }\n"
    rules += 'gate.odd = { max-drop-relative = 0.1, direction = "lower" }\n'
    write(root, "pyproject.toml", PYPROJECT + rules)

    assert traced(root).gate == {
        "accuracy": {"minimum": 0.0, "drop": 0},
        "odd": {"drop_relative": 0.1, "direction": "lower"},
    }


def test_packages_are_those_of_runtime_and_training(root: Path) -> None:
    write_lock(root, six="==1.16.9")
    lock = json.loads((root / "Pipfile.lock").read_text())
    lock["train"] = {"joblib": {"version": "==1.6.0", "hashes": [f"sha256:{ONE}"]}}
    write(root, "Pipfile.lock", json.dumps(lock))

    assert traced(root).packages == {"six": "1.16.9", "joblib": "1.6.0"}


def test_artefact_and_golden_predictions_are_told_by_their_bytes(root: Path) -> None:
    name = "model/small_model/artefact/model.joblib"
    write(root, name, "other weights")
    write(root, "build/train/golden.jsonl", GOLDEN * 3)
    write(root, "pyproject.toml", f"{PYPROJECT}tolerance = 0.25\n")

    said = traced(root)

    assert said.artefact.path == "small_model/artefact/model.joblib"
    assert (said.artefact.sha256, said.artefact.size) == (sha256(root, name), 13)
    assert said.golden.sha256 == sha256(root, "build/train/golden.jsonl")
    assert (said.golden.count, said.golden.tolerance) == (3, 0.25)
    assert said.golden.predict == "small_model.classifier:predict_record"


@pytest.mark.parametrize(
    "text", ["[1]", "null", "{", "[" * 100_000], ids=["list", "null", "cut", "deep"]
)
def test_parameters_are_a_json_object(root: Path, text: str) -> None:
    write(root, "build/train/params.json", text)

    with pytest.raises(ConfigurationError, match=r"params\.json"):
        traced(root)
