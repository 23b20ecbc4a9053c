"""Which golden rows equal a real one, whatever the spelling."""

from __future__ import annotations

from typing import Any

import pytest

from trainwheel.steps.shared.golden import GoldenIndex, normalise

ROW = {"mean radius": 17.99, "kind": "a b", "n": 3}


def equal(golden: dict[str, Any], real: dict[str, Any]) -> bool:
    row = {normalise(name): value for name, value in real.items()}
    return GoldenIndex([golden]).equal_to(row.get) == [1]


@pytest.mark.parametrize("real", [
    ROW,
    {**ROW, "id": 7, "truth": "x"},
    {"Mean_Radius": "17.990", "KIND": " A b ", "n": "3.0"},
    {**ROW, "mean radius": "17,99"},
    {**ROW, "mean radius": 17.989999771118164},
])  # fmt: skip
def test_a_spelling_makes_no_other_row(real: dict[str, Any]) -> None:
    assert equal(ROW, real)


@pytest.mark.parametrize("real", [
    {**ROW, "n": 4}, {**ROW, "mean radius": 17.9901}, {**ROW, "kind": "ab"}, {**ROW, "n": None},
    {name: value for name, value in ROW.items() if name != "n"}, {},
])  # fmt: skip
def test_one_other_value_is_another_row(real: dict[str, Any]) -> None:
    assert not equal(ROW, real)


@pytest.mark.parametrize(("golden", "real", "is_equal"), [
    # A value that is missing there need not have a column here, in any of the usual spellings.
    ({"a": 1, "b": 2, "c": None}, {"a": 1, "b": 2}, True),
    ({"a": 1, "b": 2, "c": float("nan")}, {"a": 1, "b": 2, "c": "NA"}, True),
    ({"a": True, "b": 2}, {"a": "True", "b": 2}, True),
    ({"a": True, "b": 2}, {"a": "false", "b": 2}, False),
    ({"a": 12345678, "b": 1}, {"a": 12345679, "b": 1}, False),
    ({"a": 10**400, "b": 1}, {"a": 10**400, "b": 1}, True),
    ({"a": {"x": [1, 2.0]}}, {"A": {"X": ["1.0", 2]}}, True),
    ({"a": {"x": [1, 2.0]}}, {"a": {"x": [1, 3]}}, False),
    ({"text": "I never want to see it again"}, {"text": "I never want to see it again "}, True),
    # Too little to be somebody's.
    ({"x": 1}, {"x": 1}, False), ({"x": "yes"}, {"x": "yes"}, False),
    ({"x": 1, "y": None}, {"x": 1, "y": None}, False), ({"x": [1]}, {"x": [1]}, False),
    ({}, {}, False),
])  # fmt: skip
def test_what_counts_as_the_same(
    golden: dict[str, Any], real: dict[str, Any], is_equal: bool  # noqa: FBT001
) -> None:  # fmt: skip
    assert equal(golden, real) is is_equal


def test_each_golden_row_is_found_by_its_number_whatever_its_columns() -> None:
    rows = [{"a": 1, "b": 1}, {"c": 1}, {"a": 1, "b": 2}, {"b": 1, "d": 5}, {"a": 1, "b": 1}]
    index = GoldenIndex(rows)

    assert index.equal_to({"a": 1, "b": 1}.get) == [1, 5]
    assert index.equal_to({"a": 1, "b": 1, "d": 5}.get) == [1, 4, 5]
    assert index.equal_to({"c": 1, "b": 2}.get) == []


def test_only_rows_whose_columns_are_there_count() -> None:
    assert GoldenIndex([ROW], {"mean_radius", "kind", "n", "id"})
    assert not GoldenIndex([ROW], {"mean_radius", "kind"})
    assert not GoldenIndex([])


@pytest.mark.parametrize(("value", "is_equal"), [(None, True), ("NA", True), (7, False)])
def test_a_missing_value_equals_only_a_missing_one(value: Any, *, is_equal: bool) -> None:
    golden = {"tenure": 60, "contract": "yearly", "fee": None}

    assert equal(golden, {**golden, "fee": value}) is is_equal
