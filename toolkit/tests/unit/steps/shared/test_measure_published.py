"""A model is compared with what is published on the same rows, or it is told why not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from trainwheel.wheel.proof import read_promise
from unit.recording_tools import Call
from unit.steps.opened import configure, fail, fill_environment, open_with, publish
from unit.steps.shared.measured import COMPARED, hold_out, host, make_measured, measure, request

DROP = "gate.accuracy.max-drop = 0.05"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small model repository, whose model answers with the record that it is given."""
    return make_measured(tmp_path / "small")


def fill_published(root: Path, wheel: Path) -> None:
    promise = read_promise(wheel)
    line = f"{promise.name} @ {wheel.resolve().as_uri()} --hash=sha256:{promise.sha256}\n"
    fill_environment(root / ".nox" / "published", promise.requirements, line)


def test_the_published_model_answers_the_same_rows(root: Path) -> None:
    configure(root, DROP, 'gate.positive = "b"')
    hold_out(root)
    fill_published(root, publish(root, "0.1.0", {"accuracy": 0.1}))
    opened = open_with(root, host())

    document = measure(opened)

    asked = request(opened.calls[1])
    rows = [{"prediction": "a"}, {"prediction": "b"}]
    for name in ("new", "old"):
        assert [json.loads(line) for line in Path(asked[name]).read_text().splitlines()] == rows
    assert asked["new"] != asked["old"]
    assert asked["holdout"] == str(root / "build/train/holdout.jsonl")
    assert (asked["names"], asked["positive"]) == (["accuracy", "accuracy"], "b")
    assert document["compared"] == {"accuracy": {**COMPARED, "rows": 40}}
    assert document["baseline"]["version"] == "0.1.0"
    assert document["verdict"]["checks"][0]["value"] == 0.9


def test_a_gate_that_does_not_compare_asks_no_published_model(root: Path) -> None:
    hold_out(root)
    publish(root, "0.1.0", {"accuracy": 0.1})
    opened = open_with(root, host())

    assert measure(opened)["compared"] == {}
    assert len(opened.calls) == 1


def told(document: dict[str, Any]) -> str:
    (check,) = document["verdict"]["checks"]
    assert document["compared"] == {}
    return str(check["told"])


def test_without_held_out_rows_the_stored_value_counts(root: Path) -> None:
    configure(root, DROP)
    publish(root, "0.1.0", {"accuracy": 0.8})

    assert "holdout.jsonl" in told(measure(open_with(root, host())))


def test_a_published_model_that_cannot_answer_is_told_and_its_value_counts(root: Path) -> None:
    configure(root, DROP)
    hold_out(root)
    fill_published(root, publish(root, "0.1.0", {"accuracy": 0.8}, predict="builtins:int"))

    assert "builtins:int does not predict the held-out rows" in told(
        measure(open_with(root, host()))
    )


def test_answers_that_cannot_be_compared_are_told(root: Path) -> None:
    configure(root, DROP)
    hold_out(root)
    fill_published(root, publish(root, "0.1.0", {"accuracy": 0.8}))

    def answer(call: Call) -> str:
        return fail("no probability")(call) if "holdout" in request(call) else host()(call)

    assert "no probability" in told(measure(open_with(root, answer)))
