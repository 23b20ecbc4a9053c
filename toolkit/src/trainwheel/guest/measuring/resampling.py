"""Confidence intervals and comparisons by a seeded bootstrap over rows.

Intervals are percentiles. Those of two models draw the same rows for both. Of more rows than
`LIMIT` a random part of that many is drawn from, and its deviations are scaled by the square root
of the share (m out of n: Bickel, Götze and van Zwet, Statistica Sinica 7, 1997).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from .metrics import metrics_of, shares_of
from .names import plain_name
from .predictions import Predictions

__all__ = [
    "LIMIT",
    "Comparison",
    "IntervalError",
    "Measured",
    "called",
    "compare_models",
    "measure",
]

Floats: TypeAlias = NDArray[np.float64]

LIMIT = 20_000
_ROUNDS = 2_000
_CELLS = 100_000  # weights at a time: those of a chunk stay in the processor's cache
_Z_975, _Z_95, _Z_80 = 1.959963984540054, 1.6448536269514722, 0.8416212335729143
_ENOUGH = 0.5


class IntervalError(ValueError):
    """A value lies outside its own interval: a fault of this module."""


@dataclass(frozen=True)
class Measured:
    """A metric's value, and the bounds of its 95 % interval where that is defined."""

    value: float
    low: float | None
    high: float | None

    def __post_init__(self) -> None:
        """Hold it to what an interval is: a value outside its own is a fault of this module."""
        if self.low is not None and self.high is not None:
            _hold(self.value, self.low, self.high, abs(self.value))

    def negative(self) -> Measured:
        """Return it with the other sign."""
        low, high = (None if bound is None else -bound for bound in (self.high, self.low))
        return Measured(-self.value, low, high)


@dataclass(frozen=True)
class Comparison:
    """How a metric of one model differs from that of another on the same rows.

    Args:
        new: The value of the one.
        old: The value of the other.
        lowest: The bound that the difference, new less old, exceeds with 95 % confidence.
        highest: The bound that it stays below with 95 % confidence.
        visible: The smallest true difference that this many rows show with a power of 80 %.
    """

    new: float
    old: float
    lowest: float
    highest: float
    visible: float

    def __post_init__(self) -> None:
        """Hold it to what an interval is, as for `Measured`."""
        _hold(self.new - self.old, self.lowest, self.highest, abs(self.new) + abs(self.old))

    def negative(self) -> Comparison:
        """Return it with the other sign."""
        return Comparison(-self.new, -self.old, -self.highest, -self.lowest, self.visible)


def _hold(value: float, low: float, high: float, scale: float) -> None:
    slack = 1e-9 * max(1.0, scale)
    if not low - slack <= value <= high + slack:
        message = f"{value:g} lies outside its own interval, {low:g} to {high:g}"
        raise IntervalError(message)


def measure(predictions: Predictions, seed: int = 0) -> dict[str, Measured]:
    """Return every metric that predictions allow, with its interval."""
    values = _values(predictions)
    samples = _draw(predictions, seed)
    return {
        name: _bound(predictions, name, value, samples[name])
        for name, value in values.items()
        if math.isfinite(value)
    }


def compare_models(new: Predictions, old: Predictions, seed: int = 0) -> dict[str, Comparison]:
    """Return how two models differ, in every metric that both allow, on the same rows."""
    values = [_values(side) for side in (new, old)]
    samples = [_draw(side, seed) for side in (new, old)]
    results = {}
    for name in values[0].keys() & values[1].keys():
        now, then = values[0][name], values[1][name]
        differences = samples[0][name] - samples[1][name]
        differences = differences[np.isfinite(differences)]
        if not math.isfinite(now - then) or len(differences) < _ENOUGH * _ROUNDS:
            continue
        middle, scale = float(np.median(differences)), _scale(new.rows)
        low, high = (np.quantile(differences, [0.05, 0.95]) - middle) * scale
        # Resamples may be off to one side by more than they spread: of many small classes they
        # lack some, and a mean over classes falls.
        is_near = scale == 1 and middle + low <= now - then <= middle + high
        centre = middle if is_near else now - then
        visible = (_Z_95 + _Z_80) * float(differences.std(ddof=1)) * scale
        results[name] = Comparison(now, then, centre + float(low), centre + float(high), visible)
    return dict(sorted(results.items()))


_Metric = TypeVar("_Metric", "Measured", "Comparison")


def called(metrics: Mapping[str, _Metric], names: Iterable[str]) -> dict[str, _Metric]:
    """Return metrics under the names that they are called by, as far as those are known.

    ``neg_`` before a name turns its sign, as in scikit-learn's scorers.
    """
    renamed = {}
    for name in names:
        metric = metrics.get(plain_name(name))
        if metric is not None:
            renamed[name] = metric.negative() if name.startswith("neg_") else metric
    return renamed


def _draw(predictions: Predictions, seed: int) -> Mapping[str, Floats]:
    """Return the values of each metric in every resample; the same rows for the same seed."""
    rows = predictions.rows
    if rows > LIMIT:
        part = np.random.default_rng([seed, 1]).choice(rows, LIMIT, replace=False)
        predictions = predictions.take(part)
    metrics = metrics_of(predictions)
    parts = [metrics(weights) for weights in _weights(predictions.rows, seed)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _values(predictions: Predictions) -> dict[str, float]:
    values = metrics_of(predictions)(np.ones((predictions.rows, 1)))
    return {name: float(value[0]) for name, value in values.items()}


def _weights(rows: int, seed: int) -> Iterator[Floats]:
    """Yield how often each row is in each resample, of shape (rows, resamples), in chunks."""
    generator = np.random.default_rng([seed, 0])
    size = max(1, min(_ROUNDS, _CELLS // rows))
    for start in range(0, _ROUNDS, size):
        count = min(size, _ROUNDS - start)
        sample = generator.integers(rows, size=(count, rows))
        cells = (sample * count + np.arange(count)[:, None]).ravel()
        weights = np.bincount(cells, minlength=rows * count).reshape(rows, count)
        yield weights.astype(np.float64)


def _scale(rows: int) -> float:
    """Return how much narrower an interval is than that of the rows that were drawn from."""
    return math.sqrt(min(1.0, LIMIT / rows))


def _bound(predictions: Predictions, name: str, value: float, sample: Floats) -> Measured:
    sample = sample[np.isfinite(sample)]
    if len(sample) < _ENOUGH * _ROUNDS:
        return Measured(value, None, None)
    low, high = np.quantile(sample, [0.025, 0.975])
    scale = _scale(predictions.rows)
    if scale != 1 or not low <= value <= high:  # the latter as in `compare`
        centre = float(np.median(sample))
        low, high = value + (low - centre) * scale, value + (high - centre) * scale
    if low == high and name in (shares := shares_of(predictions)):
        # Where every row hits, or none, each resample does too, and says nothing.
        counts, hits = shares[name]
        low, high = wilson(float(hits.sum()), float(counts.sum()))
        low, high = min(low, value), max(high, value)  # which the last bit may miss
    return Measured(value, float(low), float(high))


def wilson(hits: float, trials: float) -> tuple[float, float]:
    """Bound a share with 95 % confidence (E. B. Wilson, JASA 22, 1927)."""
    rate, square = hits / trials, _Z_975**2
    centre = (rate + square / (2 * trials)) / (1 + square / trials)
    spread = rate * (1 - rate) / trials + square / (4 * trials**2)
    reach = _Z_975 / (1 + square / trials) * math.sqrt(spread)
    return max(0.0, centre - reach), min(1.0, centre + reach)
