"""The published model is asked with the columns that it knows."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trainwheel.errors import StepFailedError
from trainwheel.steps.shared.prove import Model
from trainwheel.steps.shared.published import ask_with_columns
from trainwheel.system.environ import Environment

ROWS: list[dict[str, Any]] = [{"age": 1, "ré gion": "n", "x": 2}, {"age": 3, "x": None}]
MODEL = """
KNOWN = {known}

def predict(record):
    for name in record:
        if name not in KNOWN:
            raise ValueError(f"{{name}}: unknown")
    if "age" not in record:
        raise ValueError("age: missing")
    return sorted(record)
"""

Ask = Callable[..., tuple[list[Any], list[str]]]


@pytest.fixture
def asked(tmp_path: Path) -> Ask:
    """Ask a model that knows some columns; return its answers and what it was asked without."""

    def ask(
        known: set[str], columns: set[str], rows: list[dict[str, Any]] = ROWS
    ) -> tuple[list[Any], list[str]]:
        (tmp_path / "old.py").write_text(MODEL.format(known=known), encoding="utf-8")
        variables = {"PYTHONPATH": str(tmp_path)}
        model = Model(
            "old:predict", Path(sys.executable), Environment(variables), variables=variables
        )
        (tmp_path / "work").mkdir()
        answers = ask_with_columns(model, rows, columns, tmp_path / "work")
        lines = answers.path.read_text().splitlines()
        return [json.loads(line) for line in lines], list(answers.unknown)

    return ask


@pytest.mark.parametrize("columns", [{"age", "x", "gone"}, set[str]()])
def test_columns_that_it_does_not_know_are_dropped(asked: Ask, columns: set[str]) -> None:
    assert asked({"age", "x"}, columns) == ([["age", "x"]] * 2, ["ré gion"])


def test_without_a_schema_several_columns_are_found_one_by_one(asked: Ask) -> None:
    assert asked({"age"}, set()) == ([["age"], ["age"]], ["ré gion", "x"])


def test_a_column_that_is_called_row_is_not_taken_for_the_number_of_one(asked: Ask) -> None:
    rows = [{"age": 1, "row": 2, "of": 3}]

    assert asked({"age", "row", "of"}, set(), [{**rows[0], "x": 4}]) == (
        [["age", "of", "row"]],
        ["x"],
    )


def test_a_model_that_lacks_a_column_cannot_be_asked(asked: Ask) -> None:
    with pytest.raises(StepFailedError, match="age: missing"):
        asked({"x"}, {"x"})


def test_without_a_schema_a_missing_column_ends_the_search(asked: Ask) -> None:
    with pytest.raises(StepFailedError, match="age: missing"):
        asked({"x"}, set())
