"""Tells which loans are paid back late."""

import functools
from collections.abc import Mapping
from importlib.resources import as_file, files

import xgboost

COLUMNS = ["amount", "income", "years"]


@functools.cache
def load() -> xgboost.Booster:
    """Return the model of this package."""
    with as_file(files("own_model") / "artefact" / "model.json") as path:
        return xgboost.Booster(model_file=path)


def predict_record(record: Mapping[str, float]) -> dict[str, str | float]:
    """Return the answer to one loan; what is not known may be None."""
    row = [[float("nan") if record[name] is None else record[name] for name in COLUMNS]]
    score = float(load().predict(xgboost.DMatrix(row))[0])
    return {"label": "late" if score > 0.5 else "paid", "probability": score}  # noqa: PLR2004
