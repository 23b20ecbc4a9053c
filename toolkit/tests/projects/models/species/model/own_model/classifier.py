"""Tells three kinds of apple apart."""

import functools
from collections.abc import Mapping
from importlib.resources import as_file, files
from typing import Any

import joblib

MEASUREMENTS = ["weight", "width", "sugar"]


@functools.cache
def load() -> Any:  # noqa: ANN401
    """Return the model of this package."""
    with as_file(files("own_model") / "artefact" / "model.joblib") as path:
        return joblib.load(path)


def predict_record(record: Mapping[str, float]) -> dict[str, Any]:
    """Return the answer to one apple."""
    model = load()
    row = [[record[name] for name in MEASUREMENTS]]
    scores = dict(zip(model.classes_.tolist(), model.predict_proba(row)[0].tolist(), strict=True))
    return {"label": model.predict(row)[0], "probabilities": scores}
