"""Records say what their fields may hold, whatever kind of fields they are."""

import pickle
import sqlite3
from collections import ChainMap, OrderedDict, UserDict, defaultdict
from dataclasses import FrozenInstanceError, dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncology_model import MEASUREMENTS, InvalidRecordError, InvalidTumorError, Tumor
from oncology_model.record import Category, Day, Flag, Number, Record


class City(StrEnum):
    """A text that is more than a text."""

    BERN = "Bern"


@dataclass(frozen=True, kw_only=True)
class Passenger(Record):
    """A record of all kinds."""

    fare: Annotated[float, Number("CHF", at_least=1, at_most=100, name="Fare (CHF)")]
    age: Annotated[float | None, Number("years", at_least=0)] = None
    city: Annotated[str, Category(("Bern", "Basel"))] | None = None
    note: str = ""
    is_member: Annotated[bool | None, Flag("of the club")] = None
    joined: Annotated[date | None, Day()] = None
    seats: int = 1


@dataclass(frozen=True, kw_only=True)
class Room(Record):
    """A record with a whole number that is annotated."""

    beds: Annotated[int, Number("beds", at_least=1)]


def make(**changes: object) -> Passenger:
    return Passenger.from_mapping({"Fare (CHF)": 5.0} | changes)


def test_an_int_is_a_whole_number_however_it_is_annotated() -> None:
    assert Room.from_mapping({"beds": 2.0}).values() == (2,)
    with pytest.raises(InvalidRecordError, match=r"^beds: must be a whole number, not 1\.5$"):
        Room.from_mapping({"beds": 1.5})


def test_the_names_are_those_of_the_columns() -> None:
    assert Passenger.names()[:3] == ("Fare (CHF)", "age", "city")
    assert make().values() == (5.0, None, None, "", None, None, 1)


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("Fare (CHF)", 7, 7.0),
        ("Fare (CHF)", Decimal("7.5"), 7.5),
        ("Fare (CHF)", np.float32(7), 7.0),
        ("age", -0.0, 0.0),
        *(("age", missing, None) for missing in (None, float("nan"), np.float32("nan"))),
        ("city", City.BERN, "Bern"),
        ("city", np.str_("Basel"), "Basel"),
        ("is_member", np.True_, True),
        ("is_member", 0, False),
        ("joined", "2026-01-31", date(2026, 1, 31)),
        ("joined", datetime(2026, 1, 31), date(2026, 1, 31)),  # noqa: DTZ001 - as databases have it
        ("joined", np.datetime64("2026-01-31"), date(2026, 1, 31)),
        ("joined", np.datetime64("NaT"), None),
        ("seats", 2.0, 2),
        ("seats", np.int64(2), 2),
    ],
)
def test_a_value_is_kept_in_its_plain_type(name: str, value: object, kept: object) -> None:
    values = dict(zip(Passenger.names(), make(**{name: value}).values(), strict=True))
    assert (values[name], type(values[name]), str(values[name])) == (kept, type(kept), str(kept))


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("Fare (CHF)", 0.5, "must be at least 1, but is 0.5"),
        ("Fare (CHF)", 100.5, "must be at most 100, but is 100.5"),
        ("Fare (CHF)", None, "must be a number, not NoneType"),
        ("Fare (CHF)", Decimal("sNaN"), "must be finite, not nan"),
        ("age", 1e300, "must be at most 3.40282e+38, but is 1e+300"),
        ("age", -(10**400), "must be finite, not -inf"),
        ("age", np.timedelta64(1, "D"), "must be a number, not timedelta64"),
        ("city", 1, "must be a text, not int"),
        ("city", "Basle", "must be one of Bern, Basel, not 'Basle'; did you mean Basel?"),
        ("city", "x" * 99, f"must be one of Bern, Basel, not '{'x' * 40}…'"),
        ("is_member", 2, "must be true or false, not 2"),
        ("is_member", "true", "must be true or false, not 'true'"),
        ("joined", "31.1.2026", "must be a date such as 2026-01-31, not '31.1.2026'"),
        ("joined", datetime(2026, 1, 31, 1), "must be a date, not 2026-01-31 01:00:00"),  # noqa: DTZ001
        ("joined", 20260131, "must be a date, not 20260131"),
        ("seats", 1.5, "must be a whole number, not 1.5"),
        ("fare", 5.0, "unknown name"),
    ],
)
def test_a_value_that_is_refused_is_named(name: str, value: object, problem: str) -> None:
    with pytest.raises(InvalidRecordError) as caught:
        make(**{name: value})
    assert (caught.value.field, caught.value.problem) == (name, problem)


def test_cells_of_a_table_are_read_by_kind_and_blank_ones_are_missing() -> None:
    cells = {"Fare (CHF)": " 5 ", "age": "", "city": "Bern", "is_member": "Yes", "seats": "2"}
    made = Passenger.from_cells(cells | {"joined": "2026-01-31", "id": "passed over"})
    assert made.values() == (5.0, None, "Bern", "", True, date(2026, 1, 31), 2)


@pytest.mark.parametrize(
    ("name", "cell", "problem"),
    [
        ("Fare (CHF)", "", "missing"),
        ("Fare (CHF)", "1_0", "not a number: '1_0'"),
        ("Fare (CHF)", "nan", "must be finite, not nan"),
        ("is_member", "maybe", "must be true or false, not 'maybe'"),
        ("joined", "soon", "must be a date such as 2026-01-31, not 'soon'"),
    ],
)
def test_a_cell_that_is_refused_is_named(name: str, cell: str, problem: str) -> None:
    with pytest.raises(InvalidRecordError) as caught:
        Passenger.from_cells({"Fare (CHF)": "5"} | {name: cell})
    assert (caught.value.field, caught.value.problem) == (name, problem)


@pytest.mark.parametrize("kind", [OrderedDict, UserDict, ChainMap, MappingProxyType])
def test_any_mapping_is_a_record(measurements: dict[str, float], kind: type) -> None:
    assert Tumor.from_mapping(kind(measurements)) == Tumor.from_mapping(measurements)


def test_a_row_of_a_database_is_a_record(measurements: dict[str, float]) -> None:
    database = sqlite3.connect(":memory:")
    database.row_factory = sqlite3.Row
    database.execute(f"CREATE TABLE tumors ({', '.join(MEASUREMENTS)})")
    marks = ", ".join("?" * len(MEASUREMENTS))
    database.execute(f"INSERT INTO tumors VALUES ({marks})", list(measurements.values()))  # noqa: S608
    row = database.execute("SELECT * FROM tumors").fetchone()
    assert Tumor.from_mapping(row) == Tumor.from_mapping(measurements)
    twice = database.execute("SELECT *, mean_area FROM tumors").fetchone()
    with pytest.raises(InvalidTumorError, match=r"^mean_area: given twice"):
        Tumor.from_mapping(twice)
    database.close()


def test_a_mapping_that_makes_up_values_is_incomplete(measurements: dict[str, float]) -> None:
    del measurements["worst_area"]
    with pytest.raises(InvalidTumorError, match=r"^worst_area: missing"):
        Tumor.from_mapping(defaultdict(float, measurements))


@pytest.mark.parametrize(
    "record", [None, 5, "text", b"text", [1.0] * 30, np.ones(30), iter([1.0]), {"a"}, Tumor, make()]
)
def test_what_is_not_a_record_is_refused_as_a_whole(record: object) -> None:
    with pytest.raises(InvalidTumorError, match=r"^must be a Tumor or a mapping") as caught:
        Tumor.from_mapping(record)  # type: ignore[arg-type]
    assert caught.value.field == ""


@given(st.dictionaries(st.sampled_from(MEASUREMENTS), st.floats() | st.integers()))
def test_a_record_is_taken_whole_or_refused_by_a_name(changes: dict[str, object]) -> None:
    try:
        tumor = Tumor.from_mapping(dict.fromkeys(MEASUREMENTS, 1.0) | changes)
    except InvalidTumorError as error:
        assert error.field in changes  # noqa: PT017 - most records are refused, not all
    else:
        assert all(type(value) is float and 0 <= value <= 3.5e38 for value in tumor.values())
        assert tumor == Tumor(**dict(zip(MEASUREMENTS, tumor.values(), strict=True)))


def test_a_record_made_quickly_is_like_any_other(measurements: dict[str, float]) -> None:
    tumor = Tumor.from_mapping(measurements)
    measurements["mean_radius"] = 9.0
    assert tumor.mean_radius == 1.0
    with pytest.raises(FrozenInstanceError):
        tumor.mean_radius = 2.0  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(tumor)) == tumor
    assert "mean_radius=1.0, mean_texture=2.0" in repr(tumor)


def test_a_class_may_check_how_its_fields_go_together() -> None:
    problem = ("end", "must not come before the start")

    @dataclass(frozen=True, kw_only=True)
    class Span(Record):
        start: float
        end: float

        def __post_init__(self) -> None:
            super().__post_init__()
            if self.end < self.start:
                raise self.error(*problem)

    assert Span.from_mapping({"start": 1, "end": 2}).values() == (1.0, 2.0)
    with pytest.raises(InvalidRecordError, match=r"^end: must not come"):
        Span.from_mapping({"start": 2, "end": 1})


def test_a_class_may_have_slots_and_a_single_field() -> None:
    @dataclass(frozen=True, kw_only=True, slots=True)
    class Point(Record):
        x: float

    assert Point.from_mapping({"x": 1}).values() == (1.0,)


def test_a_field_of_another_type_is_a_mistake_of_the_class() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Odd(Record):
        values_: list[float]

    with pytest.raises(TypeError, match="values_: must be float, int, str, bool or date"):
        Odd.names()


def test_an_error_says_its_row_and_survives_pickling() -> None:
    error = InvalidTumorError("mean_area", "missing").at(3)
    assert str(pickle.loads(pickle.dumps(error))) == "row 3, mean_area: missing"
    assert str(InvalidTumorError("", "is not one", 2)) == "row 2: is not one"


@dataclass(frozen=True, kw_only=True)
class Call(Record):
    missing = ("?", "never")

    on: Annotated[date | None, Day(form="%d.%m.%Y")] = None
    at: Annotated[date | None, Day(drops_time=True)] = None


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        ({"on": "?", "at": "never"}, (None, None)),
        ({"on": "31.1.2026"}, (date(2026, 1, 31), None)),
        ({"on": "2026-01-31", "at": "2026-01-31"}, (date(2026, 1, 31), date(2026, 1, 31))),
        ({"at": "2026-01-31T23:59:01.5Z"}, (None, date(2026, 1, 31))),
        ({"at": "2026-01-31 10:00"}, (None, date(2026, 1, 31))),
    ],
)
def test_cells_are_read_as_their_table_has_them(
    cells: dict[str, str], values: tuple[date | None, ...]
) -> None:
    assert Call.from_cells(cells).values() == values
    values_given = {name: None if text in Call.missing else text for name, text in cells.items()}
    assert Call.from_mapping(values_given).values() == values


@pytest.mark.parametrize(
    "cells", [{"on": "1/31/2026"}, {"at": "31.1.2026"}, {"on": "2026-01-31 10:00"}]
)
def test_a_date_in_another_form_is_refused(cells: dict[str, str]) -> None:
    with pytest.raises(InvalidRecordError, match="must be a date"):
        Call.from_cells(cells)


def test_a_point_in_time_is_its_day_where_times_are_dropped() -> None:
    assert Call.from_mapping({"at": datetime(2026, 1, 31, 10)}).values()[1] == date(2026, 1, 31)  # noqa: DTZ001
    with pytest.raises(InvalidRecordError, match="must be a date"):
        Call.from_mapping({"on": datetime(2026, 1, 31, 10)})  # noqa: DTZ001
