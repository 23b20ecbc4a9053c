"""Says how many visitors a day will have."""

import functools
from collections.abc import Mapping
from importlib.resources import as_file, files
from typing import Any

import joblib

COLUMNS = ["warmth", "rain", "is_weekend"]


@functools.cache
def load() -> Any:  # noqa: ANN401
    """Return the model of this package."""
    with as_file(files("own_model") / "artefact" / "model.joblib") as path:
        return joblib.load(path)


def predict_record(record: Mapping[str, float]) -> dict[str, int]:
    """Return the answer to one day: a whole number."""
    return {"value": round(float(load().predict([[record[name] for name in COLUMNS]])[0]))}
