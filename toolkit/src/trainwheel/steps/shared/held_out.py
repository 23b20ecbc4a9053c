"""The held-out rows, and the answers of the function that ships to them."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainwheel.engine.layout import Layout
from trainwheel.errors import StepFailedError
from trainwheel.evaluation.golden import GoldenRow, join

__all__ = ["HeldOut", "choose_answered", "read_held_out"]


@dataclass(frozen=True)
class HeldOut:
    """Rows that training did not learn from.

    Args:
        inputs: The records to predict.
        truths: The true label or number of each.
    """

    inputs: Sequence[dict[str, Any]]
    truths: Sequence[Any]


def choose_answered(layout: Layout, most: int) -> dict[int, GoldenRow]:
    """Return some of the rows that were evaluated, with the answers that were measured.

    Args:
        layout: Of the repository.
        most: How many, evenly chosen and the same each time; 0 for none.

    Returns:
        Number of the row in ``holdout.jsonl``, from 1 → the record and its answer; empty where
        nothing was evaluated.
    """
    if not (most and layout.holdout.is_file() and layout.answers.is_file()):
        return {}
    answers = layout.answers.read_text(encoding="utf-8")
    rows = join(read_held_out(layout.holdout).inputs, answers)
    count = min(most, len(rows))
    numbers = [index * len(rows) // count for index in range(count)]
    return {number + 1: rows[number] for number in numbers}


def read_held_out(path: Path) -> HeldOut:
    """Return the rows of ``holdout.jsonl``.

    Raises:
        StepFailedError: A line has no input or no truth, or a number that JSON cannot express.
    """
    inputs, truths = [], []
    with path.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            where = f"{path.name} line {number}"
            try:
                record, truth = _read_row(line)
            except _ConstantError as error:
                # json.dumps writes NaN, which RFC 8259 (section 6) forbids; clients send null.
                message = f"{where} contains {error}, which is not valid JSON"
                raise StepFailedError(message, hint="let training write null for it") from None
            except (ValueError, TypeError, KeyError, RecursionError):
                message = f"{where} is not an object with input and truth"
                raise StepFailedError(message, hint="let training write one per line") from None
            if not _is_truth(truth):
                message = (
                    f"{where}: truth is {json.dumps(truth)}, which is neither a label nor a number"
                )
                raise StepFailedError(message, hint="omit rows whose truth is unknown")
            inputs.append(record)
            truths.append(truth)
    return HeldOut(inputs, truths)


def _read_row(line: bytes) -> tuple[dict[str, Any], Any]:
    row = json.loads(line.decode("utf-8"), parse_constant=_refuse_constant)
    record, truth = row["input"], row["truth"]
    if not isinstance(record, dict):
        message = "the input is not an object"
        raise TypeError(message)
    return record, truth


def _is_truth(value: object) -> bool:
    if isinstance(value, str):
        return bool(value.strip())
    return isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))


def _refuse_constant(name: str) -> None:
    raise _ConstantError(name)


class _ConstantError(ValueError):
    """JSON text holds NaN, Infinity or -Infinity."""
