"""What training says of how good the model is: ``metrics.json``, name → number."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

from trainwheel.errors import StepFailedError

__all__ = ["parse_metrics", "split_intervals"]

_LOW, _HIGH = "_low", "_high"
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
