"""Describe predictions for the report: metrics, tables, mistakes, and rows to draw."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from .claims import check_claims
from .predictions import Predictions
from .resampling import LIMIT, called, measure

__all__ = ["describe"]

_WORST = 10
_TABLE = 30


def describe(
    predictions: Predictions,
    names: Iterable[str],
    claims: Mapping[str, float] | None = None,
    source: str = "training",
) -> dict[str, Any]:
    """Return what the report needs of predictions.

    Args:
        predictions: The predictions.
        names: What metrics are called elsewhere; those that are known are reported under these too.
        claims: What training says of its metrics.
        source: Who made the predictions, ``training`` or the ``entry point``.

    Raises:
        UnreadableError: What training says is not what its predictions come to.
    """
    classes = predictions.classes
    measured = measure(predictions)
    check_claims(claims or {}, measured, predictions, source)
    has_positive = predictions.positive >= 0
    return {
        "kind": predictions.kind,
        "rows": predictions.rows,
        "classes": list(classes),
        "positive": classes[predictions.positive] if has_positive else None,
        "measured": {name: asdict(each) for name, each in measured.items()},
        "named": {name: asdict(each) for name, each in called(measured, names).items()},
        "confusion": _confusion(predictions),
        "notes": [*predictions.notes, *_notes(predictions)],
        "worst": _worst(predictions),
        "sample": _sample(predictions),
    }


def _confusion(predictions: Predictions) -> list[list[int]] | None:
    count = len(predictions.classes)
    if not 0 < count <= _TABLE:
        return None
    cells = np.bincount(predictions.truth * count + predictions.predicted, minlength=count * count)
    rows: list[list[int]] = cells.reshape(count, count).tolist()
    return rows


def _notes(predictions: Predictions) -> list[str]:
    notes: list[str] = []
    if predictions.rows > LIMIT:
        notes.append(f"intervals and pictures rest on {LIMIT} random rows of {predictions.rows}")
    if predictions.kind == "regression":
        return notes
    count = len(predictions.classes)
    true, predicted = (
        np.bincount(side, minlength=count) for side in (predictions.truth, predictions.predicted)
    )
    if np.count_nonzero(true) == 1:
        only = predictions.classes[int(true.argmax())]
        notes.append(f"every held-out row is {only!r}: nothing is known of the other classes")
    never = [predictions.classes[c] for c in np.flatnonzero((true > 0) & (predicted == 0))]
    return notes + [f"{label!r} is never predicted" for label in never[:_TABLE]]


def _worst(predictions: Predictions) -> list[dict[str, Any]]:
    """Return the worst mistakes, the row counted from 1 as in predictions.csv."""
    truth, predicted = predictions.truth, predictions.predicted
    if predictions.kind == "regression":
        weight = np.abs(predicted - truth)
        rows = np.argsort(-weight, kind="stable")[:_WORST]
        return [
            {"row": int(row) + 1, "truth": float(truth[row]), "predicted": float(predicted[row])}
            for row in rows
        ]
    wrong = np.flatnonzero(truth != predicted)
    scores = predictions.scores
    if scores is not None and predictions.has_scores:
        margin = scores[wrong, predicted[wrong]] - scores[wrong, truth[wrong]]
        wrong = wrong[np.argsort(-margin, kind="stable")]
    return [
        {
            "row": int(row) + 1,
            "truth": predictions.classes[truth[row]],
            "predicted": predictions.classes[predicted[row]],
            **({} if scores is None or np.isnan(scores[row, predicted[row]])
               else {"score": float(scores[row, predicted[row]])}),
        }
        for row in wrong[:_WORST]
    ]  # fmt: skip


def _sample(predictions: Predictions) -> dict[str, Any]:
    """Return what pictures are drawn from: all rows, or a random part of them."""
    if predictions.rows > LIMIT:
        rows = np.random.default_rng(0).choice(predictions.rows, LIMIT, replace=False)
        predictions = predictions.take(np.sort(rows))
    scores = predictions.scores
    return {
        "truth": predictions.truth.tolist(),
        "predicted": predictions.predicted.tolist(),
        "scores": scores.tolist() if scores is not None and predictions.has_scores else None,
        "has_probabilities": predictions.has_probabilities,
    }
