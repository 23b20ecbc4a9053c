"""The interpreter of the reference model by itself, and data of every kind to train on."""

from __future__ import annotations

import importlib
import sys
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.random import default_rng
from sklearn.datasets import make_classification, make_regression
from threadpoolctl import threadpool_limits

from trainwheel.guest.portable import convert, prove_portable

LABELS = (
    "two words",
    "three words",
    "two, one column",
    "three, constant columns",
    "three, 32 bits",
)
"""The labels that `classes` has rows for."""
MODEL = Path(__file__).parents[4] / "model" / "oncology_model"


def interpreter() -> Any:
    """Return the module ``portable`` of a model package, without the package."""
    package = ModuleType("portable_form")
    package.__path__ = [str(MODEL)]
    sys.modules.setdefault("portable_form", package)
    return importlib.import_module("portable_form.portable")


def proved(estimator: Any, x: Any, y: Any, *, draws: int = 1_000, **options: Any) -> Any:
    """Fit and convert, assert that the form answers the same, and return the form."""
    # Two threads would wait for each other longer than they compute.
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore")
        estimator.fit(x, y, **options)
        portable = interpreter().load_portable(convert(estimator))
        assert prove_portable(estimator, portable, x[:80], draws) is None
    return portable


def classes(name: str) -> tuple[Any, Any]:
    """Return rows and labels: ``name`` is one of `LABELS`."""
    count = 2 if name.startswith("two") else 3
    x, y = make_classification(
        240, 6, n_informative=4, n_redundant=1, n_classes=count, random_state=3
    )
    match name:
        case "two words":
            return x, np.array(["benign", "malignant"])[y]
        case "three words":
            return np.round(x, 1), np.array(["a", "bb", "c"], dtype=object)[y]  # many ties
        case "two, one column":
            return x[:, :1], y.astype(bool)
        case "three, constant columns":
            return np.column_stack([x, np.ones(len(x)), np.zeros(len(x))]), y * 10
        case _:
            return x.astype(np.float32), y  # "three, 32 bits"


def numbers() -> tuple[Any, Any]:
    """Return rows and numbers."""
    x, y = make_regression(240, 6, noise=5.0, random_state=3)
    return x, y


def cells(*, missing: float = 0.0, rows: int = 300) -> tuple[Any, Any]:
    """Return rows of three numbers and three texts, of which some may be missing, and labels."""
    random = default_rng(4)
    x = np.empty((rows, 6), dtype=object)
    x[:, :3] = random.normal(size=(rows, 3)).round(2)
    for column in range(3, 6):
        x[:, column] = random.choice(
            ["red", "green", "blue", "rare"], rows, p=[0.5, 0.3, 0.15, 0.05]
        )
    y = (x[:, 0].astype(float) + (x[:, 3] == "red") + random.normal(size=rows) > 0.5).astype(int)
    x[random.random(x.shape) < missing] = np.nan
    return x, y
