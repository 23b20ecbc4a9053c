"""Tells which customers leave."""

import functools
from collections.abc import Mapping
from importlib.resources import as_file, files
from typing import Any

import joblib
import pandas as pd

NUMBERS, CATEGORIES = ["tenure", "fee"], ["contract", "region"]


@functools.cache
def load() -> Any:  # noqa: ANN401
    """Return the model of this package."""
    with as_file(files("own_model") / "artefact" / "model.joblib") as path:
        return joblib.load(path)


def predict_record(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer to one customer; an empty cell is None."""
    frame = pd.DataFrame([record], columns=NUMBERS + CATEGORIES)
    frame[NUMBERS] = frame[NUMBERS].astype(float)
    frame[CATEGORIES] = frame[CATEGORIES].fillna("unknown")
    leaves = float(load().predict_proba(frame)[0, 1])
    return {"label": "leaves" if leaves > 0.5 else "stays", "probability": leaves}  # noqa: PLR2004
