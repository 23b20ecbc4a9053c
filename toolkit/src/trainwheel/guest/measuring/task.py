"""What a model's task is: classes, in which order and which is positive, or numbers.

What the repository states holds. Else the rows say it, and what was concluded is a note; what they
leave open is refused, for a metric of the wrong task looks like any other.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .classes import Task, classify
from .columns import Rows
from .labels import UnreadableError
from .names import CLASSIFICATION, REGRESSION, plain_name
from .predictions import Predictions

__all__ = ["Task", "interpret"]

_FEW = 20


def interpret(rows: Rows, task: Task) -> Predictions:
    """Return rows as classes or as numbers.

    Raises:
        UnreadableError: A value is missing or does not fit the task; tells the row and the column.
            Or it stays open what the task is.
    """
    for column in (rows.truth, rows.predicted):
        column.check_present(task.labels)
    names = {plain_name(name) for name in task.names}
    if task.task == "classification" and names & REGRESSION and not names & CLASSIFICATION:
        name = min(names & REGRESSION)
        message = f'the metric {name} is one of a regression: correct task = "classification"'
        raise UnreadableError(message)
    name, reason = (task.task or "classification", "") if task.is_stated else _detect(rows, task)
    if name == "regression":
        predictions = Predictions(
            (),
            rows.truth.numbers[rows.truth.codes],
            rows.predicted.numbers[rows.predicted.codes],
            notes=("scores are not used: the task is regression",) if rows.scores else (),
        )
    else:
        predictions = classify(rows, task)
    if not reason:
        return predictions
    count = len(predictions.classes)
    classes = f" of {count} class{'es' if count > 1 else ''}" if count else ""
    note = f'task: {name}{classes}, told by {reason}; state it with task = "{name}"'
    return replace(predictions, notes=(note, *predictions.notes))


def _detect(rows: Rows, task: Task) -> tuple[str, str]:
    """Return the task that the rows and the metrics' names tell, and by what."""
    sides = (rows.truth, rows.predicted)
    if any(side.kinds != {"number"} for side in sides):
        return "classification", "the labels"
    if rows.scores:
        return "classification", "the scores"
    names = {plain_name(name) for name in task.names}
    if bool(names & CLASSIFICATION) != bool(names & REGRESSION):
        name = "classification" if names & CLASSIFICATION else "regression"
        return name, f"the metric {min(names & (CLASSIFICATION | REGRESSION))}"
    if not all(side.is_whole for side in sides):
        return "regression", "numbers that are not whole"
    true, other = np.unique(rows.truth.numbers), rows.predicted.numbers
    is_known = np.isin(other, true)
    question = ': state in [tool.trainwheel] what whole numbers are, task = "classification" or '
    question += 'task = "regression"'
    if len(true) > _FEW:
        message = f"{rows.truth.file}: {rows.truth.name} has {len(true)} different whole numbers"
        raise UnreadableError(message + question)
    if not is_known.all():
        rows.predicted.refuse(int(np.argmin(is_known)), f", which no truth is{question}")
    return "classification", f"its {len(true)} whole numbers, of which each prediction is one"
