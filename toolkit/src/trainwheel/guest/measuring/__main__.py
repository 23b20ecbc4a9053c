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
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from .columns import Rows, read_answers, read_predictions, read_truths
from .describe import describe
from .labels import UnreadableError
from .names import OF_SCORES, plain_name
from .predictions import Predictions
from .resampling import IntervalError, called, compare_models
from .task import Task, interpret


def main(request: str, answer: str) -> None:
    """Read the request and write the answer."""
    try:
        result = _answer(json.loads(Path(request).read_text(encoding="utf-8")))
    except UnreadableError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    except IntervalError as error:
        sys.stderr.write(f"a fault of trainwheel, please report it: {error}\n")
        sys.exit(1)
    Path(answer).write_text(json.dumps(result, allow_nan=False) + "\n", encoding="utf-8")


def _answer(request: Mapping[str, Any]) -> dict[str, Any]:
    rows, source, scores_source = _read(request)
    task = Task.of(request)
    predictions = interpret(rows, task)
    described = describe(predictions, request["names"], request.get("claims", {}), source)
    facts: dict[str, Any] = {
        "source": source,
        "scores_source": "" if predictions.scores is None else scores_source,
        "task": "classification" if predictions.classes else "regression",
        "stated": task.is_stated,
    }
    if source != scores_source:
        names = {*described["measured"], *described["named"]}
        facts["of_training_scores"] = sorted(n for n in names if plain_name(n) in OF_SCORES)
    result: dict[str, Any] = {"predictions": described | facts}
    if "old" in request:
        try:
            result["comparison"] = _compare(predictions, rows, task, request)
        except UnreadableError as error:
            result["comparison"] = {"problem": str(error)}
    return result


def _read(request: Mapping[str, Any]) -> tuple[Rows, str, str]:
    """Return the rows that are measured, and where their predictions and scores come from."""
    path = Path(request["predictions"]) if "predictions" in request else None
    if "answers" not in request:
        if path is None:
            message = "there are no predictions to measure"
            raise UnreadableError(message)
        return read_predictions(path), "training", "training"
    truth = read_truths(Path(request["holdout"]))
    rows = read_answers(truth, Path(request["answers"]), "the entry point")
    if path is None or (rows.scores and None not in rows.scores):
        return rows, "entry point", "entry point"
    trained = read_predictions(path)
    if len(trained.truth.codes) != len(truth.codes):
        counts = f"{len(truth.codes)} rows and {path.name} {len(trained.truth.codes)}"
        message = f"{truth.file} has {counts}"
        raise UnreadableError(message)
    if rows.scores and len(trained.scores) <= len("01"):
        return rows, "entry point", "entry point"
    return replace(rows, scores=trained.scores), "entry point", "training"


def _compare(
    new: Predictions, rows: Rows, task: Task, request: Mapping[str, Any]
) -> dict[str, Any]:
    answers = read_answers(rows.truth, Path(request["old"]), "the published model")
    old = interpret(answers, task.of_model(new))
    metrics = called(compare_models(new, old), request["names"])
    return {"rows": new.rows, "metrics": {name: asdict(row) for name, row in metrics.items()}}


if __name__ == "__main__":
    main(*sys.argv[1:])
