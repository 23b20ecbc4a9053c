"""Fit a model of every family, and write its portable form with what the estimator answers.

Run by its path in any environment with scikit-learn; its argument is the file to write, JSON.
"""

from __future__ import annotations

import base64
import json
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline

from trainwheel.guest.portable import convert
from unit.guest import portable_families as families
from unit.guest.portable_models import cells, classes, numbers

_ROWS = 40
_METHODS = ("predict", "predict_proba", "decision_function")


def models() -> Iterator[tuple[str, Any, tuple[Any, Any]]]:
    """Yield models to fit, by name, and what to fit each to."""
    for name, model in families.CLASSIFIERS.items():
        yield name, model, classes("two words")
        yield f"{name} of three", model, classes("three words")
    for name, model in families.REGRESSORS.items():
        yield f"{name} of numbers", model, numbers()
    linear, single, forest, _ = families.MODELS
    for number, encoder in enumerate(families.ENCODERS):
        columns = ColumnTransformer([("words", encoder, [3, 4, 5])], remainder="passthrough")
        pipeline = make_pipeline(columns, SimpleImputer(), forest)
        yield f"encoder {number}", pipeline, cells(missing=0.1)
    for number, scaler in enumerate(families.SCALERS):
        yield f"scaler {number}", make_pipeline(scaler, forest), classes("two words")
    for number, imputer in enumerate(families.IMPUTERS):
        x, y = classes("two words")
        x[::3, 0] = np.nan
        yield f"imputer {number}", make_pipeline(imputer, single), (x, y)
    for number, vectorizer in enumerate(families.VECTORIZERS):
        y = np.arange(len(families.TEXTS)) % 5 % 3
        yield f"vectorizer {number}", make_pipeline(vectorizer, linear), (families.TEXTS, y)


def golden() -> Iterator[dict[str, Any]]:
    """Yield each model, fitted."""
    for name, model, (x, y) in models():
        model.fit(x, y)
        rows = x[:_ROWS]
        answers = {
            method: np.asarray(getattr(model, method)(rows)).tolist()
            for method in _METHODS
            if hasattr(model, method)
        }
        form = base64.b64encode(convert(model)).decode()
        yield {"name": name, "form": form, "rows": rows.tolist(), "answers": answers}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    Path(sys.argv[1]).write_text(json.dumps(list(golden())), encoding="utf-8")
