"""The model is measured, held to the predictions of training, compared, and drawn."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trainwheel.errors import RefusedError, StepFailedError, TrainwheelError
from trainwheel.guest import DRAW, MEASURING
from trainwheel.wheel.proof import read_promise
from unit.recording_tools import Call
from unit.repository import make_repository, write
from unit.steps.session import configure, fail, fill_environment, lock_more, open_with, publish
from unit.steps.shared.measured import COMPARED, MEASURED, hold_out, host, measure, request

DROP = "gate.accuracy.max-drop = 0.05"
METRICS = "build/train/metrics.json"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small model repository, whose model answers with the record that it is given."""
    root = make_repository(tmp_path / "small")
    lock_more(root, "train", "numpy")
    write(root, METRICS, '{"accuracy": 0.9}')
    return root


def test_the_measuring_host_gets_the_predictions_and_the_metrics(root: Path) -> None:
    configure(root, "gate.f1.min = 0.1", "gate.accuracy.min = 0.1", 'positive = "b"')
    write(root, METRICS, '{"accuracy": 0.9, "accuracy_low": 0.8, "accuracy_high": 1.0}')
    hold_out(root)
    session = open_with(root, host())

    document = measure(session)

    (call,) = session.calls
    assert call.step == "evaluate"
    assert call.argv[:4] == (str(root / ".nox/train/bin/python"), "-P", "-m", MEASURING.name)
    assert call.env["PYTHONPATH"] == str(MEASURING.parent)
    assert not call.secrets
    assert request(call) == {
        "predictions": str(root / "build/train/predictions.csv"),
        "holdout": str(root / "build/train/holdout.jsonl"),
        "answers": str(root / "scratch/evaluate/answers.jsonl"),
        "names": ["accuracy", "f1", "accuracy"], "claims": {"accuracy": 0.9}, "positive": "b",
        "task": "", "labels": [],
    }  # fmt: skip
    assert document["measured"] == MEASURED
    text = (root / "scratch/evaluate/verdict.md").read_text()
    assert "accuracy" in text


def test_without_predictions_or_numpy_nothing_is_measured(root: Path, tmp_path: Path) -> None:
    session = open_with(root, host())
    assert measure(session)["measured"] == {}
    assert session.calls == []

    other = make_repository(tmp_path / "other")
    write(other, "build/train/predictions.csv", "y_true,y_pred\na,a\n")
    session = open_with(other, host())
    assert measure(session)["measured"] == {}
    assert "numpy is not locked" in session.output


@pytest.mark.parametrize(("metrics", "training", "answer", "error"), [
    ({}, "ab", fail("no column y_pred"), StepFailedError("no column y_pred")),
    ({"f1": 0.5, "f1_low": 0.6, "f1_high": 0.7}, "ab", host(), StepFailedError("f1")),
    ({}, "aa", host(), RefusedError("row 2")),
], ids=["not measurable", "outside its interval", "other predictions"])  # fmt: skip
def test_results_that_contradict_each_other_are_refused(
    root: Path, metrics: dict[str, float], training: str, answer: Callable[[Call], str],
    error: TrainwheelError,
) -> None:  # fmt: skip
    write(root, METRICS, json.dumps(metrics))
    hold_out(root, training=training)

    with pytest.raises(type(error), match=error.message):
        measure(open_with(root, answer))


def host_with(source: str, accuracy: float) -> Callable[[Call], str]:
    """Return a measuring host that measures this accuracy."""

    def answer(call: Call) -> str:
        named = {"accuracy": {"value": accuracy, "low": 0.7, "high": 1.0}}
        predictions = {**MEASURED, "source": source, "named": named}
        Path(call.argv[-1]).write_text(json.dumps({"predictions": predictions}))
        return ""

    return answer


@pytest.mark.parametrize("source", ["entry point", "training"])
def test_the_model_is_judged_by_what_was_measured(root: Path, source: str) -> None:
    configure(root, "gate.accuracy.min = 0.85", "gate.cost.max = 5")
    write(root, METRICS, '{"accuracy": 0.9, "cost": 3}')
    hold_out(root)

    session = open_with(root, host_with(source, 0.81234567891234))
    document = measure(session)

    accuracy, cost = document["verdict"]["checks"]
    assert (accuracy["value"], accuracy["outcome"]) == (0.812345679, "failed")
    assert (cost["value"], cost["outcome"]) == (3, "passed")
    assert cost["is_claimed"]
    assert accuracy["is_claimed"] is (source == "training")
    assert document["metrics"] == {"accuracy": 0.812345679, "cost": 3}
    assert document["source"] == source
    assert document["claimed"] == (["cost"] if source == "entry point" else ["accuracy", "cost"])
    verdict = (root / "scratch/evaluate/verdict.md").read_text()
    assert "| cost | 3 | at most 5 | passed | training says |" in verdict


def test_what_was_concluded_from_the_rows_is_said_aloud(root: Path) -> None:
    hold_out(root)
    notes = [f"conclusion {number}" for number in range(9)]

    def answer(call: Call) -> str:
        document = {"predictions": {**MEASURED, "notes": notes}}
        Path(call.argv[-1]).write_text(json.dumps(document))
        return ""

    session = open_with(root, answer)

    assert measure(session)["measured"]["notes"] == notes
    assert session.output.count("notice: conclusion") == 5


def test_without_predictions_of_training_the_entry_point_is_measured(root: Path) -> None:
    hold_out(root)
    (root / "build/train/predictions.csv").unlink()
    session = open_with(root, host())

    measure(session)

    asked = request(session.calls[0])
    assert "predictions" not in asked
    lines = Path(asked["answers"]).read_text().splitlines()
    assert list(map(json.loads, lines)) == [{"prediction": "a"}, {"prediction": "b"}]


@pytest.mark.parametrize(("gate", "missing", "name"), [
    ((), (), ""), ((), ("holdout.jsonl", "predictions.csv"), ""),
    ((), ("predictions.csv",), "predictions.csv"),
    (("gate.accuracy.min = 0.1",), ("holdout.jsonl",), "holdout.jsonl"),
    (("gate.accuracy.min = 0.1",), ("predictions.csv",), "predictions.csv"),
    (("gate.accuracy.min = 0.1",), ("holdout.jsonl", "predictions.csv"), "holdout.jsonl"),
])  # fmt: skip
def test_a_notice_names_the_file_without_which_predictions_are_not_compared(
    root: Path, gate: tuple[str, ...], missing: tuple[str, ...], name: str
) -> None:
    configure(root, *gate)
    hold_out(root)
    for file in missing:
        (root / "build/train" / file).unlink()
    session = open_with(root, host())

    measure(session)

    notices = [line for line in session.output.splitlines() if "wrote no" in line]
    assert len(notices) == bool(name)
    assert name in session.output


def test_pictures_are_drawn_where_matplotlib_is_locked(root: Path) -> None:
    lock_more(root, "report", "matplotlib", "scikit-learn")
    hold_out(root)
    reported: dict[str, Any] = {
        "registered": frozenset({"report"}),
        "variables": {"HOME": str(root)},
    }
    session = open_with(root, host([[1, 2]]), **reported)
    requirements = session.run.workspace.locked("packages", "report")
    python = fill_environment(root / ".nox/report", requirements)

    document = measure(session)

    call = session.calls[-1]
    assert call.argv[:3] == (str(python), "-P", str(DRAW))
    assert json.loads(Path(call.argv[3]).read_bytes())["sample"] == [[1, 2]]
    assert call.argv[4] == str(root / "scratch/evaluate")
    fonts = str(root / ".cache/trainwheel/matplotlib")
    assert call.env.items() >= {"PYTHONHASHSEED": "0", "MPLCONFIGDIR": fonts}.items()
    # Rows of the data are not kept.
    assert "sample" not in document["measured"]

    failing = open_with(root, lambda call: (fail("no font") if DRAW.name in call.argv[2] else
                                           host([[1, 2]]))(call), **reported)  # fmt: skip
    (root / "scratch").rename(root / "earlier")
    with pytest.raises(StepFailedError, match="no font"):
        measure(failing)


@pytest.mark.parametrize("is_registered", [True, False])
def test_without_matplotlib_a_notice_says_how_to_get_pictures(
    root: Path, *, is_registered: bool
) -> None:
    hold_out(root)
    registered = frozenset({"report"} if is_registered else ())
    session = open_with(root, host([[1, 2]]), registered=registered)

    assert "sample" not in measure(session)["measured"]
    assert ("add matplotlib and scikit-learn to [report]" in session.output) is is_registered
    assert len(session.calls) == 1


def publish_model(root: Path, predict: str = "builtins:dict", **parts: Any) -> None:
    """Publish a model, with an environment of it that counts as installed."""
    parts = parts or {"inputs": {"prediction": ["string"]}}
    wheel = publish(root, "0.1.0", {"accuracy": 0.8}, predict=predict, **parts)
    proof = read_promise(wheel)
    line = f"{proof.name} @ {wheel.resolve().as_uri()} --hash=sha256:{proof.sha256}\n"
    fill_environment(root / ".nox/published", proof.requirements, line)


def test_the_published_model_predicts_the_same_rows(root: Path) -> None:
    configure(root, DROP, 'positive = "b"')
    hold_out(root)
    publish_model(root)
    session = open_with(root, host())

    document = measure(session)

    (call,) = session.calls
    for name in ("answers", "old"):
        lines = Path(request(call)[name]).read_text().splitlines()
        assert list(map(json.loads, lines)) == [{"prediction": "a"}, {"prediction": "b"}]
    assert document["compared"] == {"accuracy": {**COMPARED, "rows": 40}}
    assert document["baseline"]["version"] == "0.1.0"
    assert document["verdict"]["checks"][0]["value"] == 0.9


def test_a_gate_that_does_not_compare_runs_no_published_model(root: Path) -> None:
    hold_out(root)
    publish_model(root)
    session = open_with(root, host())

    assert measure(session)["compared"] == {}
    assert len(session.calls) == 1


def fail_to_compare(call: Call) -> str:
    host()(call)
    path = Path(call.argv[-1])
    path.write_text(json.dumps({"predictions": MEASURED, "comparison": {"problem": "too few"}}))
    return ""


@pytest.mark.parametrize(("has_rows", "predict", "answer", "reason"), [
    (False, "builtins:dict", host(), "holdout.jsonl"),
    (True, "builtins:int", host(), "builtins:int does not predict row 1 of holdout.jsonl"),
    (True, "builtins:dict", fail_to_compare, "too few"),
])  # fmt: skip
def test_where_rows_cannot_be_compared_the_stored_value_counts(
    root: Path, predict: str, answer: Callable[[Call], str], reason: str, *, has_rows: bool
) -> None:
    configure(root, DROP)
    if has_rows:
        hold_out(root)
    publish_model(root, predict)

    document = measure(open_with(root, answer))

    assert document["compared"] == {}
    assert reason in document["verdict"]["checks"][0]["told"]
    assert reason in document["verdict"]["unasked"]


@pytest.mark.parametrize("part", [
    {"inputs": {"prediction": ["string"]}},
    # A wheel of before there was a schema.
    {"golden": '{"input": {"prediction": "a"}, "prediction": {"prediction": "a"}}\n'},
])  # fmt: skip
def test_the_published_model_is_asked_with_the_columns_that_it_knows(
    root: Path, part: dict[str, Any]
) -> None:
    configure(root, DROP)
    hold_out(root)
    path = root / "build/train/holdout.jsonl"
    path.write_text(path.read_text().replace('{"prediction"', '{"region": "north", "prediction"'))
    publish_model(root, **part)
    session = open_with(root, host())

    document = measure(session)

    (old,) = (Path(request(call)["old"]) for call in session.calls if "old" in request(call))
    assert [json.loads(line) for line in old.read_text().splitlines()] == [
        {"prediction": "a"}, {"prediction": "b"},
    ]  # fmt: skip
    assert document["baseline"]["unknown"] == ["region"]
    assert "0.1.0 is asked without region" in session.output
    assert "0.1.0 does not know region" in document["verdict"]["checks"][0]["told"]


def test_a_baseline_that_cannot_answer_is_refused_where_it_is_required(root: Path) -> None:
    configure(root, DROP, 'gate.baseline = "required"')
    hold_out(root)
    publish_model(root, "builtins:int")

    document = measure(open_with(root, host()))

    assert document["verdict"]["outcome"] == "failed"
    assert "requires a comparison with 0.1.0: builtins:int" in document["verdict"]["refusal"]
