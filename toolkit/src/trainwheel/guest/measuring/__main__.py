"""Answer a request: ``python -P -m measuring REQUEST ANSWER``.

The request, a JSON object: ``task``, ``labels`` and ``positive`` are what the repository states of
the model, ``names`` what metrics are called, ``claims`` what training says of them. The rows are
those of ``predictions``, a CSV file (``y_true``, ``y_pred``, ``score_<class>``). Where ``holdout``
names held-out rows and ``answers`` what the entry point answers to them, a JSON value a line, they
are those; ``old`` names the answers of a model to compare with.

The answer: ``predictions`` describes them, ``comparison`` has the metrics of both models or the
``problem`` that forbids it. What cannot be read is one line on standard error and exit code 2.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from .claims import check_claims
from .labels import UnreadableError
from .metrics import CLASSIFICATION, REGRESSION, plain_name
from .reading import Predictions, read_answers, read_predictions
from .resampling import LIMIT, called, compare_models, measure

_WORST = 10
_TABLE = 30


def main(request: str, answer: str) -> None:
    """Read the request and write the answer."""
    task = json.loads(Path(request).read_text(encoding="utf-8"))
    try:
        result = _answer(task)
    except UnreadableError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    Path(answer).write_text(json.dumps(result, allow_nan=False) + "\n", encoding="utf-8")


def _answer(task: Mapping[str, Any]) -> dict[str, Any]:
    predictions, facts = _read(task)
    described = describe(predictions, task["names"], task.get("claims", {}))
    result: dict[str, Any] = {"predictions": {**described, **facts}}
    if "old" in task:
        try:
            result["comparison"] = _compare(predictions, task)
        except UnreadableError as error:
            result["comparison"] = {"problem": str(error)}
    return result


def _read(task: Mapping[str, Any]) -> tuple[Predictions, dict[str, Any]]:
    """Return the rows that are measured, and where they come from."""
    is_regression = _is_regression(task["names"])
    trained = None
    if "predictions" in task:
        path = Path(task["predictions"])
        trained = read_predictions(path, task["positive"], is_regression=is_regression)
    source = scores_source = "training"
    predictions = trained
    if "answers" in task:
        source = scores_source = "entry point"
        predictions = _read_answers(task, "answers", is_regression=is_regression)
        if predictions.scores is None and trained is not None and trained.scores is not None:
            scores_source = "training"
            predictions = replace(predictions, scores=trained.scores)
    if predictions is None:
        message = "there are no predictions to measure"
        raise UnreadableError(message)
    return predictions, {
        "source": source,
        "scores_source": "" if predictions.scores is None else scores_source,
        "task": "classification" if predictions.classes else "regression",
        "stated": bool(task.get("task") or task.get("labels")),
    }


def _is_regression(names: Sequence[str]) -> bool:
    """Return whether the metrics that are asked for are those of numbers, and of no classes."""
    plain = {plain_name(name) for name in names}
    return bool(plain & REGRESSION) and not plain & CLASSIFICATION


def describe(
    predictions: Predictions, names: Sequence[str], claims: Mapping[str, float] | None = None
) -> dict[str, Any]:
    """Return what the report needs of predictions.

    Args:
        predictions: The predictions.
        names: What metrics are called elsewhere; those that are known are reported under these too.
        claims: What training says of its metrics.

    Raises:
        UnreadableError: What training says is not what its predictions come to.
    """
    classes = predictions.classes
    measured = measure(predictions)
    check_claims(claims or {}, measured, predictions)
    has_positive = predictions.positive >= 0
    return {
        "kind": predictions.kind,
        "rows": predictions.rows,
        "classes": list(classes),
        "positive": classes[predictions.positive] if has_positive else None,
        "measured": {name: asdict(each) for name, each in measured.items()},
        "named": {name: asdict(each) for name, each in called(measured, names).items()},
        "confusion": _confusion(predictions),
        "notes": list(_notes(predictions)),
        "worst": _worst(predictions),
        "sample": _sample(predictions),
    }


def _compare(new: Predictions, task: Mapping[str, Any]) -> dict[str, Any]:
    old = _read_answers(task, "old", is_regression=new.kind == "regression")
    if new.classes != old.classes:
        message = f"the models know other classes: {', '.join({*new.classes} ^ {*old.classes})}"
        raise UnreadableError(message)
    metrics = called(compare_models(new, old), task["names"])
    return {"rows": new.rows, "metrics": {name: asdict(row) for name, row in metrics.items()}}


def _read_answers(task: Mapping[str, Any], side: str, *, is_regression: bool) -> Predictions:
    with Path(task["holdout"]).open(encoding="utf-8") as stream:
        truths = [json.loads(line)["truth"] for line in stream]
    return read_answers(truths, Path(task[side]), task["positive"], is_regression=is_regression)


def _confusion(predictions: Predictions) -> list[list[int]] | None:
    count = len(predictions.classes)
    if not 0 < count <= _TABLE:
        return None
    cells = np.bincount(predictions.truth * count + predictions.predicted, minlength=count * count)
    rows: list[list[int]] = cells.reshape(count, count).tolist()
    return rows


def _notes(predictions: Predictions) -> list[str]:
    notes: list[str] = []
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
    notes += [f"{label!r} is never predicted" for label in never[:_TABLE]]
    if predictions.rows > LIMIT:
        notes.append(f"intervals and pictures rest on {LIMIT} random rows of {predictions.rows}")
    return notes


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
    if scores is not None and not np.isnan(scores).any():
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
    whole = scores is not None and not np.isnan(scores).any()
    return {
        "truth": predictions.truth.tolist(),
        "predicted": predictions.predicted.tolist(),
        "scores": scores.tolist() if whole and scores is not None else None,
        "has_probabilities": predictions.has_probabilities,
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
