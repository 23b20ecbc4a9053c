"""``metrics.json`` and ``data.json``, in which training describes the model and its data."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from trainwheel.errors import StepFailedError

__all__ = [
    "check_intervals",
    "choose_metrics",
    "claims_among",
    "intervals_of",
    "parse_data_digests",
    "parse_metrics",
    "parse_object",
    "split_intervals",
]

_LOW, _HIGH = "_low", "_high"
_DIGEST = re.compile("[0-9a-f]{64}")
_HINT = "let training write one JSON object of name → finite number"


def parse_metrics(text: str | bytes) -> dict[str, int | float]:
    """Return name → number.

    Raises:
        StepFailedError: The text is not a JSON object of finite numbers.
    """
    return parse_object(text, "metrics.json", "finite number", _is_finite, _HINT)


def _is_finite(_: str, value: object) -> bool:
    # A whole number may be beyond every float, and is finite.
    return type(value) is int or (isinstance(value, float) and math.isfinite(value))


def split_intervals(
    metrics: Mapping[str, int | float],
) -> tuple[dict[str, int | float], dict[str, tuple[float, float]]]:
    """Return the metrics without their ``…_low`` and ``…_high``, and these as intervals by name."""
    intervals = {
        name: (metrics[name + _LOW], metrics[name + _HIGH])
        for name in metrics
        if name + _LOW in metrics and name + _HIGH in metrics
    }
    ends = {name + end for name in intervals for end in (_LOW, _HIGH)}
    return {name: value for name, value in metrics.items() if name not in ends}, intervals


def choose_metrics(
    claims: Mapping[str, int | float], measured: Mapping[str, Any]
) -> dict[str, int | float]:
    """Return the metrics of gate, report and wheel: measured, the others as training wrote them.

    Args:
        claims: The metrics of training, bounds among them.
        measured: The answer of the measuring script; empty where nothing was measured. Where
            training wrote none of the metrics in it, all of these are returned.
    """
    values, own = split_intervals(claims)
    known, named = _known(measured), measured.get("named", {})
    names = named if any(name in named for name in values) else known
    metrics: dict[str, int | float] = {
        **values,
        **{name: _rounded(known[name]["value"]) for name in names},
    }
    # Bounds of training's own are about its own value.
    for name, ends in own.items():
        if name not in known:
            metrics |= zip((name + _LOW, name + _HIGH), ends, strict=True)
    return metrics


def claims_among(names: Iterable[str], measured: Mapping[str, Any]) -> tuple[str, ...]:
    """Return which of the metrics are training's own word: not measured on the entry point."""
    known = set(_known(measured)) if measured.get("source") == "entry point" else set()
    # Where the entry point answers with labels alone, the scores are those of predictions.csv.
    known -= {*measured.get("of_training_scores", ())}
    return tuple(name for name in names if name not in known)


def intervals_of(
    metrics: Mapping[str, int | float], measured: Mapping[str, Any]
) -> dict[str, tuple[float, float]]:
    """Return lower and upper bound of each metric that has them.

    Args:
        metrics: As `choose_metrics` returns them; bounds among them take precedence.
        measured: The answer of the measuring script. Where none of the metrics is in it, the
            intervals of all that are are returned.
    """
    values, own = split_intervals(metrics)
    known = _known(measured)
    names = [name for name in values if name in known] or known
    ends = {name: (known[name]["low"], known[name]["high"]) for name in names}
    intervals = {
        name: (_rounded(low), _rounded(high))
        for name, (low, high) in ends.items()
        if low is not None and high is not None
    }
    return {**intervals, **own}


def _known(measured: Mapping[str, Any]) -> dict[str, Any]:
    return {**measured.get("measured", {}), **measured.get("named", {})}


def _rounded(number: float) -> float:
    # A wheel has to have the same bytes wherever it is made, and logarithms differ in their last
    # bits between processors: numpy chooses its instructions by what the processor offers.
    return float(f"{number:.9g}")


def parse_data_digests(text: str | bytes) -> dict[str, str]:
    """Return name → sha256 of data that is not a file in the repository.

    Raises:
        StepFailedError: The text is not a JSON object of digests.
    """
    hint = "let training write one JSON object of name → sha256, 64 digits from 0 to f"
    return parse_object(text, "data.json", "sha256", _is_digest, hint)


def _is_digest(name: str, value: object) -> bool:
    return bool(name.strip() and isinstance(value, str) and _DIGEST.fullmatch(value))


def parse_object(
    text: str | bytes, source: str, values: str, fits: Callable[[str, object], bool], hint: str
) -> dict[str, Any]:
    """Return a JSON object of names with values of one kind.

    Args:
        text: What training wrote.
        source: The name of the file.
        values: What its values are, for a message.
        fits: Whether a name and its value are such.
        hint: What training should write.

    Raises:
        StepFailedError: The text is something else.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        message = f"{source} is not a JSON object of name → {values}"
        raise StepFailedError(message, hint=hint)
    for name, value in document.items():
        if not fits(name, value):
            message = f"{source}: {name!r} has {value!r}, which is not a {values}"
            raise StepFailedError(message, hint=hint)
    return document


def check_intervals(
    metrics: Mapping[str, float], intervals: Mapping[str, tuple[float, float]]
) -> None:
    """Check that each metric lies in the interval that training wrote beside it.

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
