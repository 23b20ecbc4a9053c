"""Predict golden records through the model's entry point.

Run by file path with ``-P`` in an environment that holds the model, so that this folder shadows
nothing and the toolkit's own process never loads a model.

    python -P predict.py MODULE:FUNCTION INPUTS OUTPUTS [ARTEFACT]

``INPUTS`` holds one JSON object a line; ``OUTPUTS`` gets the function's answer to each, one JSON
value a line. With the model's file named, standard output has a notice for each slow estimator
in it, and names those that carry rows of the training data.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib
import json
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

_WIDTH = 300
_ROWS = ("_fit_X", "support_vectors_", "X_train_", "X_fit_")
"""Where neighbours, support vectors, Gaussian processes and kernel methods keep their rows."""


def main(entry_point: str, inputs: str, outputs: str, artefact: str = "") -> None:
    """Answer each line of ``inputs`` in ``outputs``, and describe the estimators in the model."""
    module, _, name = entry_point.partition(":")
    owner: Any = importlib.import_module(module)
    predict = functools.reduce(getattr, name.split("."), owner)
    records = map(json.loads, Path(inputs).read_text(encoding="utf-8").splitlines())
    answers = [answer(predict, record, number) for number, record in enumerate(records, 1)]
    Path(outputs).write_text("".join(f"{answer}\n" for answer in answers), encoding="utf-8")
    # An entry point that does not keep its model between two records has dropped it by now.
    model = load(artefact) if artefact and not holds_estimators() else None
    for notice in sorted(set(parallel_estimators())):
        print(f"notice: {notice}")  # noqa: T201 - the toolkit hands it on
    for kind in sorted(set(carriers())):
        print(f"carries: {kind}")  # noqa: T201 - as above
    del model


def answer(predict: Callable[[Any], Any], record: Any, number: int) -> str:
    """Return the answer to one record as JSON; where there is none, end with the record's number.

    The traceback comes first, for the log; the last line is the one that people are shown.
    """
    try:
        return json.dumps(predict(record), allow_nan=False)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever the model's function raises
        traceback.print_exc()
        text = " ".join(str(error).split())
        text = text if len(text) <= _WIDTH else f"{text[:_WIDTH]}…"
        reason = f"{type(error).__name__}: {text}" if text else type(error).__name__
        sys.exit(f"{reason} (row {number})")


def holds_estimators() -> bool:
    """Return whether any scikit-learn estimator is in memory."""
    base = sys.modules.get("sklearn.base")
    return base is not None and any(isinstance(x, base.BaseEstimator) for x in gc.get_objects())


def load(artefact: str) -> Any:
    """Return the content of the model's file; None where joblib cannot load it."""
    with contextlib.suppress(Exception):
        return importlib.import_module("joblib").load(artefact)
    return None


def parallel_estimators() -> Iterator[str]:
    """Yield a line for each loaded scikit-learn estimator that would start workers to predict."""
    for name, state in estimators():
        jobs = state.get("n_jobs")
        if type(jobs) is int and jobs not in {0, 1}:
            yield (
                f"{name} keeps n_jobs={jobs}: one row at a time it predicts several "
                "times slower; set n_jobs=None before it is dumped"
            )


def carriers() -> Iterator[str]:
    """Yield the kind of each loaded estimator that holds rows that it was fitted to."""
    for name, state in estimators():
        if any(state.get(row) is not None for row in _ROWS):
            yield name


def estimators() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield kind and state of each loaded scikit-learn estimator."""
    for thing in gc.get_objects():
        # Some objects raise even where their type or attributes are read.
        with contextlib.suppress(Exception):
            kind = type(thing)
            if kind.__module__.startswith("sklearn."):
                yield kind.__name__, vars(thing)


if __name__ == "__main__":
    main(*sys.argv[1:])
