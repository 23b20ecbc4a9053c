"""What training says of the model, ``metrics.json``, and of its data, ``data.json``."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from trainwheel.errors import StepFailedError

__all__ = [
    "check_intervals",
    "intervals_of",
    "parse_data_digests",
    "parse_metrics",
    "split_intervals",
]

_LOW, _HIGH = "_low", "_high"
_DIGEST = re.compile("[0-9a-f]{64}")
_HINT = "let training write one JSON object of name → finite number"


def parse_metrics(text: str | bytes, source: str = "metrics.json") -> dict[str, int | float]:
    """Return name → number.

    Raises:
        StepFailedError: It is no JSON object of finite numbers; names the first that is none.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        message = f"{source} is no JSON object of name → number"
        raise StepFailedError(message, hint=_HINT)
    for name, value in found.items():
        # A whole number may be beyond every float, and is finite.
        if type(value) is not int and not (isinstance(value, float) and math.isfinite(value)):
            message = f"{source}: {name} is {value!r}, which is no finite number"
            raise StepFailedError(message, hint=_HINT)
    return found


def split_intervals(
    metrics: Mapping[str, int | float],
) -> tuple[dict[str, int | float], dict[str, tuple[float, float]]]:
    """Return the metrics, and lower and upper bound of those with ``…_low`` and ``…_high``."""
    intervals = {
        name: (metrics[name + _LOW], metrics[name + _HIGH])
        for name in metrics
        if name + _LOW in metrics and name + _HIGH in metrics
    }
    bounds = {name + end for name in intervals for end in (_LOW, _HIGH)}
    return {name: value for name, value in metrics.items() if name not in bounds}, intervals


def intervals_of(
    metrics: Mapping[str, int | float], measured: Mapping[str, Any]
) -> dict[str, tuple[float, float]]:
    """Return lower and upper bound of each metric that has them.

    Args:
        metrics: As training wrote them; the bounds that it gave itself count.
        measured: What the measuring host told, whose bounds come next; of training that wrote no
            metric that is known there, all that was measured is told.
    """
    values, own = split_intervals(metrics)
    told = {**measured.get("measured", {}), **measured.get("named", {})}
    names = [name for name in values if name in told] or told
    ends = {name: (told[name]["low"], told[name]["high"]) for name in names}
    found = {
        name: (_rounded(low), _rounded(high))
        for name, (low, high) in ends.items()
        if low is not None and high is not None
    }
    return {**found, **own}


def _rounded(bound: float) -> float:
    # Logarithms differ in their last bits from one kind of processor to another (numpy takes what
    # each is fast at), and a wheel is to have the same bytes on all.
    return float(f"{bound:.9g}")


def parse_data_digests(text: str | bytes, source: str = "data.json") -> dict[str, str]:
    """Return name of data → sha256, of data that is no file in the repository.

    Raises:
        StepFailedError: It is no JSON object of such digests; names the first that is none.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    hint = "let training write one JSON object of name → sha256, 64 digits from 0 to f"
    if not isinstance(document, dict):
        message = f"{source} is not a JSON object of name → sha256"
        raise StepFailedError(message, hint=hint)
    for name, value in document.items():
        if not name.strip() or not (isinstance(value, str) and _DIGEST.fullmatch(value)):
            message = f"{source}: {name!r} has {value!r}, which is not a sha256"
            raise StepFailedError(message, hint=hint)
    return document


def check_intervals(
    metrics: Mapping[str, float], intervals: Mapping[str, tuple[float, float]]
) -> None:
    """Check that each metric lies in the interval that training gives with it.

    Raises:
        StepFailedError: One does not.
    """
    for name, (low, high) in intervals.items():
        if not low <= metrics[name] <= high:
            message = (
                f"metrics.json: {name} is {metrics[name]:.4g}, outside its own interval "
                f"{low:.4g} to {high:.4g}"
            )
            hint = f"let training write {name}, {name}{_LOW} and {name}{_HIGH} of the same rows"
            raise StepFailedError(message, hint=hint)
