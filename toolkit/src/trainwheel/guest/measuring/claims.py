"""Hold what training says of the model against what its predictions come to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal

import numpy as np

from .labels import UnreadableError, number_of
from .predictions import Predictions
from .resampling import Measured, called, measure

__all__ = ["check_claims"]

_BINARY = 2
_SHOWN = 3


def check_claims(
    claims: Mapping[str, float],
    measured: Mapping[str, Measured],
    predictions: Predictions,
    source: str = "training",
) -> None:
    """Check that each metric that training tells lies in the interval that its predictions give.

    Args:
        claims: What training says, by name of the metric.
        measured: What was measured, by the names that metrics have here.
        predictions: What it was measured on.
        source: Who made them, ``training`` or the ``entry point``.

    Raises:
        UnreadableError: One lies outside; tells why, as far as that can be found out.
    """
    for name, metric in called(measured, claims).items():
        value = claims[name]
        if not _holds(metric, value):
            reason = next(_reasons(name, value, metric, predictions), "")
            evidence = (
                "predictions.csv gives" if source == "training" else "the entry point comes to"
            )
            message = (
                f"metrics.json says {name} {value:.4g}, but {evidence} "
                f"{metric.value:.4g} ({metric.low:.4g} to {metric.high:.4g})"
            )
            raise UnreadableError(f"{message}: {reason}" if reason else message)


def _holds(metric: Measured, value: float) -> bool:
    if metric.low is None or metric.high is None:
        return True
    slack = _rounding(value) + 1e-9 * max(1.0, abs(metric.value))
    return metric.low - slack <= value <= metric.high + slack


def _rounding(value: float) -> float:
    """Return by how much a number written with two decimals or more may have been rounded."""
    exponent = Decimal(repr(value)).as_tuple().exponent
    return 0.5 * 10.0**exponent if isinstance(exponent, int) and exponent <= -_BINARY else 0.0


def _reasons(name: str, value: float, metric: Measured, predictions: Predictions) -> Iterator[str]:
    """Yield why a metric may lie outside its interval, the surest reason first."""
    true, predicted = (
        [predictions.classes[code] for code in np.unique(side)] if predictions.classes else [""]
        for side in (predictions.truth, predictions.predicted)
    )
    if not set(true) & set(predicted):
        labels = f"y_true has {_shown(true)} and y_pred {_shown(predicted)}"
        yield f"{labels}, which have no label in common"
    if predictions.kind == "binary":
        other = replace(predictions, positive=1 - predictions.positive)
        other_way = called(measure(other), [name]).get(name)
        if other_way is not None and other_way.value != metric.value and _holds(other_way, value):
            label = predictions.classes[other.positive]
            yield f"it is that of the class {label!r}, which positive does not name"
    if _holds(metric, value / 100):
        yield "it is given in per cent, and shares run from 0 to 1"
    if predictions.classes and all(number_of(label) is not None for label in predictions.classes):
        yield "whole numbers are read as classes, and an answer that is near is wrong"


def _shown(labels: list[str]) -> str:
    more = ", …" if len(labels) > _SHOWN else ""
    return ", ".join(map(repr, labels[:_SHOWN])) + more
