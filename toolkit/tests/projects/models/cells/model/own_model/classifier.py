"""Tells benign cells, 2, from malignant ones, 4."""

import functools
from collections.abc import Mapping
from importlib.resources import as_file, files
from typing import Any

import joblib

MEASUREMENTS = [
    "clump_thickness",
    "cell_size",
    "cell_shape",
    "adhesion",
    "epithelial_size",
    "bare_nuclei",
    "chromatin",
    "nucleoli",
    "mitoses",
]


@functools.cache
def load() -> Any:  # noqa: ANN401
    """Return the model of this package."""
    with as_file(files("own_model") / "artefact" / "model.joblib") as path:
        return joblib.load(path)


def predict_record(record: Mapping[str, int | str | None]) -> dict[str, float]:
    """Return the answer to one sample; what is not known is ``?`` or None."""
    values = [record[name] for name in MEASUREMENTS]
    row = [[float("nan") if value in {"?", None} else value for value in values]]
    score = float(load().predict_proba(row)[0, 1])
    return {"label": 4 if score > 0.5 else 2, "probability": score}  # noqa: PLR2004
