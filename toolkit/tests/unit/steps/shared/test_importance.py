"""The trained model is asked about shuffled rows, in its environment, as often as is allowed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from trainwheel.evaluation.importance import Importance
from trainwheel.steps.report import weigh_columns
from unit.recording_tools import Call
from unit.repository import write, write_lock
from unit.steps.session import Session, configure, fail, open_with

MEASURED = {"kind": "binary", "positive": None}
MODEL = """\
import sys

class Model:
    def predict(self, record):
        if record.get("n") is None:
            print("no n:", record)
            raise ValueError(record)
        if record["n"] == "leave":
            sys.exit("left")
        return {"label": record["n"], "other": record.get("größe")}

model = Model()
"""
ROWS: list[dict[str, object]] = [
    {"n": "a", "größe": "ü"}, {"n": "b", "größe": None}, {"n": "a"}, {"n": "b", "größe": 1},
]  # fmt: skip


def ask(call: Call) -> str:
    """Run the script as the step would, under this interpreter."""
    environment = {**os.environ, **call.env}
    argv = (sys.executable, *call.argv[1:])
    return subprocess.run(argv, env=environment, check=True, capture_output=True, text=True).stdout


def weights(session: Session, **measured: object) -> Importance:
    scratch = session.run.workspace.layout.scratch / "report"
    scratch.mkdir(parents=True, exist_ok=True)
    return weigh_columns(session.run, {**MEASURED, **measured}, scratch)


@pytest.fixture
def trained(root: Path) -> Path:
    """A repository with a model, and rows that training held out."""
    configure(root, 'predict = "small_model.entry:model.predict"')
    write(root, "model/small_model/entry.py", MODEL)
    hold_out(root, ROWS)
    return root


def hold_out(root: Path, records: list[dict[str, object]]) -> None:
    rows = ({"input": record, "truth": record.get("n") or "a"} for record in records)
    write(root, "build/train/holdout.jsonl", "".join(f"{json.dumps(row)}\n" for row in rows))


def test_the_column_that_decides_is_the_heaviest(trained: Path) -> None:
    session = open_with(trained, ask)

    result = weights(session)

    first, second = result.weights
    assert (result.loss, result.rows, result.reason) == ("error rate", 4, "")
    assert (first.column, second.column, second.value) == ("n", "größe", 0)
    assert first.value is not None
    assert first.value > 0
    assert [(call.step, call.secrets) for call in session.calls] == [("report", frozenset())]
    assert result == weights(session)


@pytest.mark.parametrize("odd", [None, "leave"])
def test_an_answer_that_the_model_refuses_is_none(trained: Path, odd: str | None) -> None:
    hold_out(trained, [*ROWS, {"n": odd}])

    result = weights(open_with(trained, ask))

    assert "cannot be held against the truth" in result.reason


@pytest.mark.parametrize(("limit", "is_asked", "has_reason"), [
    (0, False, False), (11, False, True), (12, True, False),
])  # fmt: skip
def test_the_model_is_asked_as_often_as_is_allowed(
    trained: Path, limit: int, *, is_asked: bool, has_reason: bool
) -> None:
    configure(trained, 'predict = "small_model.entry:model.predict"',
              f"report.importance-calls = {limit}")  # fmt: skip
    session = open_with(trained, ask)

    result = weights(session)

    assert (bool(session.calls), bool(result.reason)) == (is_asked, has_reason)


@pytest.mark.parametrize(("is_default", "rows"), [(True, 6666), (False, 666)])
def test_a_model_of_arrays_is_asked_more_often(
    trained: Path, rows: int, *, is_default: bool
) -> None:
    configure(trained, 'predict = "small_model.entry:model.predict"', 'portable = "default"',
              'sync.extras = { sklearn = "engine" }')  # fmt: skip
    write_lock(trained, engine=("joblib",))
    form = {"portable": {"file": "model.npz", "is_default": is_default}}
    write(trained, "model/small_model/artefact/model.joblib.json", json.dumps(form))
    hold_out(trained, ROWS * 2000)

    assert weights(open_with(trained, ask)).rows == rows


def test_without_rows_or_measurements_nothing_is_asked_or_said(trained: Path) -> None:
    session = open_with(trained, ask)
    assert weigh_columns(session.run, {}, trained) == Importance()

    (trained / "build/train/holdout.jsonl").unlink()

    assert weights(session) == Importance()
    assert session.calls == []


def test_a_model_that_cannot_be_asked_costs_the_importance_alone(trained: Path) -> None:
    result = weights(open_with(trained, fail("ModuleNotFoundError")))

    assert "report.log" in result.reason
