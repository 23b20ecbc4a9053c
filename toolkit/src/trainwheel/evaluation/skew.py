"""Training-serving skew: held-out rows where the entry point contradicts training."""

from __future__ import annotations

import csv
import json
import math
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

from trainwheel.errors import RefusedError, StepFailedError
from trainwheel.evaluation.golden import GoldenRow
from trainwheel.guest.measuring.labels import (
    UnreadableError,
    is_number,
    label_of,
    number_of,
    order_of,
    prediction_of,
    spelled,
)
from trainwheel.system.text import columns

__all__ = ["read_trained", "refuse_skew"]

_SCORE, _SHOWN, _WIDTH = "score_", 8, 40
_DIGITS = 9  # enough for any two float32 to differ in text (IEEE 754)
_HINT = "let training write the same rows to both, in the same order"


@dataclass(frozen=True)
class Trained:
    """The predictions of training for the held-out rows.

    Args:
        truths: The column ``y_true``.
        labels: The column ``y_pred``.
        scores: Class → its column; classes in the spelling of `spelled`.
        positive: The class of an answer's ``probability``; empty unless there are two classes.
    """

    truths: Sequence[str]
    labels: Sequence[str]
    scores: Mapping[str, Sequence[str]]
    positive: str = ""

    def score(self, label: str, row: int) -> float | None:
        """Return the score of a class; one column of two gives both."""
        if label in self.scores:
            return _float(self.scores[label][row])
        if self.positive and len(self.scores) == 1:
            (other,) = self.scores.values()
            score = _float(other[row])
            return 1 - score if 0 <= score <= 1 else None
        return None


def read_trained(stream: TextIO, positive: str | None, stated: Sequence[str] = ()) -> Trained:
    """Return the content of ``predictions.csv``.

    Args:
        stream: The open file.
        positive: The class that counts as positive; the last of two where it is None.
        stated: The classes in their order; empty where they are those of the file, sorted.

    Raises:
        StepFailedError: A column is missing, or a row has more or fewer cells than the header.
    """
    reader = csv.reader(stream)
    try:
        header, *rows = reader
    except (ValueError, csv.Error):
        header, rows = [], []
    for name in ("y_true", "y_pred"):
        if header.count(name) != 1:
            message = f"predictions.csv has no column {name}"
            raise StepFailedError(message)
    for number, row in enumerate(rows, 2):
        if len(row) != len(header):
            message = f"predictions.csv row {number} has {len(row)} cells, its header {len(header)}"
            raise StepFailedError(message)
    columns = dict(zip(header, zip(*rows, strict=True), strict=True)) if rows else {}
    truths, labels = columns.get("y_true", ()), columns.get("y_pred", ())
    scores = {
        spelled(name.removeprefix(_SCORE)): column
        for name, column in columns.items()
        if name.startswith(_SCORE)
    }
    seen = {*map(spelled, {*truths, *labels}), *scores}
    classes = list(map(spelled, stated)) or sorted(seen, key=order_of)
    if positive is not None and rows and spelled(positive) not in classes:
        message = f"no row of predictions.csv is of the class {positive!r}, which positive names"
        raise StepFailedError(message, hint="correct it, or state the labels")
    if len(classes) != 2:  # noqa: PLR2004 - only of two classes one is the positive
        return Trained(truths, labels, scores)
    return Trained(truths, labels, scores, classes[1] if positive is None else spelled(positive))


def refuse_skew(
    trained: Trained, truths: Sequence[Any], rows: Sequence[GoldenRow], tolerance: float
) -> None:
    """Refuse a model whose entry point contradicts training.

    Args:
        trained: The predictions of training.
        truths: The truth of each row in ``holdout.jsonl``.
        rows: The input of each row, with the entry point's answer.
        tolerance: How far a number may move, relative; for a score absolute as well.

    Raises:
        StepFailedError: The two files have different rows.
        RefusedError: An answer differs; the details are a table of the first such rows.
    """
    _check_rows(trained, truths, tolerance)
    differing: list[int] = []
    table: list[Sequence[str]] = [("row", "training said", "the entry point says")]
    for number, row in enumerate(rows):
        first = next(_differences(trained, number, row.prediction, tolerance), None)
        if first is not None:
            differing.append(number)
            if len(differing) <= _SHOWN:
                table.append((str(number + 1), *map(_cut, first)))
    if differing:
        count = len(differing)
        message = (
            f"what ships is not what was trained: {count} of {len(truths)} held-out rows "
            f"{'is' if count == 1 else 'are'} answered differently, the first is row "
            f"{differing[0] + 1}"
        )
        more = [f"and {count - _SHOWN} more"] if count > _SHOWN else []
        others = all(_is_of_other(trained, n, rows[n].prediction, tolerance) for n in differing)
        hint = _hint([rows[number].input for number in differing])
        if others:
            classes = {*map(spelled, {*trained.truths, *trained.labels}), *trained.scores}
            (other,) = classes - {trained.positive}
            hint = f"each probability is that of {other!r}: set positive = {json.dumps(other)}"
        raise RefusedError(message, hint=hint, details=[*columns(table), *more])


def _hint(inputs: Sequence[Mapping[str, Any]]) -> str:
    """Return the likely reason: a missing value is NaN in pandas, and None at a function."""
    nulls = set.intersection(*({k for k, v in row.items() if v is None} for row in inputs))
    if nulls:
        return (
            f"each of these rows has null for {min(nulls)}, which is None at the function "
            "and NaN in training: let the function convert it as training does"
        )
    return "let the function do all that training does to a row, and return scores unrounded"


def _is_of_other(trained: Trained, row: int, answer: Any, tolerance: float) -> bool:
    """Return whether an answer has the probability of the class that is not the positive one."""
    score = trained.score(trained.positive, row) if trained.positive else None
    value = _scores_of(answer, trained).get(trained.positive)
    return (
        score is not None
        and _agrees(trained.labels[row], prediction_of(answer), tolerance)
        and _is_close(1 - score, value, tolerance, tolerance)
    )


def _check_rows(trained: Trained, truths: Sequence[Any], tolerance: float) -> None:
    if len(truths) != len(trained.truths):
        message = f"holdout.jsonl has {len(truths)} rows and predictions.csv {len(trained.truths)}"
        raise StepFailedError(message, hint=_HINT)
    for row, (truth, cell) in enumerate(zip(truths, trained.truths, strict=True), 1):
        if not _agrees(cell, truth, tolerance):
            message = (
                f"row {row}: truth is {_cut(json.dumps(truth))} in holdout.jsonl, "
                f"y_true {cell!r} in predictions.csv"
            )
            raise StepFailedError(message, hint=_HINT)


def _differences(
    trained: Trained, row: int, answer: Any, tolerance: float
) -> Iterator[tuple[str, str]]:
    """Yield each part of an answer that differs: what training said, and what the answer says."""
    label = trained.labels[row]
    try:
        prediction = prediction_of(answer)
    except UnreadableError:
        yield label, f"{json.dumps(answer)}, which has no prediction"
        return
    if not _agrees(label, prediction, tolerance):
        yield label, json.dumps(prediction)
    answers = _scores_of(answer, trained)
    scores = {label: trained.score(label, row) for label in answers}
    if answers and trained.scores and all(score is None for score in scores.values()):
        names = ", ".join(f"{_SCORE}{name}" for name in trained.scores)
        yield names, f"probabilities of {', '.join(answers)}"
    for name, score in scores.items():
        if score is not None and not _is_close(score, answers[name], tolerance, tolerance):
            yield f"{_SCORE}{name} {score!r}", f"{json.dumps(answers[name])}"


def _scores_of(answer: Any, trained: Trained) -> dict[str, Any]:
    if not isinstance(answer, Mapping):
        return {}
    scores = answer.get("probabilities")
    if isinstance(scores, Mapping):
        return {spelled(label): score for label, score in scores.items()}
    has_score = "probability" in answer and trained.positive
    return {trained.positive: answer["probability"]} if has_score else {}


def _agrees(cell: str, value: Any, tolerance: float) -> bool:
    """Return whether a cell and a JSON value agree; whole numbers and labels exactly."""
    number = number_of(cell)
    if is_number(value):
        if isinstance(number, int) and isinstance(value, int):
            return number == value
        return number is not None and _is_close(number, value, tolerance, 0.0)
    if isinstance(value, bool):
        # A training that counts writes 1 for what an entry point calls true.
        return spelled(cell) == label_of(value) or number == value
    return isinstance(value, str) and (cell == value or spelled(cell) == spelled(value))


def _is_close(score: float, value: Any, relative: float, absolute: float) -> bool:
    if not is_number(value):
        return False
    try:
        if math.isclose(score, value, rel_tol=relative, abs_tol=absolute):
            return True
        return _single(value) == value and score == _shortest(value)
    except OverflowError:  # beyond every float, or every float32
        return bool(score == value)


def _shortest(value: float) -> float:
    """Return the number that numpy writes for a float32: 0.1 for 0.10000000149 of Python."""
    texts = (f"{value:.{digits}g}" for digits in range(1, _DIGITS))
    return next((float(text) for text in texts if _single(float(text)) == value), value)


def _single(number: float) -> float:
    (single,) = struct.unpack("f", struct.pack("f", number))
    return float(single)


def _float(cell: str) -> float:
    number = number_of(cell)
    return math.nan if number is None else float(number)


def _cut(text: str) -> str:
    line = "".join(letter if letter.isprintable() else "?" for letter in text)
    return line if len(line) <= _WIDTH else f"{line[: _WIDTH - 1]}…"
