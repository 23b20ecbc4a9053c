"""Training-serving skew: held-out rows to which what ships answers otherwise than training said."""

from __future__ import annotations

import csv
import json
import math
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

from trainwheel.errors import RefusedError, StepFailedError
from trainwheel.guest.measuring.labels import (
    UnreadableError,
    is_number,
    label_of,
    number_of,
    order_of,
    prediction_of,
    spelled,
)

__all__ = ["Trained", "read_trained", "refuse_skew"]

_SCORE, _SHOWN, _WIDTH = "score_", 5, 60
_DIGITS = 9  # that many tell any two float32 apart
_HINT = "let training write the same rows to both, in the same order"


@dataclass(frozen=True)
class Trained:
    """What training said of the held-out rows.

    Args:
        truths: The column ``y_true``.
        labels: The column ``y_pred``.
        scores: Class → its column; classes in the spelling of `spelled`.
        positive: The class that an answer's ``probability`` is of; empty unless there are two.
    """

    truths: Sequence[str]
    labels: Sequence[str]
    scores: Mapping[str, Sequence[str]]
    positive: str = ""

    def score(self, label: str, row: int) -> float | None:
        """Return the score of a class; of two classes one column tells both."""
        if label in self.scores:
            return _float(self.scores[label][row])
        if self.positive and len(self.scores) == 1:
            (other,) = self.scores.values()
            given = _float(other[row])
            return 1 - given if 0 <= given <= 1 else None
        return None


def read_trained(stream: TextIO, positive: str | None) -> Trained:
    """Return what ``predictions.csv`` says.

    Args:
        stream: The open file.
        positive: The class that counts as positive; the last of two where it is None.

    Raises:
        StepFailedError: A column is missing, or a row has not as many cells as the header.
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
    classes = sorted({*map(spelled, {*truths, *labels}), *scores}, key=order_of)
    if len(classes) != 2:  # noqa: PLR2004 - only of two classes one is the positive
        return Trained(truths, labels, scores)
    return Trained(truths, labels, scores, classes[1] if positive is None else spelled(positive))


def refuse_skew(
    trained: Trained, truths: Sequence[Any], answers: Sequence[Any], tolerance: float
) -> None:
    """Refuse a model whose entry point answers otherwise than training said.

    Args:
        trained: What training said.
        truths: What ``holdout.jsonl`` says is true of each row.
        answers: What the entry point says of each row, JSON values.
        tolerance: How far a number may move, relative; that of a score absolute as well.

    Raises:
        StepFailedError: The two files are not of the same rows.
        RefusedError: An answer differs; names the first rows.
    """
    _check_rows(trained, truths, tolerance)
    differing = 0
    lines: list[str] = []
    for row, answer in enumerate(answers):
        line = next(_differences(trained, row, answer, tolerance), "")
        differing += bool(line)
        if line and len(lines) < _SHOWN:
            lines.append(f"row {row + 1}: {line}")
    if differing:
        message = (
            f"what ships is not what was trained: of {len(truths)} held-out rows {differing} "
            f"{'is' if differing == 1 else 'are'} answered otherwise, {lines[0]}"
        )
        hint = "let the predict function do all that training does to a row, and tell it in full"
        raise RefusedError(message, hint=hint, details=lines[1:] and lines)


def _check_rows(trained: Trained, truths: Sequence[Any], tolerance: float) -> None:
    if len(truths) != len(trained.truths):
        message = f"holdout.jsonl has {len(truths)} rows and predictions.csv {len(trained.truths)}"
        raise StepFailedError(message, hint=_HINT)
    for row, (truth, cell) in enumerate(zip(truths, trained.truths, strict=True), 1):
        if not _agrees(cell, truth, tolerance):
            message = (
                f"row {row}: truth is {_shown(truth)} in holdout.jsonl, "
                f"y_true {cell!r} in predictions.csv"
            )
            raise StepFailedError(message, hint=_HINT)


def _differences(trained: Trained, row: int, answer: Any, tolerance: float) -> Iterator[str]:
    """Yield a clause for each part of an answer that training told otherwise."""
    try:
        said = prediction_of(answer)
    except UnreadableError:
        yield f"y_pred is {trained.labels[row]!r}, and the answer {_shown(answer)} has none"
        return
    if not _agrees(trained.labels[row], said, tolerance):
        yield f"y_pred is {trained.labels[row]!r}, the entry point says {_shown(said)}"
    told = _scores_of(answer, trained)
    known = {label: trained.score(label, row) for label in told}
    if told and trained.scores and all(score is None for score in known.values()):
        yield f"no score column is of a class that the entry point tells: {_shown(list(told))}"
    for label, score in known.items():
        if score is not None and not _is_close(score, told[label], tolerance, tolerance):
            yield f"score_{label} is {score!r}, the entry point says {_shown(told[label])}"


def _scores_of(answer: Any, trained: Trained) -> dict[str, Any]:
    if not isinstance(answer, Mapping):
        return {}
    many = answer.get("probabilities")
    if isinstance(many, Mapping):
        return {spelled(label): score for label, score in many.items()}
    is_told = "probability" in answer and trained.positive
    return {trained.positive: answer["probability"]} if is_told else {}


def _agrees(cell: str, said: Any, tolerance: float) -> bool:
    """Return whether a cell says what a JSON value does; a whole number, a label, exactly."""
    number = number_of(cell)
    if is_number(said):
        if isinstance(number, int) and isinstance(said, int):
            return number == said
        return number is not None and _is_close(number, said, tolerance, 0.0)
    if isinstance(said, bool):
        # A training that counts writes 1 for what an entry point calls true.
        return spelled(cell) == label_of(said) or number == said
    return isinstance(said, str) and (cell == said or spelled(cell) == spelled(said))


def _is_close(trained: float, said: Any, relative: float, absolute: float) -> bool:
    if not is_number(said):
        return False
    try:
        if math.isclose(trained, said, rel_tol=relative, abs_tol=absolute):
            return True
        return _single(said) == said and trained == _shortest(said)
    except OverflowError:  # beyond every float, or every float32
        return bool(trained == said)


def _shortest(said: float) -> float:
    """Return what numpy writes for a float32: 0.1 for the one that is 0.10000000149 to Python."""
    texts = (f"{said:.{digits}g}" for digits in range(1, _DIGITS))
    return next((float(text) for text in texts if _single(float(text)) == said), said)


def _single(number: float) -> float:
    (rounded,) = struct.unpack("f", struct.pack("f", number))
    return float(rounded)


def _float(cell: str) -> float:
    number = number_of(cell)
    return math.nan if number is None else float(number)


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}…"
