"""Tells which loans are paid back late."""

import functools
from collections.abc import Mapping
from importlib.resources import as_file, files

import lightgbm

COLUMNS = ["amount", "income", "years"]


@functools.cache
def load() -> lightgbm.Booster:
    """Return the model of this package."""
    with as_file(files("own_model") / "artefact" / "model.txt") as path:
        return lightgbm.Booster(model_file=path)


def predict_record(record: Mapping[str, float]) -> dict[str, str | float]:
    """Return the answer to one loan; what is not known may be None."""
    row = [[float("nan") if record[name] is None else record[name] for name in COLUMNS]]
    score = float(load().predict(row, num_threads=1)[0])
    return {"label": "late" if score > 0.5 else "paid", "probability": score}  # noqa: PLR2004
