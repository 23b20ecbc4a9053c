"""Predict golden records through the model's public door.

Run by file path with ``-P`` in an environment that holds the model, so that this folder shadows
nothing and the toolkit's own process never loads a model.

    python -P predict.py MODULE:FUNCTION INPUTS OUTPUTS

``INPUTS`` holds one JSON object a line; ``OUTPUTS`` gets the function's answer to each, one JSON
value a line.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def main(door: str, inputs: str, outputs: str) -> None:
    """Answer each line of ``inputs`` in ``outputs``."""
    module, _, name = door.partition(":")
    found: Any = importlib.import_module(module)
    predict = functools.reduce(getattr, name.split("."), found)
    records = map(json.loads, Path(inputs).read_text(encoding="utf-8").splitlines())
    answers = [json.dumps(predict(record), allow_nan=False) for record in records]
    Path(outputs).write_text("".join(f"{answer}\n" for answer in answers), encoding="utf-8")
    for told in sorted(set(parallel_estimators())):
        print(f"notice: {told}")  # noqa: T201 - the toolkit hands it on


def parallel_estimators() -> Iterator[str]:
    """Yield a line for each loaded scikit-learn estimator that would start workers to predict."""
    for found in gc.get_objects():
        # Among all objects are some that answer to nothing in the usual way.
        with contextlib.suppress(Exception):
            kind = type(found)
            if not kind.__module__.startswith("sklearn."):
                continue
            jobs = vars(found).get("n_jobs")
            if type(jobs) is int and jobs not in {0, 1}:
                yield (
                    f"{kind.__name__} keeps n_jobs={jobs}: one row at a time it predicts several "
                    "times slower; set n_jobs=None before it is dumped"
                )


if __name__ == "__main__":
    main(*sys.argv[1:])
