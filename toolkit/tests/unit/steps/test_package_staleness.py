"""What the wheel depends on, and what its proof says of the evaluation."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from trainwheel.engine.fingerprint import Fingerprint
from trainwheel.engine.inputs import fingerprint
from trainwheel.engine.records import Record
from trainwheel.engine.run import Run
from trainwheel.steps.package import STEP
from trainwheel.steps.shared.publish import read_proof
from unit.packaging import Packaging, decide, make_trained
from unit.repository import PYPROJECT, open_here, write


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small repository whose model is trained and whose release is decided."""
    return make_trained(tmp_path / "small")


def now(root: Path) -> Fingerprint:
    return fingerprint(open_here(root).workspace, STEP)


BOUNDS = {"measured": {"measured": {"auc": {"value": 0.9, "low": 0.8, "high": 1}}}}
CHANGES: dict[str, tuple[str, str]] = {
    "build/train/golden.jsonl": ("build/train/golden.jsonl", ""),
    "build/train/model_card.md": ("build/train/model_card.md", "# Another\n"),
    "model/small_model/classifier.py": ("model/small_model/classifier.py", "x = 1\n"),
    "README.md": ("README.md", "changed"),
    "tests/system/test_wheel.py": ("tests/system/test_wheel.py", ""),
    "the training": ("build/train/training.json", '{"cluster": {"workers": 2}}'),
    "the intervals": ("build/evaluate/evaluation.json", json.dumps(BOUNDS)),
    "tool.trainwheel.tolerance": ("pyproject.toml", f"{PYPROJECT}tolerance = 0.5\n"),
    "tool.trainwheel.predict": ("pyproject.toml", f'{PYPROJECT}predict = "small_model:f"\n'),
    "tool.trainwheel.wheel.store-above": (
        "pyproject.toml",
        f'{PYPROJECT}wheel.store-above = "7 MB"\n',
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_goes_into_the_wheel_makes_it_stale(root: Path, what: str) -> None:
    name, text = CHANGES[what]
    before = now(root)

    write(root, name, text)

    after = now(root)
    changed = {
        key
        for then, later in ((before.files, after.files), (before.facts, after.facts))
        for key in then.keys() | later.keys()
        if then.get(key) != later.get(key)
    }
    assert what in changed
    assert changed <= {what, "pyproject.toml"}


def test_data_that_training_names_itself_makes_it_stale(root: Path) -> None:
    before = now(root).facts["the training"]

    write(root, "build/train/data.json", json.dumps({"sklearn/iris": "1" * 64}))

    assert now(root).facts["the training"] != before


@pytest.mark.parametrize("name", ["docs/index.md", "data/rows.csv", "build/train/metrics.md"])
def test_what_does_not_go_into_the_wheel_leaves_it(root: Path, name: str) -> None:
    before = now(root).key

    write(root, name, "changed")

    assert now(root).key == before


def reasons(root: Path, record: Record) -> list[str]:
    assert STEP.reasons is not None
    return [reason.what for reason in STEP.reasons(open_here(root).workspace, record)]


@pytest.mark.parametrize(
    ("decision", "said"),
    [
        (decide, []),
        (lambda root: decide(root, version="0.1.8"), ["the release"]),
        (lambda root: decide(root, releases=False), []),
        (lambda root: (root / "build/version.json").unlink(), ["no version has been decided here"]),
    ],
    ids=["the same", "another version", "nothing to release", "undecided"],
)
def test_another_release_counts_only_where_one_is_made(
    root: Path, decision: Callable[[Path], None], said: list[str]
) -> None:
    write(root, "build/dist/a.whl", "what was packaged")
    digest = open_here(root).workspace.digests.output(root / "build/dist")
    record = Record("package", now(root), {"build/dist": digest}, 1.0, {})

    decision(root)

    assert reasons(root, record) == said


def package(root: Path, **variables: str) -> Run:
    run = open_here(root, variables, tools=Packaging())
    STEP.run(run)
    return run


@pytest.mark.parametrize(
    ("gate", "judged", "compared_with"),
    [
        ("gate.accuracy = { max-drop = 0.1 }", True, "0.1.6"),
        ("gate.accuracy = { max-drop = 0.1 }", False, ""),
        ("gate.accuracy = { min = 0.1 }", True, ""),
    ],
)
def test_the_proof_tells_what_the_gate_compared_with(
    root: Path, gate: str, *, judged: bool, compared_with: str
) -> None:
    write(root, "pyproject.toml", f"{PYPROJECT}{gate}\n")
    if judged:
        verdict = {"verdict": {"baseline": "0.1.6"}, "measured": {}}
        write(root, "build/evaluate/evaluation.json", json.dumps(verdict))

    layout = package(root).workspace.layout

    assert read_proof(next(layout.dist.glob("*.whl"))).compared_with == compared_with
