"""What a consumer of the reference model writes. Both type checkers take it as it is."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import assert_type

import oncology_model
from oncology_model import (
    MEASUREMENTS,
    ArtefactError,
    Classifier,
    InvalidRecordError,
    InvalidTumorError,
    Prediction,
    Result,
    Tumor,
    VersionMismatchError,
)
from oncology_model.classifier import predict_record


class Table:
    """A table by its columns, as those of pandas and polars are."""

    columns: Sequence[str] = MEASUREMENTS
    shape: tuple[int, int] = (0, 30)

    def __getitem__(self, name: str) -> list[float]:
        """Return a column."""
        return []


class Service:
    """Keeps a classifier, and answers."""

    def __init__(self) -> None:
        """Load the model."""
        self.classifier = assert_type(Classifier.load("model.joblib", verify=True), Classifier)
        _ = assert_type(Classifier(any_version=True), Classifier)

    def answer(self, tumor: Tumor, row: sqlite3.Row, values: Mapping[str, float]) -> Prediction:
        """Ask for one record of each kind."""
        _ = assert_type(self.classifier.predict(row), Prediction)
        _ = assert_type(self.classifier.predict(values, strict=True), Prediction)
        _ = assert_type(self.classifier.predict_proba(tumor), float)
        result = assert_type(self.classifier.predict_result(tumor), Result)
        _ = assert_type(result.probability, float | None)
        _ = assert_type(result.probabilities, Mapping[str, float])
        _ = assert_type(result.warnings, tuple[str, ...])
        _ = assert_type(result.as_json(), dict[str, object])
        _ = assert_type(predict_record(values), dict[str, str | float])
        return assert_type(self.classifier.predict(tumor), Prediction)

    def answer_many(self, tumors: Iterable[Tumor]) -> Iterator[str]:
        """Ask for many."""
        _ = assert_type(self.classifier.predict_many(tumors), list[Prediction])
        _ = assert_type(self.classifier.predict_many(tumors, on_error="raise"), list[Prediction])
        marked = self.classifier.predict_many(tumors, on_error="mark", strict=True)
        for mark in assert_type(marked, list[Prediction | InvalidRecordError]):
            yield mark.problem if isinstance(mark, InvalidRecordError) else mark.value
        rows: list[Mapping[str, float]] = []
        _ = assert_type(self.classifier.predict_many(rows), list[Prediction])
        _ = assert_type(self.classifier.predict_proba_many(iter(tumors)), list[float])
        results = self.classifier.results(tumors, on_error="mark", batch=10)
        for result in assert_type(results, Iterator[Result | InvalidRecordError]):
            if isinstance(result, Result):
                yield assert_type(result.model_version, str)

    def answer_rows(self, rows: Iterable[sqlite3.Row], table: Table) -> list[Prediction]:
        """Ask for the rows of a database, and for a table."""
        answers = assert_type(self.classifier.predict_many(rows), list[Prediction])
        return answers + assert_type(self.classifier.predict_many(table), list[Prediction])

    def describe(self) -> list[str]:
        """Say what it takes, and of which version it is."""
        _ = assert_type(oncology_model.__version__, str)
        _ = assert_type(MEASUREMENTS, tuple[str, ...])
        # A JSON document, whose values are the only Any in what is public.
        return sorted(self.classifier.input_schema())  # type: ignore[misc]


def read(values: Mapping[str, object], cells: Mapping[str, str]) -> Tumor | str:
    """Make a tumour, or say why not."""
    try:
        tumor = assert_type(Tumor.from_mapping(values), Tumor)
        _ = assert_type(tumor.mean_radius, float)
        return assert_type(Tumor.from_cells(cells), Tumor)
    except InvalidTumorError as error:
        _ = assert_type(error.row, int | None)
        return assert_type(error.field, str) + assert_type(error.problem, str)
    except VersionMismatchError as error:
        return " ".join(assert_type(error.requirements, tuple[str, ...]))
    except ArtefactError as error:
        return str(error)
