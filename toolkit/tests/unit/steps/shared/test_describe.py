"""The documents in a wheel's metadata: a true provenance, golden predictions, and the bill."""

from __future__ import annotations

import json
import sys
import sysconfig
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from trainwheel import __version__
from trainwheel.engine.fingerprint import Fingerprint
from trainwheel.engine.records import Record, write_record
from trainwheel.errors import ConfigurationError
from trainwheel.install.bytecode import site_packages
from trainwheel.install.environments import Installer
from trainwheel.requirements.lockfile import requirements
from trainwheel.steps.shared.describe import contents_of, describe, trace
from trainwheel.steps.shared.release import Release
from trainwheel.system.digest import digest_file
from trainwheel.system.git import Commit
from trainwheel.wheel.distributions import Distribution
from trainwheel.wheel.provenance import Provenance, parse_provenance
from trainwheel.wheel.sbom import Contents
from unit.model_wheels import GOLDEN, ONE, OTHER
from unit.repository import PYPROJECT, open_here, write, write_lock

RELEASE = Release("Small.Model", "0.1.7", releases=True, always=False, reason="", release_key=ONE)
COMMIT = Commit("c" * 40, is_dirty=False, time=1_700_000_000)
OWN = Distribution("small-model", "0.1.7")
MODEL = "model/small_model/artefact/model.joblib"


@pytest.fixture(autouse=True)
def golden(root: Path) -> Path:
    """The golden predictions of the trained model."""
    return write(root, "build/train/golden.jsonl", GOLDEN)


def provenance_of(root: Path, commit: Commit = COMMIT) -> Provenance:
    return trace(open_here(root).workspace, RELEASE, commit)


def test_a_wheel_gets_provenance_golden_predictions_and_bill(root: Path) -> None:
    provenance = provenance_of(root)

    workspace = open_here(root).workspace
    contents = Contents(OWN, requirements(workspace.lock, "packages"))

    documents = describe(workspace, provenance, contents)

    bill = json.loads(documents.pop("sboms/small-model.cdx.json"))
    assert documents == {
        "trainwheel/provenance.json": provenance.render().encode(),
        "trainwheel/golden.jsonl": GOLDEN.encode(),
    }
    names = ["data/rows.csv", "six", provenance.artefact.path]
    assert [part["name"] for part in bill["components"]] == names
    assert bill["metadata"]["component"]["version"] == "0.1.7"
    assert bill["metadata"]["tools"]["components"][0]["version"] == __version__


@pytest.mark.parametrize(("more", "kind", "task"), [
    ('task = "regression"\n', "binary", "regression"), ("", "binary", "classification"),
    ("", "multiclass", "classification"), ("", "regression", "regression"), ("", "", ""),
])  # fmt: skip
def test_a_bill_lists_the_environment_of_the_runtime_packages(
    root: Path, tmp_path: Path, more: str, kind: str, task: str
) -> None:
    write(root, "pyproject.toml", PYPROJECT + more)
    write(root, "build/evaluate/evaluation.json", json.dumps({"measured": {"kind": kind}}))
    home, workspace, asked = tmp_path / "home", open_here(root).workspace, []
    info = site_packages(home) / "six-1.16.0.dist-info"
    write(info, "METADATA", "Name: six\nVersion: 1.16.0\n")

    def hold(requirements: str) -> AbstractContextManager[Path]:
        asked.append(requirements)
        return nullcontext(home)

    installer = Installer(workspace.environment, holding=hold)
    contents = contents_of(workspace, installer, "Name: é\n\nText".encode(), None)

    assert asked == [workspace.locked("packages")]
    assert contents.model.name == "é"
    assert contents.installed == {"six": Distribution("six", "1.16.0")}
    assert [row.name for row in contents.locked] == ["six"]
    assert (contents.files, contents.task) == ({}, task)


@pytest.mark.parametrize("text", ['{"depth": Infinity}', '{"a": [{"b": NaN}]}', '{"a": 1e999}'])
def test_parameters_that_are_not_finite_are_refused(root: Path, text: str) -> None:
    write(root, "build/train/params.json", text)

    with pytest.raises(ConfigurationError, match=r"training\.parameters\."):
        describe(open_here(root).workspace, provenance_of(root), Contents(OWN))


def test_it_names_release_commit_command_and_platform(root: Path) -> None:
    own = provenance_of(root)

    assert (own.name, own.version, own.release_key) == ("small-model", "0.1.7", ONE)
    assert (own.commit, own.dirty, own.commit_time) == ("c" * 40, False, "2023-11-14T22:13:20Z")
    assert own.training.command == "python -m small_training -o {model} -t {report}"
    assert own.training.python == f"{sys.implementation.name} {sys.version.split()[0].rstrip('+')}"
    assert own.training.platform == sysconfig.get_platform()
    assert (own.metrics, own.intervals, own.gate, own.training.parameters) == ({}, {}, None, {})
    own = provenance_of(root, Commit(None, is_dirty=True, time=0))
    assert (own.commit, own.dirty, own.commit_time) == (None, True, None)


def test_it_names_the_results_of_training_and_evaluation(root: Path) -> None:
    results = {
        "build/train/training.json": {"cluster": {"workers": 2}},
        "build/train/params.json": {"depth": 3},
        "build/train/metrics.json": {"auc": 0.9, "f1": 0.7, "f1_low": 0.5, "f1_high": 0.8},
        "build/evaluate/evaluation.json": {
            "measured": {"measured": {"auc": {"value": 0.9, "low": 0.8, "high": 1.0}}}
        },
    }
    for name, document in results.items():
        write(root, name, json.dumps(document))

    own = provenance_of(root)

    assert (own.training.engine, own.training.parameters) == ("dask", {"depth": 3})
    assert own.metrics == {"auc": 0.9, "f1": 0.7}
    assert own.intervals == {"auc": (0.8, 1.0), "f1": (0.5, 0.8)}


@pytest.mark.parametrize(("lines", "card"), [
    ("", None),
    ("card.limits = 'größer & <3>'\n", {"limits": "größer & <3>"}),
    ("[tool.trainwheel.card]\nintended-use = 'a b'\ncontact = 'us'\n",
     {"intended_use": "a b", "contact": "us"}),
])  # fmt: skip
def test_it_holds_the_texts_of_the_card(
    root: Path, lines: str, card: dict[str, str] | None
) -> None:
    write(root, "pyproject.toml", PYPROJECT + lines)

    assert parse_provenance(provenance_of(root).render()).card == card


def test_its_data_is_each_file_and_what_training_names_itself(root: Path) -> None:
    write(root, "data/more/rows.csv", "3,4\n")
    digests = {"sklearn/breast_cancer": OTHER, "data/rows.csv": OTHER}
    write(root, "build/train/data.json", json.dumps(digests))

    assert provenance_of(root).training.data == {
        "sklearn/breast_cancer": OTHER,
        "data/rows.csv": digest_file(root / "data/rows.csv"),
        "data/more/rows.csv": digest_file(root / "data/more/rows.csv"),
    }


def test_its_data_is_the_snapshot_that_a_command_fetched(root: Path) -> None:
    fetch = PYPROJECT.replace('data = ["data"]\n', 'data.command = "python fetch.py {folder}"\n')
    write(root, "pyproject.toml", fetch)
    write(root, "build/data/rows.csv", "1\n")
    shape = {"rows.csv": {"rows": 1, "columns": {"a": "integer"}}}
    facts = {"shape": json.dumps(shape), "version": "v7"}
    write_record(root / "build/.trainwheel", Record("data", Fingerprint({}, {}), {}, 1.0, facts))

    snapshot = provenance_of(root).training.snapshot

    assert snapshot is not None
    assert (snapshot["version"], snapshot["columns"]) == ("v7", {"rows.csv": {"a": "integer"}})


@pytest.mark.parametrize(("name", "differs"), [
    ("model/small_training/__main__.py", True), ("model/small_model/classifier.py", True),
    ("data/rows.csv", False), ("docs/index.md", False), (MODEL, False),
])  # fmt: skip
def test_the_digest_of_its_source_is_of_code_only(root: Path, name: str, *, differs: bool) -> None:
    before = provenance_of(root).training.source

    write(root, name, "changed = 1\n")

    assert (provenance_of(root).training.source != before) is differs


def test_the_gate_is_named_with_its_zeros_and_without_defaults(root: Path) -> None:
    rules = "gate.accuracy = { min = 0.0, max-drop = 0 }\n"
    rules += 'gate.odd = { max-drop-relative = 0.1, direction = "lower" }\n'
    write(root, "pyproject.toml", PYPROJECT + rules)

    assert provenance_of(root).gate == {
        "accuracy": {"minimum": 0.0, "drop": 0},
        "odd": {"drop_relative": 0.1, "direction": "lower"},
    }


def test_packages_are_those_of_runtime_and_training(root: Path) -> None:
    write_lock(root, six="==1.16.9")
    lock = json.loads((root / "Pipfile.lock").read_text())
    lock["train"] = {"joblib": {"version": "==1.6.0", "hashes": [f"sha256:{ONE}"]}}
    write(root, "Pipfile.lock", json.dumps(lock))

    assert provenance_of(root).packages == {"six": "1.16.9", "joblib": "1.6.0"}


def test_artefact_and_golden_predictions_are_identified_by_their_bytes(
    root: Path, golden: Path
) -> None:
    write(root, MODEL, "other weights")
    golden.write_text(GOLDEN * 3)
    write(root, "pyproject.toml", f"{PYPROJECT}tolerance = 0.25\n")

    own = provenance_of(root)

    assert own.artefact.path == "small_model/artefact/model.joblib"
    assert (own.artefact.sha256, own.artefact.size) == (digest_file(root / MODEL), 13)
    assert own.golden.sha256 == digest_file(golden)
    assert (own.golden.count, own.golden.tolerance) == (3, 0.25)
    assert own.golden.predict == "small_model.classifier:predict_record"


@pytest.mark.parametrize("text", ["[1]", "null", "{", "[" * 100_000])
def test_parameters_are_a_json_object(root: Path, text: str) -> None:
    write(root, "build/train/params.json", text)

    with pytest.raises(ConfigurationError, match=r"params\.json"):
        provenance_of(root)
