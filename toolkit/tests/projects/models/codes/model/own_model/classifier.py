"""Gives an order the code of the depot that should send it, one of 30."""

import functools
from collections.abc import Mapping
from importlib.resources import as_file, files
from typing import Any

import joblib

MEASUREMENTS = ["north", "east"]


@functools.cache
def load() -> Any:  # noqa: ANN401
    """Return the model of this package."""
    with as_file(files("own_model") / "artefact" / "model.joblib") as path:
        return joblib.load(path)


def predict_record(record: Mapping[str, float]) -> dict[str, Any]:
    """Return the answer to one order."""
    row = [[record[name] for name in MEASUREMENTS]]
    return {"label": int(load().predict(row)[0])}
