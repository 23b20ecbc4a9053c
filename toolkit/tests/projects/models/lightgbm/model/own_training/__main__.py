"""Train: ``python -m own_training MODEL REPORT``."""

import json
import sys
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np

from own_model.classifier import COLUMNS
from own_training.report import write_report

GOLDEN: list[dict[str, Any]] = [
    {"amount": 90.0, "income": 20.0, "years": 1.0},
    {"amount": 10.0, "income": None, "years": 20.0},
]
SETTINGS = {"objective": "binary", "seed": 7, "num_threads": 1, "verbosity": -1}

model, report = Path(sys.argv[1]), Path(sys.argv[2])
draw = np.random.default_rng(7)
X = draw.uniform([1, 10, 0], [100, 120, 30], (900, 3)).round(2)
y = X[:, 0] - X[:, 1] - X[:, 2] + draw.normal(0, 15, 900) > -25  # noqa: PLR2004
X[draw.random(900) < 0.05, 1] = np.nan  # noqa: PLR2004
booster = lightgbm.train(SETTINGS, lightgbm.Dataset(X[:600], y[:600]), 40)
booster.save_model(model)
score = booster.predict(X[600:])
truth, predicted = (np.where(late, "late", "paid") for late in (y[600:], score > 0.5))  # noqa: PLR2004
(report / "metrics.json").write_text(json.dumps({"accuracy": float(np.mean(truth == predicted))}))
rows = [[None if np.isnan(value) else value for value in row] for row in X[600:].tolist()]
write_report(
    report,
    [dict(zip(COLUMNS, row, strict=True)) for row in rows],
    {"y_true": truth, "y_pred": predicted, "score_late": score},
    GOLDEN,
)
