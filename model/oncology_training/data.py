"""The examples to learn from: tumours with their diagnosis."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer

from oncology_model.datamodel import MEASUREMENTS, InvalidTumorError, Prediction, Tumor
from oncology_model.table import Columns, CsvTable, Row, TableError, read_lines

BUILTIN = "builtin"
BUILTIN_NAME = "sklearn.datasets.load_breast_cancer"
DIAGNOSIS = "diagnosis"
_COLUMNS = Columns((*MEASUREMENTS, DIAGNOSIS), numbers=frozenset(MEASUREMENTS))


class DataError(ValueError):
    """The data cannot be read, or no model can be trained on it."""


@dataclass(frozen=True, slots=True)
class Example:
    """A tumour and what it was found to be."""

    tumor: Tumor
    diagnosis: Prediction


def read_examples(source: str) -> list[Example]:
    """Read the examples in their own order.

    Args:
        source: "builtin" for the data set that scikit-learn ships, else the path of a CSV
            file with the thirty measurements and a ``diagnosis`` (benign, malignant).

    Raises:
        DataError: the file cannot be read; the message names the row and the column.
    """
    if source == BUILTIN:
        return _load_builtin()
    try:
        with Path(source).open("rb") as stream:
            rows = CsvTable(read_lines(stream), _COLUMNS).rows()
            return [_parse(row) for row in rows]
    except OSError as error:
        raise DataError(error.strerror) from None
    except TableError as error:
        raise DataError(str(error)) from None


def to_matrix(examples: Sequence[Example]) -> NDArray[np.float64]:
    """Stack the measurements: one row per example, one column per name of `MEASUREMENTS`."""
    values = [example.tumor.values() for example in examples]
    return np.array(values, dtype=np.float64).reshape(len(values), len(MEASUREMENTS))


def to_labels(examples: Sequence[Example]) -> NDArray[np.str_]:
    """List the diagnoses as texts, of shape (examples,).

    Texts, so that the artefact itself says which of its classes is the malignant one.
    """
    return np.array([example.diagnosis.value for example in examples], dtype=np.str_)


def digest_examples(examples: Iterable[Example]) -> str:
    """Digest the examples in their order.

    Returns:
        The sha256, in hexadecimal, of one line for each: a JSON array of the measurements in
        the order of `MEASUREMENTS`, and of the diagnosis behind them.
    """
    digest = hashlib.sha256()
    for example in examples:
        row = [*example.tumor.values(), example.diagnosis.value]
        digest.update(json.dumps(row).encode() + b"\n")
    return digest.hexdigest()


def _load_builtin() -> list[Example]:
    bunch = load_breast_cancer()
    names = [name.replace(" ", "_") for name in bunch.feature_names.tolist()]
    # The target is an index into target_names, and there malignant is 0, not 1.
    diagnoses = [Prediction(bunch.target_names[target]) for target in bunch.target]
    return [
        Example(Tumor.from_mapping(dict(zip(names, values, strict=True))), diagnosis)
        for values, diagnosis in zip(bunch.data.tolist(), diagnoses, strict=True)
    ]


def _parse(row: Row) -> Example:
    cells = cast("dict[str, str]", row.values)
    if row.problem:
        message = f"row {row.number}: {row.problem[1]}"
        raise DataError(message)
    try:
        return Example(Tumor.from_cells(cells), _parse_diagnosis(cells[DIAGNOSIS].strip()))
    except InvalidTumorError as error:
        message = f"row {row.number}, column {error.field}: {error.problem}"
        raise DataError(message) from None


def _parse_diagnosis(text: str) -> Prediction:
    try:
        return Prediction(text)
    except ValueError:
        problem = f"must be {' or '.join(Prediction)}, not {text!r}"
        raise InvalidTumorError(DIAGNOSIS, problem) from None
