"""The columns of records."""

from __future__ import annotations

from typing import Any

import pytest

from trainwheel.evaluation.inputs import named_column, project, schema_of


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
