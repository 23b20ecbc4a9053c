"""Classes: their order, their spellings, their scores, and which one is positive."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .columns import CLASSES, Codes, Column, Floats, Rows
from .labels import UnreadableError, label_of, order_of, spelled
from .predictions import Predictions

__all__ = ["Task", "classify"]

_TWO, _SHOWN, _FEW = 2, 3, 20
_BITS = {"True": "1", "False": "0", "1": "True", "0": "False"}


@dataclass(frozen=True)
class Task:
    """What a repository states of its model; empty, or None, is what it leaves open.

    Args:
        task: ``classification`` or ``regression``.
        labels: The classes, in their order.
        positive: The class that counts as positive.
        names: What the metrics are called that are asked for.
    """

    task: str = ""
    labels: tuple[str, ...] = ()
    positive: str | None = None
    names: Iterable[str] = ()

    @classmethod
    def of(cls, request: Mapping[str, Any]) -> Task:
        """Return what a request states."""
        labels = tuple(request.get("labels") or ())
        return cls(request.get("task", ""), labels, request.get("positive"), request["names"])

    @property
    def is_stated(self) -> bool:
        """Whether the repository says if the model predicts classes or numbers."""
        return bool(self.task or self.labels or self.positive is not None)

    def of_model(self, predictions: Predictions) -> Task:
        """Return the task of a model that is compared with one whose predictions are understood."""
        if not predictions.classes:
            return Task("regression")
        positive = None if predictions.positive < 0 else predictions.classes[predictions.positive]
        return Task("classification", predictions.classes, positive)


class _Classes:
    """Classes and their codes, found by any way in which a writer may spell them."""

    def __init__(self, labels: Sequence[str] = ()) -> None:
        self.names: list[str] = []
        self._by_name: dict[str, int] = {}
        self._by_spelling: dict[str, int] = {}
        for label in labels:
            self.add(label, is_exact=True)

    def find(self, value: Any, *, is_exact: bool = False) -> int | None:
        """Return the code of a class; what is exact is that of JSON, which tells texts apart."""
        label = label_of(value)
        if label in self._by_name:
            return self._by_name[label]
        if is_exact and isinstance(value, str):
            return None
        twin = self._twin(spelled(label))
        is_number = is_exact and not isinstance(value, bool)
        return None if is_number and twin == label else self._by_spelling.get(twin)

    def add(self, value: Any, *, is_exact: bool) -> int:
        label = label_of(value)
        if not (is_exact and isinstance(value, str)):
            label = self._twin(spelled(label))
        code = len(self.names)
        self.names.append(label)
        self._by_name[label] = code
        self._by_spelling.setdefault(spelled(label), code)
        return code

    def _twin(self, label: str) -> str:
        """Return a truth value as a number where the classes are 0 and 1, and the reverse."""
        twin = _BITS.get(label, "")
        pair = {name for name in _BITS if name.isdigit() == twin.isdigit()}
        return twin if twin and self._by_spelling and self._by_spelling.keys() <= pair else label


def classify(rows: Rows, task: Task) -> Predictions:
    """Return rows as those of classes.

    The classes are those that the task states, or those of truth, predictions and scores in their
    order: numbers by value, then texts.

    Raises:
        UnreadableError: A value is not among the labels that are stated, or does not fit the
            others; there are too many classes, or none is called as the positive one.
    """
    classes = _Classes(task.labels)
    truth, predicted = (
        _codes_of(classes, side, rows, task) for side in (rows.truth, rows.predicted)
    )
    _check_kinds(rows, truth, predicted)
    places = _score_codes(classes, rows, task)
    count = len(classes.names)
    if count > CLASSES:
        message = f"{rows.truth.file} has {count} classes, more than {CLASSES}"
        raise UnreadableError(message)
    order = list(range(count))
    if not task.labels:
        order.sort(key=lambda code: order_of(classes.names[code]))
    ranks = np.argsort(order)
    names = tuple(classes.names[code] for code in order)
    positive, notes = _positive(classes, ranks, rows, task)
    columns = {int(ranks[code]): rows.scores[name] for name, code in places.items()}
    if None in rows.scores and positive >= 0:
        columns[positive] = rows.scores[None]
    scores = _matrix(columns, (len(rows.truth.codes), count))
    if scores is not None:
        gaps = [repr(names[rank]) for rank in np.flatnonzero(np.isnan(scores).any(axis=0))]
        what = ", ".join(gaps[:_SHOWN])
        notes += [f"scores are not measured: there are rows without one of {what}"][: len(gaps)]
    sides = ranks[truth][rows.truth.codes], ranks[predicted][rows.predicted.codes]
    return Predictions(names, *sides, scores, positive, tuple(notes))


def _codes_of(classes: _Classes, column: Column, rows: Rows, task: Task) -> Codes:
    """Return the class of each value of a column."""
    is_array = isinstance(column.values, np.ndarray)
    if is_array and len(column.values) > CLASSES:
        message = f"{column.file} has more than {CLASSES} classes"
        raise UnreadableError(message)
    codes = []
    for place, value in enumerate(column.values):
        code = classes.find(value, is_exact=not column.is_csv)
        if code is None:
            if task.labels:
                labels = ", ".join(map(repr, task.labels[:_FEW]))
                column.refuse(place, f", which is not among the labels {labels}")
            is_guess = column is rows.predicted or not task.is_stated
            is_between = column.kind(place) == "number" and float(value) % 1 != 0
            if is_guess and is_between and "number" in rows.truth.kinds:
                column.refuse(place, ", between whole numbers that are classes: state the labels, "
                                     'or task = "regression"')  # fmt: skip
            code = classes.add(value, is_exact=not column.is_csv)
        codes.append(code)
    return np.array(codes, dtype=np.intp)


def _check_kinds(rows: Rows, truth: Codes, predicted: Codes) -> None:
    """Refuse texts where the truth is numbers, or the reverse, which no spelling reconciles."""
    if rows.truth.kinds.isdisjoint(rows.predicted.kinds) and not np.isin(predicted, truth).any():
        said, true = rows.predicted.kind(0), rows.truth.kind(0)
        rows.predicted.refuse(0, f", a {said}, and the truth is a {true}: write the same of both")


def _score_codes(classes: _Classes, rows: Rows, task: Task) -> dict[str, int]:
    codes: dict[str, int] = {}
    for name in rows.scores:
        if name is None:
            continue
        code = classes.find(name)
        if code is None and task.labels:
            message = f"there are scores of {name!r}, which is not among the labels"
            raise UnreadableError(message)
        if code in codes.values():
            message = f"there are scores of {name!r} twice, in two spellings"
            raise UnreadableError(message)
        codes[name] = classes.add(name, is_exact=False) if code is None else code
    return codes


def _positive(classes: _Classes, ranks: Codes, rows: Rows, task: Task) -> tuple[int, list[str]]:
    """Return the rank of the positive class, -1 unless there are two, and what to say of it."""
    count, last = len(ranks), int(np.argmax(ranks))
    if task.positive is None:
        if count != _TWO:
            return -1, []
        name = classes.names[last]
        line = f"positive = {json.dumps(name, ensure_ascii=False)}"
        return 1, [f"the positive class is {name!r}, the last of two; name it with {line}"]
    code = classes.find(task.positive)
    if code is None:
        message = (
            f"no row of {rows.truth.file} is of the class {task.positive!r}, which positive names: "
            "correct it, or state the labels"
        )
        raise UnreadableError(message)
    if count != _TWO:
        classes_now = "1 class" if count == 1 else f"{count} classes"
        return -1, [f"positive = {task.positive!r} is not used, for there are {classes_now}, not 2"]
    return int(ranks[code]), []


def _matrix(columns: Mapping[int, Floats], shape: tuple[int, int]) -> Floats | None:
    """Return scores by row and class; of two classes the score of one gives the other's."""
    if not columns:
        return None
    scores = np.full(shape, np.nan)
    for rank, column in columns.items():
        scores[:, rank] = column
    if shape[1] == _TWO and len(columns) == 1:
        ((rank, column),) = columns.items()
        if ((column >= 0) & (column <= 1)).all():
            scores[:, 1 - rank] = 1 - column
    return scores
