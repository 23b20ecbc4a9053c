"""The model with tables of pandas, polars and Arrow, and with records that are not all numbers.

Neither a model nor the library needs these libraries, so they are installed for this alone.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date
from importlib.metadata import version
from operator import attrgetter
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import joblib
import jsonschema
import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder

from integration.once import once_for

pytestmark = [pytest.mark.integration, pytest.mark.slow]

ROOT = Path(__file__).parents[3]
LIBRARIES = ("pandas==3.1.1", "polars==2.1.0", "pyarrow==26.0.1")


@pytest.fixture(scope="module", autouse=True)
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The reference model's package, with the libraries beside it."""

    def install(folder: Path) -> None:
        command = (sys.executable, "-P", "-m", "pip", "install", "--quiet", "--target", str(folder))
        # numpy is there already.
        more = ("polars-runtime-32==2.1.0", "python-dateutil==4.0.0", "six==1.17.0")
        subprocess.run([*command, "--no-deps", *LIBRARIES, *more], check=True)

    folder = once_for(tmp_path_factory).folder("frames", install)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "model"))
        sys.path.append(str(folder))
        yield importlib.import_module("oncology_model")
        sys.path.remove(str(folder))


@pytest.fixture(scope="module")
def classifier(model: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Any:
    rows = np.repeat([[1.0], [2.0], [8.0], [9.0]], 30, axis=1)
    fitted = LogisticRegression().fit(rows, ["benign"] * 2 + ["malignant"] * 2)
    path = tmp_path_factory.mktemp("numbers") / "model.joblib"
    joblib.dump(fitted, path)
    return model.Classifier(path, verify=False)


def columns_of(model: ModuleType, *sizes: float) -> dict[str, list[float]]:
    return {name: list(sizes) for name in reversed(model.MEASUREMENTS)}


@pytest.fixture(params=[
    "pandas DataFrame", "polars DataFrame", "pyarrow Table.from_pydict",
    "pyarrow RecordBatch.from_pydict",
])  # fmt: skip
def make(request: pytest.FixtureRequest) -> Callable[[object], Any]:
    """Return what makes a table of columns."""
    library, name = request.param.split()
    return cast("Callable[[object], Any]", attrgetter(name)(importlib.import_module(library)))


def test_a_table_is_a_batch(
    model: ModuleType, classifier: Any, make: Callable[[object], Any]
) -> None:
    table = make(columns_of(model, 1.0, 9.0, 2.0))
    answers = ["benign", "malignant", "benign"]
    assert classifier.predict_many(table) == answers
    assert [each.prediction for each in classifier.results(table, batch=2)] == answers
    assert classifier.predict_many(make(columns_of(model))) == []


def test_a_row_of_a_table_is_refused_by_its_place(
    model: ModuleType, classifier: Any, make: Callable[[object], Any]
) -> None:
    table = make(columns_of(model, 1.0, 9.0) | {"mean_area": [1.0, -1.0]})
    marked = classifier.predict_many(table, on_error="mark")
    assert marked[0] == "benign"
    assert str(marked[1]) == "row 1, mean_area: must not be negative, but is -1.0"
    empty = classifier.predict_many(
        make(columns_of(model, 1.0, 9.0) | {"mean_area": [None, 1.0]}), on_error="mark"
    )
    assert (empty[0].row, empty[0].field) == (0, "mean_area")


@pytest.mark.parametrize("on_error", ["raise", "mark"])
def test_another_column_is_refused(
    model: ModuleType, classifier: Any, make: Callable[[object], Any], on_error: str
) -> None:
    table = make(columns_of(model, 1.0) | {"mean_aera": [1.0]})
    with pytest.raises(model.InvalidTumorError, match=r"^mean_aera: .* did you mean mean_area\?"):
        classifier.predict_many(table, on_error=on_error)


def test_a_column_that_is_the_index_or_there_twice_is_named(
    model: ModuleType, classifier: Any
) -> None:
    pandas = importlib.import_module("pandas")
    table = pandas.DataFrame(columns_of(model, 1.0))
    with pytest.raises(model.InvalidTumorError, match=r"^mean_area: missing: it is the .* index"):
        classifier.predict_many(table.set_index("mean_area"))
    with pytest.raises(model.InvalidTumorError, match="mean_area: given twice"):
        classifier.predict_many(pandas.concat([table, table[["mean_area"]]], axis=1))
    with pytest.raises(model.InvalidTumorError, match="is a table"):
        classifier.predict(table)
    assert classifier.predict_many(table.rename_axis("patient")) == ["benign"]
    assert classifier.predict(table.iloc[0]) == "benign"
    assert classifier.predict_many(row for _, row in table.iterrows()) == ["benign"]


@pytest.mark.parametrize(("kind", "problem"), [
    ("string", "must be a number, not str"), ("bool", "must be a number, not bool"),
    ("datetime64[ns]", "must be a number, not Timestamp"), ("float32", ""), ("Int64", ""),
    ("category", ""),
])  # fmt: skip
def test_a_column_of_another_type_is_taken_or_refused(
    model: ModuleType, classifier: Any, kind: str, problem: str
) -> None:
    table = importlib.import_module("pandas").DataFrame(columns_of(model, 1.0))
    (answer,) = classifier.predict_many(table.astype({"mean_area": kind}), on_error="mark")
    assert getattr(answer, "problem", "") == problem


PASSENGERS = """
from dataclasses import dataclass
from datetime import date
from typing import Annotated

from oncology_model.record import Category, Number, Record
from oncology_model.serving import ServedClassifier


@dataclass(frozen=True, kw_only=True)
class Passenger(Record):
    fare: Annotated[float, Number("CHF", at_least=0, name="Fare (CHF)")]
    age: Annotated[float | None, Number("years", at_least=0, at_most=130)] = None
    city: Annotated[str | None, Category()] = None
    is_member: bool = False
    joined: date | None = None
    seats: int = 1


class Classifier(ServedClassifier[str]):
    record = Passenger
"""


@pytest.fixture(scope="module")
def passengers(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A model of records with texts, flags, dates and gaps, fitted to a DataFrame."""
    pandas = importlib.import_module("pandas")
    folder = tmp_path_factory.mktemp("mixed")
    (folder / "passengers.py").write_text(PASSENGERS)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        own = importlib.import_module("passengers")
    table = pandas.DataFrame({
        "Fare (CHF)": [1.0, 2.0, 8.0, 9.0] * 5, "age": [30.0, None, 50.0, 60.0] * 5,
        "city": ["Bern", "Basel", None, "Bern"] * 5, "is_member": [True, False] * 10,
        "joined": pandas.to_datetime(["2020-01-01"] * 20), "seats": [1, 2] * 10,
    })  # fmt: skip
    encode = ColumnTransformer([
        ("n", SimpleImputer(), ["Fare (CHF)", "age", "seats"]), ("f", "passthrough", ["is_member"]),
        ("c", make_pipeline(SimpleImputer(strategy="constant", fill_value="?"),
                            OneHotEncoder(handle_unknown="error")), ["city"]),
    ])  # fmt: skip
    fitted = Pipeline([("encode", encode), ("fit", LogisticRegression())])
    fitted.fit(table, ["low", "low", "high", "high"] * 5)
    path = folder / "model.joblib"
    joblib.dump(fitted, path)
    content = path.read_bytes()
    rows = table.drop(columns="joined").assign(joined=None)[list(own.Passenger.names())]
    ranges = importlib.import_module("oncology_model.ranges")
    versions = {name: version(name) for name in ("scikit-learn", "numpy", "joblib")}
    document = {
        "schema": 1, "format": "joblib", "sha256": hashlib.sha256(content).hexdigest(),
        "size": len(content), "versions": versions,
        "inputs": ranges.measure_ranges(own.Passenger, rows.astype(object).to_numpy().tolist()),
    }  # fmt: skip
    path.with_name("model.joblib.json").write_text(json.dumps(document))
    return own.Classifier.load(path)


FULL = {"Fare (CHF)": 2, "age": 30, "city": "Bern", "is_member": True, "joined": "2020-01-01"}


def test_records_of_all_kinds_reach_a_model_of_a_dataframe(passengers: Any) -> None:
    sparse = {"Fare (CHF)": 9.0}
    assert passengers.predict_many([FULL, sparse]) == ["low", "high"]
    assert [passengers.predict(each) for each in (FULL, sparse)] == ["low", "high"]
    made = passengers.record.from_mapping(FULL)
    assert (made.fare, made.joined, made.seats) == (2.0, date(2020, 1, 1), 1)
    assert passengers.predict(made) == "low"
    pandas = importlib.import_module("pandas")
    table = pandas.DataFrame([FULL, {**FULL, "Fare (CHF)": 9.0, "age": None, "city": None}])
    assert passengers.predict_many(table.astype({"joined": "datetime64[ns]"})) == ["low", "high"]


def test_an_unseen_category_is_a_warning_and_what_the_model_cannot_answer_is_the_records(
    model: ModuleType, passengers: Any
) -> None:
    marked = passengers.predict_many([FULL, {**FULL, "city": "Rom"}, FULL], on_error="mark")
    assert marked[::2] == ["low", "low"]
    assert (marked[1].row, marked[1].field) == (1, "city")
    assert "ValueError" in marked[1].problem
    with pytest.raises(model.InvalidRecordError, match="city: 'Rom' was not in the training data"):
        passengers.predict({**FULL, "city": "Rom"}, strict=True)


@pytest.mark.parametrize(("change", "problem"), [
    ({"age": 131}, "age: must be at most 130"), ({"age": "30"}, "age: must be a number"),
    ({"city": 3}, "city: must be a text"), ({"is_member": 2}, "is_member: must be true or false"),
    ({"joined": "1.2.2020"}, "joined: must be a date"), ({"seats": 1.5}, "seats: must be a whole"),
    ({"fare": 1}, "fare: unknown name"), ({"age": 1e4}, "age: must be at most"),
])  # fmt: skip
def test_what_is_not_of_a_kind_is_refused(
    model: ModuleType, passengers: Any, change: dict[str, object], problem: str
) -> None:
    with pytest.raises(model.InvalidRecordError, match=f"^{problem}"):
        passengers.predict({**FULL, **change})
    marked = passengers.predict_many([FULL, {**FULL, **change}], on_error="mark")
    assert marked[0] == "low"
    assert str(marked[1]).startswith(f"row 1, {problem}")


def test_the_schemas_are_schemas_and_agree_with_the_model(classifier: Any, passengers: Any) -> None:
    numbers = dict.fromkeys(classifier.record.names(), 1.0)
    cases = ((classifier, numbers, "mean_area"), (passengers, FULL, "Fare (CHF)"))
    for served, record, name in cases:
        schema = served.input_schema()
        for document in (schema, served.output_schema()):
            jsonschema.Draft202012Validator.check_schema(document)
        validator = jsonschema.Draft202012Validator(schema)
        assert validator.is_valid(record)
        for change in ({name: "5"}, {name: -1}, {name: None}, {"nonsense": 1}, {name: True}):
            assert not validator.is_valid({**record, **change})
        answer = json.loads(json.dumps(served.predict_result(record).as_json()))
        jsonschema.validate(answer, served.output_schema())
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**answer, "more": 1}, served.output_schema())
    fare = passengers.input_schema()["properties"]["Fare (CHF)"]
    assert fare["x-unit"] == "CHF"
    assert fare["x-training"] == {"lowest": 1.0, "highest": 9.0}
    city = passengers.input_schema()["properties"]["city"]
    assert city["x-training"] == {"categories": ["Basel", "Bern"]}
    assert city["default"] is None
