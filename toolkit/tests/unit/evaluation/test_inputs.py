"""The columns of records."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from trainwheel.errors import StepFailedError
from trainwheel.evaluation.inputs import named_column, parse_ranges, project, schema_of


def test_the_schema_tells_every_type_of_a_column() -> None:
    rows: list[dict[str, Any]] = [
        {"b": True, "a": 1, "n": None},
        {"a": 1.5, "n": "x"},
        {"l": [], "o": {}},
    ]

    assert schema_of(rows) == {
        "a": ["integer", "number"], "b": ["boolean"], "l": ["array"],
        "n": ["null", "string"], "o": ["object"],
    }  # fmt: skip
    assert list(schema_of(rows)) == ["a", "b", "l", "n", "o"]


def test_a_projection_names_what_it_drops() -> None:
    assert project([{"a": 1, "b": 2}, {"c": 3}], {"a", "x"}) == ([{"a": 1}, {}], ["b", "c"])


@pytest.mark.parametrize(("message", "name"), [
    ("region: unknown", "region"), ("unexpected keyword 'region_code'", "region_code"),
    ("mean radius is not a field", "mean radius"), ("regions differ", ""),
    ("x[0] (a+b) refused", "a+b"),
])  # fmt: skip
def test_the_column_that_a_message_names(message: str, name: str) -> None:
    columns = ["region", "region_code", "radius", "mean radius", "a+b"]

    assert named_column(message, columns) == name


@pytest.mark.parametrize("value", [
    3, None, {}, {"lowest": 1}, {"lowest": 2, "highest": 1}, {"lowest": True, "highest": 1},
    {"lowest": math.nan, "highest": 1}, {"lowest": 1, "highest": math.inf},
    {"lowest": 1, "highest": 10**400}, {"lowest": -math.inf, "highest": 1},
    {"lowest": "1", "highest": 2}, {"lowest": 1, "highest": 2, "mean": 1}, {"categories": []},
    {"categories": ["a", 1]}, {"categories": "a"}, {"categories": ["a"], "lowest": 1},
    {"lowest": "2024-01-01", "highest": "2023-12-31"}, {"lowest": "2024-01-01", "highest": 2},
    {"lowest": "2024-02-30", "highest": "2025-01-01"},
    {"lowest": "2024-01-01", "highest": "2024-01-31", "mean": 1},
])  # fmt: skip
def test_what_is_not_a_range_is_named(value: object) -> None:
    with pytest.raises(StepFailedError, match="'age' has "):
        parse_ranges(json.dumps({"size": {"lowest": -1, "highest": -1}, "age": value}))
