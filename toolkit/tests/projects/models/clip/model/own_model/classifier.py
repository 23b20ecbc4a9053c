"""Tells whether a machine needs service."""

import functools
from collections.abc import Mapping
from importlib.resources import as_file, files
from typing import Any

import joblib

MEASUREMENTS = ["heat", "hours", "vibration"]


@functools.cache
def load() -> Any:  # noqa: ANN401
    """Return the model of this package."""
    with as_file(files("own_model") / "artefact" / "model.joblib") as path:
        return joblib.load(path)


def predict_record(record: Mapping[str, float]) -> dict[str, Any]:
    """Return the answer to one machine."""
    row = [[record[name] for name in MEASUREMENTS]]
    score = float(load().predict_proba(row)[0, 1])
    return {"label": score > 0.5, "probability": score}  # noqa: PLR2004
