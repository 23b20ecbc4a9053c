"""Golden predictions: inputs with the model's answers, which every installation has to repeat."""

from __future__ import annotations

import io
import itertools
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from trainwheel.errors import StepFailedError
from trainwheel.guest.measuring.labels import is_number
from trainwheel.system.text import columns

__all__ = [
    "Difference",
    "GoldenRow",
    "compare_answers",
    "join",
    "parse_golden",
    "parse_inputs",
    "show_difference",
]

_WIDTH = 60


@dataclass(frozen=True)
class GoldenRow:
    """One input and the answer to it, both JSON values."""

    input: dict[str, Any]
    prediction: Any


def parse_inputs(text: str | bytes, source: str) -> list[dict[str, Any]]:
    """Return the records of a ``golden.jsonl``: UTF-8, one JSON object a line.

    Raises:
        StepFailedError: A line is not a JSON object, or holds a number that is not finite.
    """
    records = []
    # Not splitlines: a JSON text may hold U+2028 and its like as they are.
    stream = io.BytesIO(text.encode("utf-8") if isinstance(text, str) else text)
    for number, line in enumerate(stream, 1):
        try:
            record = json.loads(line.decode("utf-8"))
            is_finite = _is_finite(record)
        except (ValueError, RecursionError):
            record, is_finite = None, True
        if not isinstance(record, dict):
            message = f"{source} line {number} is not a JSON object"
            raise StepFailedError(message, hint="let training write one object a line")
        if not is_finite:
            message = f"{source} line {number} holds NaN or Infinity, which JSON does not have"
            raise StepFailedError(message, hint="let training write null for a missing value")
        records.append(record)
    return records


def _is_finite(value: Any) -> bool:
    if isinstance(value, dict | list):
        return all(map(_is_finite, value.values() if isinstance(value, dict) else value))
    return not isinstance(value, float) or math.isfinite(value)


def parse_golden(text: str) -> tuple[GoldenRow, ...]:
    """Return the golden predictions in a wheel: one JSON object a line."""
    return tuple(GoldenRow(**json.loads(line)) for line in io.StringIO(text))


def join(inputs: Sequence[dict[str, Any]], answers: str) -> tuple[GoldenRow, ...]:
    """Put the answers, one JSON value a line, beside their inputs."""
    predictions = map(json.loads, io.StringIO(answers))
    return tuple(itertools.starmap(GoldenRow, zip(inputs, predictions, strict=True)))


@dataclass(frozen=True)
class Difference:
    """A part of an answer that does not repeat.

    Args:
        number: Which golden row, from 1.
        input: Its record.
        where: The part of the answer; "it" for the whole.
        expected: Its value when the wheel was packaged.
        got: Its value from the installed model.
    """

    number: int
    input: dict[str, Any]
    where: str
    expected: Any
    got: Any

    def __str__(self) -> str:
        """Return it as a phrase."""
        return f"golden row {self.number}: {self.where} was {self.expected!r}, is {self.got!r}"


def compare_answers(
    expected: Sequence[GoldenRow], answers: Sequence[GoldenRow], tolerance: float
) -> tuple[Difference, ...]:
    """Return each part of an answer that differs; empty where all repeat.

    Args:
        expected: The rows of the wheel.
        answers: Those of the installed model, in the same order.
        tolerance: How far a number may move, relative; labels must repeat exactly.
    """
    return tuple(
        Difference(number, old.input, where, then, now)
        for number, (old, new) in enumerate(zip(expected, answers, strict=True), 1)
        for where, then, now in _differences(old.prediction, new.prediction, tolerance, "it")
    )


def show_difference(difference: Difference) -> tuple[str, ...]:
    """Return a small table of one difference, a line for each field of the input.

    Values longer than 60 characters are cut.
    """
    part = "" if difference.where == "it" else f" {difference.where}"
    rows = (
        *((f"input {name}", value) for name, value in difference.input.items()),
        (f"expected{part}", difference.expected),
        (f"got{part}", difference.got),
    )
    return tuple(columns([(_cut(name), _cut(json.dumps(value))) for name, value in rows]))


def _cut(text: str) -> str:
    line = "".join(letter if letter.isprintable() else "?" for letter in text)
    return line if len(line) <= _WIDTH else f"{line[: _WIDTH - 1]}…"


def _differences(
    then: Any, now: Any, tolerance: float, where: str
) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(then, dict) and isinstance(now, dict) and then.keys() == now.keys():
        for key in then:
            yield from _differences(then[key], now[key], tolerance, str(key))
    elif isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        for index, (old, new) in enumerate(zip(then, now, strict=True)):
            yield from _differences(old, new, tolerance, f"{where}[{index}]")
    elif is_number(then) and is_number(now):
        if not _is_close(then, now, tolerance):
            yield where, then, now
    elif then != now or type(then) is not type(now):
        yield where, then, now


def _is_close(then: float, now: float, tolerance: float) -> bool:
    try:
        return math.isclose(then, now, rel_tol=tolerance, abs_tol=0.0)
    except OverflowError:  # a whole number beyond every float
        return then == now
