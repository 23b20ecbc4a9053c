"""What training held travels with the model, and what lies outside of it is said or refused."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any, cast

import joblib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import Ridge

from oncology_model.batch import Reader
from oncology_model.ranges import measure_ranges, parse_ranges
from oncology_model.record import Day, InvalidRecordError, Number, Record
from oncology_model.result import Engine
from oncology_model.serving import ServedRegressor


@dataclass(frozen=True, kw_only=True)
class Visit(Record):
    """A record with a day, which the estimator gets as a number."""

    fee: Annotated[float, Number("CHF", at_least=0)]
    seen: date
    called: Annotated[date | None, Day(form="%d.%m.%Y", name="last call")] = None

    @staticmethod
    def to_features(columns: Any) -> dict[str, Any]:  # noqa: ANN401
        """Make numbers of days."""
        return {"fee": columns["fee"], "seen": [day.toordinal() for day in columns["seen"]]}


class Visits(ServedRegressor):
    """A model of visits."""

    record = Visit

    @classmethod
    def make_engine(cls, model: Any, artefact: object) -> Engine:  # noqa: ANN401, ARG003
        """Take the estimator as it is: there is no pandas here."""
        return cast("Engine", model)


ROWS = [(5.0, "2021-03-17", None), (9.0, date(2023, 2, 28), "05.12.2022"), (6.0, None, None)]
VISIT = {"fee": 6, "seen": "2022-01-01"}


@pytest.fixture
def make(tmp_path: Path, write_manifest: Callable[..., Path]) -> Callable[..., Visits]:
    """Return what makes a model with the ranges of some rows, or with those that are given."""
    days = [date(2021, 3, 17).toordinal(), date(2023, 2, 28).toordinal()]
    path = tmp_path / "visits.joblib"
    joblib.dump(Ridge().fit(np.array([[5.0, days[0]], [9.0, days[1]]]), [1.0, 2.0]), path)

    def make(**ranges: object) -> Visits:
        document = ranges or measure_ranges(Visit, ROWS)
        write_manifest(path, inputs=json.loads(json.dumps(document)))
        return Visits.load(path)

    return make


def test_the_days_of_training_are_rounded_to_whole_months() -> None:
    measured = measure_ranges(Visit, ROWS)
    assert measured["seen"] == {"lowest": "2021-03-01", "highest": "2023-02-28"}
    assert measured["last call"] == {"lowest": "2022-12-01", "highest": "2022-12-31"}
    assert measure_ranges(Visit, ROWS[2:]).keys() == {"fee"}
    extremes = [(1.0, date.min, None), (1.0, date.max, None)]
    assert measure_ranges(Visit, extremes)["seen"] == {
        "lowest": "0001-01-01",
        "highest": "9999-12-31",
    }


@pytest.mark.parametrize(
    ("day", "severity"),
    [
        ("2021-03-01", ""),
        ("2023-02-28", ""),
        ("2021-02-28", "warning"),
        ("2023-03-01", "warning"),
        ("2001-04-01", "warning"),
        ("2001-03-01", "error"),
        ("1890-01-01", "error"),
        ("3024-01-01", "error"),
        ("0001-01-01", "error"),
        ("9999-12-31", "error"),
    ],
)
def test_a_day_that_training_never_saw_is_a_warning_or_an_error(
    make: Callable[..., Visits], day: str, severity: str
) -> None:
    model, odd = make(), {**VISIT, "seen": day}
    learnt = "outside the range of training, 2021-03-01 to 2023-02-28"
    if severity == "error":
        problem = f"{day} is far {learnt}: check its year"
        with pytest.raises(InvalidRecordError, match=f"^seen: {problem}$"):
            model.predict(odd)
        first, second = model.predict_many([odd, VISIT], on_error="mark")
        assert (str(first), type(second)) == (f"row 0, seen: {problem}", float)
        return
    warnings = (f"seen: {day} is {learnt}",) if severity else ()
    assert model.predict_result(odd).warnings == warnings
    assert [each.warnings for each in model.results([VISIT, odd])] == [(), warnings]  # type: ignore[union-attr]
    if severity:
        with pytest.raises(InvalidRecordError, match=f"^seen: {day} is {learnt}$"):
            model.predict(odd, strict=True)
        marked = model.predict_many([VISIT, odd], on_error="mark", strict=True)
        assert [type(each) for each in marked] == [float, InvalidRecordError]


def test_a_model_of_a_month_is_asked_for_years(make: Callable[..., Visits]) -> None:
    model = make()
    assert model.predict_result({**VISIT, "last call": "2032-12-01"}).warnings
    with pytest.raises(InvalidRecordError, match=r"^last call: 2033-01-01 is far outside"):
        model.predict({**VISIT, "last call": "2033-01-01"})


@dataclass(frozen=True, kw_only=True)
class House(Record):
    """A record of numbers of all kinds."""

    built: int
    rooms: Annotated[int, Number("rooms", at_least=1)]
    area: Annotated[float, Number("m²", at_most=105)]
    rent: float


def measure_one(field: str, *values: float) -> dict[str, float]:
    """Return the range of some values of a field."""
    rows = [[value if name == field else 1 for name in House.names()] for value in values]
    return cast("dict[str, float]", measure_ranges(House, rows)[field])


@pytest.mark.parametrize(
    ("field", "values", "lowest", "highest"),
    [
        ("built", (2004, 2011, 2023), 2004, 2023),
        ("built", (1387, 2023), 1380, 2030),
        ("built", (12, 98_765), 0, 99_000),
        ("built", (-1_234, -1_100), -1_240, -1_100),
        ("built", (2023, 2023), 2000, 2100),
        ("rooms", (3, 103), 1, 110),
        ("area", (13.47, 18.72), 13.4, 18.8),
        ("area", (1.5, 104.2), 1, 105),
        ("area", (7.5, 101.0, 300.0), 1, 300),
        ("rent", (1013.2134, 1013.5786), 1013.21, 1013.58),
        ("rent", (2_603_017.5, 2_603_921.0), 2_603_010, 2_603_930),
        ("rent", (6.802, 542.2), 1, 550),
        ("rent", (-0.04, 9.96), -1, 10),
        ("rent", (-9.96, -0.04), -10, 0),
        ("rent", (0.0, 0.0), 0, 0),
        ("rent", (1234.5, 1234.5), 1200, 1300),
        ("rent", (0.1, 0.1 + 2**-56), 0.1, 0.1 + 2**-56),
        ("rent", (5e-324, 3e38), 1e-323, 3e38),
    ],
)
def test_numbers_are_rounded_by_the_width_of_their_range(
    field: str, values: tuple[float, ...], lowest: float, highest: float
) -> None:
    measured = measure_one(field, *values)
    assert measured["lowest"] == pytest.approx(lowest, rel=1e-12)
    assert measured["highest"] == pytest.approx(highest, rel=1e-12)
    assert "-0.0" not in map(str, measured.values())


@given(st.lists(st.floats(-1e30, 1e30), min_size=2))
def test_no_number_of_training_is_outside(values: list[float]) -> None:
    measured = measure_one("rent", *values)
    assert measured["lowest"] <= min(values) <= max(values) <= measured["highest"]
    width = max(values) - min(values)
    assert measured["highest"] - measured["lowest"] <= (1.2 + 1e-9) * width or width < 1e-290


def test_a_number_is_shown_with_the_digits_that_tell_it_from_the_range() -> None:
    reader = Reader(House, parse_ranges({"rent": {"lowest": 2_603_010, "highest": 2_603_930}}))
    batch = reader.read_one((2000, 1, 1.0, 2_603_931.0))
    ((_, problem),) = batch.remarks[0]
    assert problem == "2603931 is outside the range of training, 2603010 to 2603930"


def test_a_missing_day_is_outside_of_nothing(make: Callable[..., Visits]) -> None:
    model = make()
    assert model.predict_result(VISIT, strict=True).warnings == ()
    (text,) = model.predict_result({**VISIT, "last call": "01.06.2022"}).warnings
    assert text.startswith("last call: 2022-06-01 is outside the range of training, 2022-12-01 to")


def test_a_manifest_without_days_is_read_as_before(make: Callable[..., Visits]) -> None:
    model = make(fee={"lowest": 5.0, "highest": 9.0})
    assert model.predict_result({**VISIT, "seen": "3024-01-01"}).warnings == ()
    assert "x-training" not in model.input_schema()["properties"]["seen"]


def test_the_schema_has_the_days_of_training(make: Callable[..., Visits]) -> None:
    seen = make().input_schema()["properties"]["seen"]
    assert (seen["type"], seen["format"]) == ("string", "date")
    assert seen["x-training"] == {"lowest": "2021-03-01", "highest": "2023-02-28"}
    assert seen["description"] == "2021-03-01 to 2023-02-28 in training"
