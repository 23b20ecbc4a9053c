"""The schema of a record says what its fields may hold, whatever kind of fields they are."""

import json
from dataclasses import dataclass
from datetime import date
from typing import Annotated

import pytest

from oncology_model.record import Number, Record
from oncology_model.schema import describe_record


@dataclass(frozen=True, kw_only=True)
class Visit(Record):
    """A record of defaults."""

    age: Annotated[int, Number("years", at_least=18)]
    fee: float
    seen: date | None = None
    asked: date = date(2026, 1, 31)
    rooms: Annotated[int | None, Number("rooms")] = None
    seats: int = 1
    stars: Annotated[float, Number(whole=True)] = 3.0


PROPERTIES = json.loads(json.dumps(describe_record(Visit, {})))["properties"]


@pytest.mark.parametrize(
    ("name", "default"),
    [("seen", None), ("asked", "2026-01-31"), ("rooms", None), ("seats", 1), ("stars", 3.0)],
)
def test_a_default_is_the_value_itself(name: str, default: object) -> None:
    assert PROPERTIES[name]["default"] == default


def test_only_what_has_a_default_states_one() -> None:
    assert {name for name, each in PROPERTIES.items() if "default" not in each} == {"age", "fee"}


@pytest.mark.parametrize(
    ("name", "kind"),
    [("age", "integer"), ("seats", "integer"), ("stars", "integer"), ("fee", "number")],
)
def test_whole_numbers_are_integers(name: str, kind: str) -> None:
    assert PROPERTIES[name]["type"] == kind


def test_a_whole_number_that_may_be_missing_is_an_integer_or_null() -> None:
    types = [each["type"] for each in PROPERTIES["rooms"]["anyOf"]]
    assert types == ["integer", "null"]
