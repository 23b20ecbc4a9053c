"""Metrics as functions of weighted rows, so that a resample is nothing but other weights.

The values are those of the functions of the same name in ``sklearn.metrics``; sensitivity and
specificity are the recall of the positive and of the other class. Weights stand in columns, so that
sorting and adding up rows is one pass over memory for many resamples at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from .predictions import Predictions

__all__ = ["Metrics", "metrics_of", "shares_of"]

Floats: TypeAlias = NDArray[np.float64]
Metrics: TypeAlias = Callable[[Floats], dict[str, Floats]]
"""Weights of shape (rows, resamples) → each metric's values, NaN where it is not defined."""


def metrics_of(predictions: Predictions) -> Metrics:
    """Return the metrics that predictions allow, by name."""
    if predictions.kind == "regression":
        return _of_values(predictions)
    of_labels = _of_labels(predictions)
    if not predictions.has_scores:
        return of_labels
    of_scores = _of_scores(predictions)
    return lambda weights: of_labels(weights) | of_scores(weights)


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


def _of_labels(predictions: Predictions) -> Metrics:
    count = len(predictions.classes)
    cells = predictions.truth * count + predictions.predicted
    order = np.argsort(cells, kind="stable")
    starts = np.flatnonzero(np.diff(cells[order], prepend=-1))
    true, said = np.divmod(cells[order][starts], count)

    def values(weights: Floats) -> dict[str, Floats]:
        # Of a table of all cells, those that have rows.
        counts = np.add.reduceat(weights[order], starts)
        hits, rows, columns = (np.zeros((count, weights.shape[1])) for _ in "hrc")
        np.add.at(hits, true[true == said], counts[true == said])
        np.add.at(rows, true, counts)
        np.add.at(columns, said, counts)
        recall, f1 = _ratio(hits, rows), _ratio(2 * hits, rows + columns)
        metrics = {
            "accuracy": _ratio(hits.sum(axis=0), rows.sum(axis=0)),
            "balanced_accuracy": _mean(recall),
        }
        if predictions.kind == "binary":
            yes = predictions.positive
            precision = _ratio(hits[yes], columns[yes])
            more = {"sensitivity": recall[yes], "specificity": recall[1 - yes]}
            return metrics | more | {"precision": precision, "f1": f1[yes]}
        # A class that is there or predicted counts, as 0 where it is not defined.
        present = np.where(rows + columns > 0, 0.0, np.nan)
        precision = _ratio(hits, columns)
        return metrics | {
            "f1_macro": _mean(f1),
            "precision_macro": _mean(np.where(np.isnan(precision), present, precision)),
            "recall_macro": _mean(np.where(np.isnan(recall), present, recall)),
        }

    return values


def _of_scores(predictions: Predictions) -> Metrics:
    scores, truth = predictions.scores, predictions.truth
    assert scores is not None  # noqa: S101 - has_scores says so  # nosec B101
    is_binary = predictions.kind == "binary"
    classes = [predictions.positive] if is_binary else range(len(predictions.classes))
    rankings = [_Ranking(truth == c, scores[:, c]) for c in classes]
    ranking = rankings[0]
    means: dict[str, Floats] = {}
    if predictions.has_probabilities:
        floor = np.finfo(np.float64).eps
        own = scores[np.arange(len(truth)), truth] / scores.sum(axis=1)
        means["log_loss"] = -np.log(np.clip(own, floor, 1 - floor))
        if is_binary:
            yes = predictions.positive
            means["brier_score"] = (scores[:, yes] - (truth == yes)) ** 2

    def values(weights: Floats) -> dict[str, Floats]:
        metrics = _means(means, weights)
        if is_binary:
            roc_auc, precision = (f(weights) for f in (ranking.roc_auc, ranking.average_precision))
            return metrics | {"roc_auc": roc_auc, "average_precision": precision}
        areas = [each.roc_auc(weights) for each in rankings]
        return metrics | {"roc_auc_ovr": np.mean(areas, axis=0)}

    return values


def _of_values(predictions: Predictions) -> Metrics:
    truth, errors = predictions.truth, predictions.predicted - predictions.truth
    means = {"mean_absolute_error": np.abs(errors), "mean_squared_error": errors**2}

    def values(weights: Floats) -> dict[str, Floats]:
        metrics = _means(means, weights)
        total = weights.sum(axis=0)
        centre = _ratio(truth @ weights, total)
        spread = (weights * (truth[:, None] - centre) ** 2).sum(axis=0)
        return metrics | {
            "r2": 1 - _ratio(metrics["mean_squared_error"] * total, spread),
            "root_mean_squared_error": np.sqrt(metrics["mean_squared_error"]),
        }

    return values


class _Ranking:
    """Rows in the order of their scores, ties together: sorted once for all weights."""

    def __init__(self, is_positive: NDArray[np.bool_], scores: Floats) -> None:
        self._order = np.argsort(-scores, kind="stable")
        ordered = scores[self._order]
        self._starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
        self._is_positive = is_positive[self._order][:, None]

    def roc_auc(self, weights: Floats) -> Floats:
        hits, misses = self._counts(weights)
        # A positive row wins against each negative one below it, and half against a tie.
        above = np.cumsum(misses, axis=0)
        whole = hits.sum(axis=0) * above[-1]
        above -= misses / 2
        return _ratio(whole - _dot(hits, above), whole)

    def average_precision(self, weights: Floats) -> Floats:
        hits, misses = self._counts(weights)
        right = np.cumsum(hits, axis=0)
        chosen = right + np.cumsum(misses, axis=0)
        precision = right / np.maximum(chosen, np.finfo(np.float64).tiny)
        return _ratio(_dot(hits, precision), right[-1])

    def _counts(self, weights: Floats) -> tuple[Floats, Floats]:
        both = weights[self._order]
        hits = both * self._is_positive
        if len(self._starts) < len(both):
            both, hits = (np.add.reduceat(side, self._starts) for side in (both, hits))
        return hits, both - hits


def _dot(left: Floats, right: Floats) -> Floats:
    """Return the sums of products by column."""
    sums: Floats = np.einsum("ij,ij->j", left, right)
    return sums


def _means(values: Mapping[str, Floats], weights: Floats) -> dict[str, Floats]:
    total = weights.sum(axis=0)
    return {name: _ratio(each @ weights, total) for name, each in values.items()}


def _mean(values: Floats) -> Floats:
    """Return the mean over the classes where it is defined."""
    is_defined = ~np.isnan(values)
    return _ratio(np.where(is_defined, values, 0.0).sum(axis=0), is_defined.sum(axis=0))


def _ratio(part: Floats, whole: Floats) -> Floats:
    ratios: Floats = np.divide(part, whole, where=whole > 0, out=np.full(part.shape, np.nan))
    return ratios
