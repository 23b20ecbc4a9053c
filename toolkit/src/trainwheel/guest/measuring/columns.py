"""Columns of values, each different one kept once: of predictions.csv, and of held-out rows."""

from __future__ import annotations

import csv
import itertools
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .labels import UnreadableError, is_number, is_numeral, prediction_of

__all__ = ["CLASSES", "Codes", "Column", "Floats", "Rows", "read_answers", "read_predictions",
           "read_truths"]  # fmt: skip

Floats: TypeAlias = NDArray[np.float64]
Codes: TypeAlias = NDArray[np.intp]

CLASSES = 1_000
_CHUNK = 50_000
_SCORE = "score_"
_NOT_FINITE = ", which is not a finite number"
# What None and pandas become as text, and `?` of older data. To some None is a class: they name it
# in labels.
_MISSING = {"none", "null", "<na>", "nat", "?"}


@dataclass(frozen=True)
class Column:
    """A column of truths or predictions.

    Args:
        file: The name of the file that its rows are counted in.
        name: What it is called there.
        values: The different values: cells of a CSV file, JSON values, or an array of numbers.
        codes: Of shape (rows,): which value each row has.
        is_csv: Whether the values are cells, where a number looks like a text.
    """

    file: str
    name: str
    values: Sequence[Any] | Floats
    codes: Codes
    is_csv: bool = False

    def refuse(self, code: int, reason: str) -> NoReturn:
        """Raise an error about the first row that has a value."""
        row = int(np.argmax(self.codes == code))
        value = self.values[code]
        shown = repr(str(value)) if self.is_csv else json.dumps(value)
        message = f"{self.where(row)} is {shown if str(value).strip() else 'empty'}{reason}"
        raise UnreadableError(message)

    def where(self, row: int) -> str:
        """Return what a row of the column is called; CSV rows are counted with the header."""
        place = f"row {row + 2}" if self.is_csv else f"line {row + 1}"
        return f"{self.file} {place}: {self.name}"

    def kind(self, code: int) -> str:
        """Return whether a value is a ``number``, a ``text`` or a ``boolean``."""
        value = self.values[code]
        if isinstance(value, bool):
            return "boolean"
        is_text = isinstance(value, str) and not (self.is_csv and is_numeral(value))
        return "text" if is_text else "number"

    @cached_property
    def kinds(self) -> frozenset[str]:
        """The kinds of all values."""
        if isinstance(self.values, np.ndarray):
            return frozenset({"number"})
        return frozenset(map(self.kind, range(len(self.values))))

    @cached_property
    def numbers(self) -> Floats:
        """The values as numbers; one that is not a finite number is refused."""
        if isinstance(self.values, np.ndarray):
            return self.values
        is_text = [isinstance(value, bool | str) and not self.is_csv for value in self.values]
        numbers = np.array([_float(value) for value in self.values])
        numbers[is_text] = math.nan
        if not np.isfinite(numbers).all():
            self.refuse(int(np.argmin(np.isfinite(numbers))), _NOT_FINITE)
        return numbers

    @property
    def is_whole(self) -> bool:
        """Whether all values are whole numbers."""
        return self.kinds == {"number"} and bool((self.numbers == np.round(self.numbers)).all())

    def check_present(self, labels: Iterable[str] = ()) -> None:
        """Refuse a value that stands for a missing one, unless a label is called so."""
        if isinstance(self.values, np.ndarray):
            return
        known = {*labels}
        for code, value in enumerate(self.values):
            text = str(value).strip()
            if text in known:
                continue
            if not text:  # pandas leaves gaps where the indexes of two columns differ
                self.refuse(code, "")
            if not math.isfinite(_float(text, 0.0)):
                self.refuse(code, _NOT_FINITE)
            if text.lower() in _MISSING:
                self.refuse(code, ", which stands for a missing value: omit the row, or name it "
                                  "in labels if it is a class")  # fmt: skip


@dataclass(frozen=True)
class Rows:
    """What a model said of rows whose truth is known.

    Args:
        truth: The truth.
        predicted: What the model said.
        scores: Class → scores of shape (rows,), NaN where there is none; the class None is the
            positive one, whichever that is.
    """

    truth: Column
    predicted: Column
    scores: Mapping[str | None, Floats]


def read_predictions(path: Path) -> Rows:
    """Return the rows of a CSV file with ``y_true``, ``y_pred`` and ``score_<class>`` columns.

    Raises:
        UnreadableError: A column is missing or there twice, a row has too few cells, or a score is
            not a finite number.
    """
    columns: dict[str, _Cells] = {}
    with path.open(newline="", encoding="utf-8-sig") as stream:
        reader = csv.reader(stream)
        try:
            header = next(reader, [])
            _check_header(header, path.name)
            columns = {name: _Cells(path.name, name) for name in header if _is_read(name)}
            line = 0
            while chunk := list(itertools.islice(reader, _CHUNK)):
                _check_cells(chunk, header, f"{path.name} row", line + 2)
                for name, cells in zip(header, zip(*chunk, strict=True), strict=True):
                    if name in columns:
                        columns[name].add(cells, line)
                line += len(chunk)
        except csv.Error as error:
            message = f"{path.name} line {reader.line_num}: {error}"
            raise UnreadableError(message) from None
        except UnicodeDecodeError:
            message = f"{path.name} is not UTF-8"
            raise UnreadableError(message) from None
    if not line:
        message = f"{path.name} has no rows"
        raise UnreadableError(message)
    scores: dict[str | None, Floats] = {
        name.removeprefix(_SCORE): cells.floats()
        for name, cells in columns.items()
        if name.startswith(_SCORE)
    }
    return Rows(columns["y_true"].column(), columns["y_pred"].column(), scores)


def _is_read(name: str) -> bool:
    return name in {"y_true", "y_pred"} or name.startswith(_SCORE)


def _check_header(header: Sequence[str], file: str) -> None:
    for name in ("y_true", "y_pred"):
        if name not in header:
            message = f"{file} has no column {name}"
            raise UnreadableError(message)
    for name in filter(_is_read, header):
        if header.count(name) > 1:
            message = f"{file} has more than one column {name}"
            raise UnreadableError(message)


def _check_cells(
    chunk: Iterable[Sequence[str]], header: Sequence[str], file: str, first: int
) -> None:
    for number, row in enumerate(chunk, first):
        if len(row) != len(header):
            message = f"{file} {number} has {len(row)} cells, its header {len(header)}"
            raise UnreadableError(message)


class _Cells:
    """A column of a CSV file as far as it has been read.

    Cells are kept as codes of the different ones. Once those are too many for classes, they are
    kept as numbers, so that millions of different ones take little memory.
    """

    def __init__(self, file: str, name: str) -> None:
        self._file, self._name = file, name
        self._codes: dict[str, int] = {}
        self._chunks: list[Any] = []
        self._is_numeric = name.startswith(_SCORE)

    def add(self, cells: Sequence[str], line: int) -> None:
        if self._is_numeric:
            self._chunks.append(self._numbers(cells, line))
            return
        codes = self._codes
        labels = (codes.setdefault(cell, len(codes)) for cell in cells)
        self._chunks.append(np.fromiter(labels, np.intp, len(cells)))
        if len(codes) > 2 * CLASSES:  # a class may be written in two ways
            column = self.column()
            if not column.kinds <= {"number"}:
                column.check_present()
                message = f"{self._file}: {self._name} has more than {CLASSES} classes"
                raise UnreadableError(message)
            self._is_numeric = True
            self._chunks = [column.numbers[column.codes]]

    def _numbers(self, cells: Sequence[str], line: int) -> Floats:
        try:
            numbers = np.array(cells, dtype=np.float64)
        except ValueError:
            numbers = np.array([_float(cell) for cell in cells])
        if not np.isfinite(numbers).all():
            place = int(np.argmin(np.isfinite(numbers)))
            what = repr(cells[place]) + _NOT_FINITE if cells[place].strip() else "empty"
            message = f"{self._file} row {line + place + 2}: {self._name} is {what}"
            raise UnreadableError(message)
        return numbers

    def floats(self) -> Floats:
        return np.concatenate(self._chunks)

    def column(self) -> Column:
        rows = np.concatenate(self._chunks)
        values: Sequence[str] | Floats = list(self._codes)
        if self._is_numeric:
            values, rows = np.unique(rows, return_inverse=True)
        return Column(self._file, self._name, values, rows, is_csv=True)


def read_truths(path: Path) -> Column:
    """Return the truths of held-out rows, a JSON object a line.

    Raises:
        UnreadableError: A line has no truth, or one that is neither a label nor a number, or some
            are numbers and others are texts.
    """
    truths = []
    with path.open(encoding="utf-8") as stream:
        for number, line in enumerate(stream, 1):
            try:
                truths.append(json.loads(line)["truth"])
            except (ValueError, TypeError, KeyError):
                message = f"{path.name} line {number} is not an object with input and truth"
                raise UnreadableError(message) from None
    column = _column(path.name, "truth", truths)
    if not truths:
        message = f"{path.name} has no rows"
        raise UnreadableError(message)
    first = column.kind(0)
    for code in range(len(column.values)):
        if column.kind(code) != first:
            column.refuse(
                code, f", a {column.kind(code)}, and line 1 has a {first}: write one kind"
            )
    return column


def read_answers(truth: Column, path: Path, who: str) -> Rows:
    """Return what a model answered to held-out rows.

    An answer is a label or a number, or an object: ``prediction``, ``label``, ``class`` or
    ``value``, and ``probability`` (of the positive class) or ``probabilities`` (by class).

    Args:
        truth: The truths.
        path: The answers, a JSON value a line.
        who: Whose answers they are, for messages.

    Raises:
        UnreadableError: An answer holds no prediction, or there are not as many as truths.
    """
    answers = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
    if len(answers) != len(truth.codes):
        message = f"{len(answers)} answers to {len(truth.codes)} held-out rows"
        raise UnreadableError(message)
    name = f"{who}'s answer"
    predicted = _column(truth.file, name, [prediction_of(answer) for answer in answers])
    rows = [answer if isinstance(answer, Mapping) else {} for answer in answers]
    by_class = [row.get("probabilities") for row in rows]
    if all(isinstance(row, Mapping) for row in by_class):
        names = dict.fromkeys(name for row in by_class if row for name in row)
        scores: dict[str | None, Floats] = {
            name: _scores(predicted, f"the probability of {name!r}", name, by_class)
            for name in names
        }
        return Rows(truth, predicted, scores)
    if all("probability" in row for row in rows):
        one = _scores(predicted, "the probability", "probability", rows)
        return Rows(truth, predicted, {None: one})
    return Rows(truth, predicted, {})


def _scores(column: Column, what: str, name: str, rows: Sequence[Any]) -> Floats:
    for number, row in enumerate(rows):
        if name in row and not (is_number(row[name]) and math.isfinite(_float(row[name]))):
            shown = json.dumps(row[name])
            message = f"{column.where(number)}: {what} is {shown}{_NOT_FINITE}"
            raise UnreadableError(message)
    return np.array([row.get(name, math.nan) for row in rows], dtype=np.float64)


def _column(file: str, name: str, values: Sequence[Any]) -> Column:
    """Return JSON values as a column; to JSON, unlike Python, 1 and true are different."""
    codes: dict[tuple[bool, Any], int] = {}
    column = np.empty(len(values), dtype=np.intp)
    for row, value in enumerate(values):
        if not isinstance(value, str | int | float):
            place = Column(file, name, [], np.empty(0, np.intp)).where(row)
            message = f"{place} is {json.dumps(value)}, which is neither a label nor a number"
            raise UnreadableError(message)
        column[row] = codes.setdefault((isinstance(value, bool), value), len(codes))
    return Column(file, name, [value for _, value in codes], column)


def _float(value: Any, otherwise: float = math.nan) -> float:
    try:
        return float(value)
    except ValueError:
        return otherwise
    except OverflowError:
        return math.inf
