"""The public door of the model."""

from importlib.resources import as_file, files

import joblib


def predict_record(record):
    """Return the answer to one record."""
    with as_file(files("tiny_model") / "artefact" / "model.joblib") as path:
        model = joblib.load(path)
    return {
        "label": "big" if record["x"] > model["border"] else "small",
        "value": record["x"] * model["factor"],
    }
