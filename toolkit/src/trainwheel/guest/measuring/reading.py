"""Read predictions and answers as arrays."""

from __future__ import annotations

import csv
import itertools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .labels import UnreadableError, is_number, label_of, order_of, prediction_of, spelled

__all__ = ["Predictions", "UnreadableError", "read_answers", "read_predictions"]

Floats: TypeAlias = NDArray[np.float64]
Codes: TypeAlias = NDArray[np.intp]

CLASSES = 1_000
_CHUNK = 50_000
_FEW = 20
_SCORE = "score_"


@dataclass(frozen=True)
class Predictions:
    """What a model said of rows whose truth is known.

    Args:
        classes: The labels; empty for a regression.
        truth: Of shape (rows,): codes into ``classes``, or the true values.
        predicted: The same, as the model said.
        scores: Of shape (rows, classes); NaN in a column that was not given.
        positive: The code of the class that counts as positive; -1 unless there are two.
    """

    classes: tuple[str, ...]
    truth: Any
    predicted: Any
    scores: Floats | None = None
    positive: int = -1

    @property
    def kind(self) -> str:
        """``regression``, ``binary`` or ``multiclass``."""
        if not self.classes:
            return "regression"
        return "binary" if len(self.classes) == 2 else "multiclass"  # noqa: PLR2004

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.truth)

    def take(self, rows: Codes) -> Predictions:
        """Return some of the rows."""
        scores = None if self.scores is None else self.scores[rows]
        truth, predicted = self.truth[rows], self.predicted[rows]
        return Predictions(self.classes, truth, predicted, scores, self.positive)

    @property
    def has_probabilities(self) -> bool:
        """Whether the scores of all classes are given and lie between 0 and 1."""
        if self.scores is None or not self.classes:
            return False
        return bool(((self.scores >= 0) & (self.scores <= 1)).all())


def read_predictions(
    path: Path, positive: str | None, *, is_regression: bool = False
) -> Predictions:
    """Return the predictions of a CSV file.

    Args:
        path: The file.
        positive: The class that counts as positive; the last one where it is None.
        is_regression: Whether whole numbers are values, and not classes.

    Raises:
        UnreadableError: A column is missing, a row has too few cells, one is empty or no finite
            number, or a class is written in two ways.
    """
    with path.open(newline="", encoding="utf-8-sig") as stream:
        reader = csv.reader(stream)
        header = next(reader, [])
        for name in ("y_true", "y_pred"):
            if header.count(name) != 1:
                message = f"{path.name} has no column {name}"
                raise UnreadableError(message)
        columns = _Columns(header)
        try:
            while chunk := list(itertools.islice(reader, _CHUNK)):
                columns.add(chunk, path.name)
        except csv.Error as error:
            message = f"{path.name} line {reader.line_num}: {error}"
            raise UnreadableError(message) from None
    return columns.build(path.name, positive, is_regression=is_regression)


class _Columns:
    """The columns of a file, as far as it has been read."""

    def __init__(self, header: Sequence[str]) -> None:
        self._header = header
        self._labels: dict[str, list[Any]] = {"y_true": [], "y_pred": []}
        self._scores: dict[str, list[Floats]] = {
            name: [] for name in header if name.startswith(_SCORE)
        }
        self._codes: dict[str, int] = {}
        self._is_numeric = True
        self._line = 1

    def add(self, chunk: list[list[str]], name: str) -> None:
        for number, row in enumerate(chunk, self._line + 1):
            if len(row) != len(self._header):
                message = (
                    f"{name} row {number} has {len(row)} cells, its header {len(self._header)}"
                )
                raise UnreadableError(message)
        for column, cells in zip(self._header, zip(*chunk, strict=True), strict=True):
            if column in self._scores:
                self._scores[column].append(self._numbers(cells, column, name))
            elif column in self._labels:
                self._add_labels(column, cells, name)
        self._line += len(chunk)

    def _numbers(self, cells: Sequence[str], column: str, name: str) -> Floats:
        try:
            numbers = np.array(cells, dtype=np.float64)
        except ValueError:
            numbers = np.array([_float(cell) for cell in cells])
        if not np.isfinite(numbers).all():
            place = int(np.argmin(np.isfinite(numbers)))
            row = self._line + 1 + place
            message = (
                f"{name} row {row}: {column} is {cells[place]!r}, which is not a finite number"
            )
            raise UnreadableError(message)
        return numbers

    def _add_labels(self, column: str, cells: Sequence[str], name: str) -> None:
        if self._is_numeric and not self._scores:
            try:
                numbers = np.array(cells, dtype=np.float64)
            except ValueError:
                self._give_up_numbers()
            else:
                if not np.isfinite(numbers).all():
                    self._numbers(cells, column, name)
                self._labels[column].append(numbers)
                return
        before = len(self._codes)
        codes = self._encode(cells)
        for label in itertools.islice(self._codes, before, None):
            # pandas leaves gaps where the indexes of two columns differ.
            what = "" if label.strip() else "empty"
            if not math.isfinite(_float(label, 0.0)):
                what = f"{label!r}, which is not a finite number"
            if what:
                row = self._line + 1 + cells.index(label)
                message = f"{name} row {row}: {column} is {what}"
                raise UnreadableError(message)
        self._labels[column].append(codes)

    def _give_up_numbers(self) -> None:
        """Read as labels what looked like numbers until now."""
        self._is_numeric = False
        for column, chunks in self._labels.items():
            self._labels[column] = [
                self._encode([label_of(value) for value in chunk.tolist()]) for chunk in chunks
            ]

    def _encode(self, cells: Sequence[str]) -> Codes:
        self._is_numeric = False
        codes = self._codes
        labels = (codes.setdefault(cell, len(codes)) for cell in cells)
        return np.fromiter(labels, np.intp, len(cells))

    def build(self, name: str, positive: str | None, *, is_regression: bool) -> Predictions:
        if self._line == 1:
            message = f"{name} has no rows"
            raise UnreadableError(message)
        truth, predicted = (np.concatenate(self._labels[c]) for c in ("y_true", "y_pred"))
        if self._is_numeric and not self._scores:
            if is_regression or not _are_classes(truth, predicted):
                return Predictions((), truth, predicted)
            values, codes = np.unique(np.concatenate([truth, predicted]), return_inverse=True)
            if len(values) > CLASSES:
                return Predictions((), truth, predicted)
            labels = [label_of(value) for value in values.tolist()]
            truth, predicted = codes[: len(truth)], codes[len(truth) :]
        else:
            labels = list(self._codes)
        scores = {
            column.removeprefix(_SCORE): np.concatenate(chunks)
            for column, chunks in self._scores.items()
        }
        return assemble(labels, truth, predicted, scores, positive, name)


def assemble(  # noqa: PLR0913, PLR0917 - the parts of one thing
    labels: Sequence[str],
    truth: Codes,
    predicted: Codes,
    scores: Mapping[str, Floats],
    positive: str | None,
    name: str,
) -> Predictions:
    """Return predictions whose classes stand in their order, those of numbers by value.

    Two spellings of one label, such as ``2`` and ``2.0``, are one class.

    Raises:
        UnreadableError: There are too many classes, or none is called as the positive one.
    """
    names = {spelled(label): label for label in reversed((*labels, *scores))}
    classes = sorted(names.values(), key=order_of)
    codes = {spelled(label): code for code, label in enumerate(classes)}
    if len(classes) > CLASSES:
        message = f"{name} has {len(classes)} classes, more than {CLASSES}"
        raise UnreadableError(message)
    if positive is not None and spelled(positive) not in codes:
        message = f"no row of {name} is of the class {positive!r}, which positive names"
        raise UnreadableError(message)
    places = np.array([codes[spelled(label)] for label in labels], dtype=np.intp)
    matrix = None
    if scores:
        matrix = np.full((len(truth), len(classes)), np.nan)
        for label, column in scores.items():
            matrix[:, codes[spelled(label)]] = column
    code = -1
    if len(classes) == 2:  # noqa: PLR2004
        code = 1 if positive is None else codes[spelled(positive)]
        if matrix is not None:
            _complete(matrix)
    return Predictions(tuple(classes), places[truth], places[predicted], matrix, code)


def _complete(matrix: Floats) -> None:
    """Fill in the score of the second of two classes, where only the other's is given."""
    for source, missing in ((0, 1), (1, 0)):
        column = matrix[:, source]
        if np.isnan(matrix[:, missing]).all() and ((column >= 0) & (column <= 1)).all():
            matrix[:, missing] = 1 - column


def read_answers(
    truths: Sequence[Any], path: Path, positive: str | None, *, is_regression: bool = False
) -> Predictions:
    """Return what a model answered to held-out rows.

    An answer is a label or a number, or an object: ``prediction``, ``label``, ``class`` or
    ``value``, and ``probability`` (of the positive class) or ``probabilities`` (by class).

    Args:
        truths: A label or number for each row.
        path: The answers, a JSON value a line.
        positive: The class that counts as positive; the last one where it is None.
        is_regression: Whether whole numbers are values, and not classes.

    Raises:
        UnreadableError: An answer holds no prediction, or there are not as many as truths.
    """
    answers = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
    if len(answers) != len(truths):
        message = f"{len(answers)} answers to {len(truths)} held-out rows"
        raise UnreadableError(message)
    predicted = [prediction_of(answer) for answer in answers]
    if all(is_number(value) for value in (*truths, *predicted)):
        numbers = np.array([truths, predicted], dtype=np.float64)
        if is_regression or not _are_classes(*numbers):
            return Predictions((), numbers[0], numbers[1])
    codes: dict[str, int] = {}
    columns = [
        np.array(
            [codes.setdefault(spelled(label_of(value)), len(codes)) for value in side], np.intp
        )
        for side in (truths, predicted)
    ]
    labels = list(codes)
    scores = _scores_of(answers, sorted(labels, key=order_of), positive)
    return assemble(labels, columns[0], columns[1], scores, positive, "holdout.jsonl")


def _scores_of(
    answers: Sequence[Any], classes: Sequence[str], positive: str | None
) -> dict[str, Floats]:
    rows = [answer if isinstance(answer, Mapping) else {} for answer in answers]
    many = [row.get("probabilities") for row in rows]
    if many and all(isinstance(row, Mapping) for row in many):
        names = sorted({str(name) for row in many if row for name in row})
        return {name: np.array([_float(row.get(name)) for row in many if row]) for name in names}
    one = [row.get("probability") for row in rows]
    if one and len(classes) == 2 and all(is_number(value) for value in one):  # noqa: PLR2004
        name = positive if positive is not None else classes[1]
        return {name: np.array(one, dtype=np.float64)}
    return {}


def _are_classes(truth: Floats, predicted: Floats) -> bool:
    """Return whether numbers are labels: a few whole ones, and nothing between them predicted."""
    is_whole = all(bool((side == np.round(side)).all()) for side in (truth, predicted))
    return is_whole and len(np.unique(truth)) <= _FEW


def _float(value: Any, otherwise: float = math.nan) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return otherwise
