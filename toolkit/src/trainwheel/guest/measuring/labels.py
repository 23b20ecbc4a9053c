"""What labels and answers mean, the same for whoever reads them; needs no numpy."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

__all__ = [
    "UnreadableError",
    "is_number",
    "is_numeral",
    "label_of",
    "number_of",
    "order_of",
    "prediction_of",
    "spelled",
]

_PREDICTION = ("prediction", "label", "class", "value")
_TRUTHS = {"true": "True", "false": "False"}
_WHOLE = re.compile(r"-?(0|[1-9]\d*)\.0+")
_FILLED = re.compile(r"\s*[-+]?0\d")


class UnreadableError(ValueError):
    """A file of predictions or answers is not as it should be."""


def prediction_of(answer: Any) -> Any:
    """Return the label or number of an answer: itself, or that of an object.

    Raises:
        UnreadableError: The answer holds none.
    """
    if isinstance(answer, Mapping):
        for name in _PREDICTION:
            if name in answer:
                return answer[name]
    elif isinstance(answer, str | int | float):
        return answer
    message = "the model's answers hold no prediction, label, class or value"
    raise UnreadableError(message)


def label_of(value: Any) -> str:
    """Return a JSON value as a label; a whole number is written without a point."""
    if not is_number(value):
        return str(value)
    number = float(value) if isinstance(value, float) else value
    return str(int(number)) if number == number // 1 else repr(number)


def spelled(label: str) -> str:
    """Return the one spelling of a label that writers of CSV files spell in several ways.

    ``2.0`` (pandas, of a column with gaps) is ``2``, and ``true`` (JSON) is ``True``; ``007`` and
    ``1.10`` are texts that no writer makes of a number.
    """
    text = label.strip()
    if _WHOLE.fullmatch(text):
        return label_of(int(text.partition(".")[0]))
    return _TRUTHS.get(text.lower(), text)


def is_numeral(cell: str) -> bool:
    """Return whether a cell is what a writer makes of a number: ``7`` or ``1e-05``, not ``007``."""
    return number_of(cell) is not None and not _FILLED.match(cell)


def number_of(text: str) -> int | float | None:
    """Return the finite number that a text is; None where it is none."""
    for kind in (int, float):
        try:
            number = kind(text)
            # Python alone reads 1_000 as a number.
            if math.isfinite(number) and "_" not in text:
                return number
        except (ValueError, OverflowError):
            pass
    return None


def order_of(label: str) -> tuple[int, float, str]:
    """Return by what labels are sorted: numbers by value, then the others."""
    number = number_of(label)
    return (1, 0.0, label) if number is None else (0, number, label)


def is_number(value: object) -> bool:
    """Return whether a JSON value is a number; to JSON, unlike Python, a bool is none."""
    return isinstance(value, int | float) and not isinstance(value, bool)
