"""Metrics as functions of weighted rows, so that a resample is nothing but other weights.

The values are those of the functions of the same name in ``sklearn.metrics``; sensitivity and
specificity are the recall of the positive and of the other class.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from .predictions import Predictions

__all__ = ["Metric", "metrics_of", "shares_of"]

Floats: TypeAlias = NDArray[np.float64]
Metric: TypeAlias = Callable[[Floats], float]
"""Weights of shape (rows,) → the metric's value; NaN where it is not defined."""


def metrics_of(predictions: Predictions) -> dict[str, Metric]:
    """Return the metrics that predictions allow, by name."""
    if predictions.kind == "regression":
        return _of_values(predictions)
    metrics = _of_labels(predictions)
    if predictions.has_scores:
        metrics |= _of_scores(predictions)
    return metrics


def shares_of(predictions: Predictions) -> Mapping[str, tuple[Floats, Floats]]:
    """Return, by name of a proportion, which rows are counted (0 or 1) and which of them hit."""
    hits = (predictions.truth == predictions.predicted).astype(np.float64)
    everything = np.ones_like(hits)
    shares = {"accuracy": (everything, hits)}
    if predictions.kind == "binary":
        is_positive = (predictions.truth == predictions.positive).astype(np.float64)
        is_predicted = (predictions.predicted == predictions.positive).astype(np.float64)
        shares["sensitivity"] = (is_positive, is_positive * hits)
        shares["specificity"] = (1 - is_positive, (1 - is_positive) * hits)
        shares["precision"] = (is_predicted, is_predicted * hits)
    return shares


def _of_labels(predictions: Predictions) -> dict[str, Metric]:
    count = len(predictions.classes)
    cells = predictions.truth * count + predictions.predicted

    def confusion(weights: Floats) -> Floats:
        counts: Floats = np.bincount(cells, weights, minlength=count * count).astype(np.float64)
        return counts.reshape(count, count)

    def over(function: Callable[[Floats], float]) -> Metric:
        return lambda weights: function(confusion(weights))

    metrics = {
        "accuracy": over(lambda table: _ratio(np.trace(table), table.sum())),
        "balanced_accuracy": over(lambda table: _mean(_recalls(table))),
    }
    if predictions.kind == "binary":
        yes = predictions.positive
        metrics |= {
            "sensitivity": over(lambda table: _ratio(table[yes, yes], table[yes].sum())),
            "specificity": over(
                lambda table: _ratio(table[1 - yes, 1 - yes], table[1 - yes].sum())
            ),
            "precision": over(lambda table: _ratio(table[yes, yes], table[:, yes].sum())),
            "f1": over(lambda table: float(_f1(table)[yes])),
        }
    else:
        metrics |= {
            "f1_macro": over(lambda table: _mean(_f1(table))),
            "precision_macro": over(lambda table: _mean_of_present(_recalls(table.T), table)),
            "recall_macro": over(lambda table: _mean_of_present(_recalls(table), table)),
        }
    return metrics


def _of_scores(predictions: Predictions) -> dict[str, Metric]:
    scores, truth = predictions.scores, predictions.truth
    if scores is None:
        return {}
    metrics: dict[str, Metric] = {}
    if predictions.kind == "binary":
        yes = predictions.positive
        ranking = _Ranking(truth == yes, scores[:, yes])
        metrics |= {"roc_auc": ranking.roc_auc, "average_precision": ranking.average_precision}
    else:
        rankings = [_Ranking(truth == c, scores[:, c]) for c in range(len(predictions.classes))]
        metrics["roc_auc_ovr"] = lambda weights: float(
            np.mean([ranking.roc_auc(weights) for ranking in rankings])
        )
    if predictions.has_probabilities:
        floor = np.finfo(np.float64).eps
        own = scores[np.arange(len(truth)), truth] / scores.sum(axis=1)
        metrics["log_loss"] = _weighted_mean(-np.log(np.clip(own, floor, 1 - floor)))
        if predictions.kind == "binary":
            yes = predictions.positive
            metrics["brier_score"] = _weighted_mean((scores[:, yes] - (truth == yes)) ** 2)
    return metrics


def _of_values(predictions: Predictions) -> dict[str, Metric]:
    truth, errors = predictions.truth, predictions.predicted - predictions.truth
    squares = errors**2
    mean_square = _weighted_mean(squares)

    def r2(weights: Floats) -> float:
        centre = _ratio(weights @ truth, weights.sum())
        spread = float(weights @ (truth - centre) ** 2)
        return 1 - float(weights @ squares) / spread if spread > 0 else math.nan

    return {
        "r2": r2,
        "mean_absolute_error": _weighted_mean(np.abs(errors)),
        "root_mean_squared_error": lambda weights: math.sqrt(mean_square(weights)),
        "mean_squared_error": mean_square,
    }


class _Ranking:
    """Rows in the order of their scores, ties together: sorted once for all weights."""

    def __init__(self, is_positive: NDArray[np.bool_], scores: Floats) -> None:
        self._order = np.argsort(-scores, kind="stable")
        ordered = scores[self._order]
        self._starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
        self._is_positive = is_positive[self._order]

    def roc_auc(self, weights: Floats) -> float:
        hits, misses = self._counts(weights)
        # A positive row wins against each negative one below it, and half against a tie.
        below = misses.sum() - np.cumsum(misses)
        return _ratio(float(hits @ (below + misses / 2)), float(hits.sum() * misses.sum()))

    def average_precision(self, weights: Floats) -> float:
        hits, misses = self._counts(weights)
        right, chosen = np.cumsum(hits), np.cumsum(hits + misses)
        precision = np.divide(right, chosen, out=np.zeros_like(right), where=chosen > 0)
        return _ratio(float(hits @ precision), float(hits.sum()))

    def _counts(self, weights: Floats) -> tuple[Floats, Floats]:
        ordered = weights[self._order]
        hits = np.where(self._is_positive, ordered, 0.0)
        both = np.add.reduceat(ordered, self._starts)
        positive = np.add.reduceat(hits, self._starts)
        return positive, both - positive


def _recalls(table: Floats) -> Floats:
    rows = table.sum(axis=1)
    diagonal = np.diagonal(table)
    ratios: Floats = np.divide(diagonal, rows, out=np.full(len(rows), np.nan), where=rows > 0)
    return ratios


def _f1(table: Floats) -> Floats:
    both = table.sum(axis=0) + table.sum(axis=1)
    twice = 2 * np.diagonal(table)
    ratios: Floats = np.divide(twice, both, out=np.full(len(both), np.nan), where=both > 0)
    return ratios


def _mean(values: Floats) -> float:
    """Return the mean of what is defined."""
    values = values[~np.isnan(values)]
    return float(values.mean()) if len(values) else math.nan


def _mean_of_present(values: Floats, table: Floats) -> float:
    """Return the mean over the classes that are there or predicted, 0 where not defined."""
    present = table.sum(axis=0) + table.sum(axis=1) > 0
    return _mean(np.nan_to_num(values[present]))


def _weighted_mean(values: Floats) -> Metric:
    return lambda weights: _ratio(float(weights @ values), float(weights.sum()))


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole > 0 else math.nan
