"""Train: ``python -m own_training MODEL REPORT``."""

import json
import sys
from pathlib import Path

import joblib
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from own_model.classifier import MEASUREMENTS
from own_model.clip import Clip
from own_training.report import write_report

GOLDEN = [
    {"heat": 95.0, "hours": 400.0, "vibration": 6.5},
    {"heat": 30.0, "hours": 20.0, "vibration": 0.5},
    {"heat": 900.0, "hours": 0.0, "vibration": 2.0},
]

model, report = Path(sys.argv[1]), Path(sys.argv[2])
draw = np.random.default_rng(7)
X = np.column_stack([draw.normal(60, 20, 500), draw.exponential(200, 500), draw.gamma(2, 1, 500)])
y = X @ [0.05, 0.01, 0.8] + draw.normal(0, 1, 500) > 6  # noqa: PLR2004
fitted = make_pipeline(Clip(), StandardScaler(), LogisticRegression()).fit(X[:350], y[:350])
joblib.dump(fitted, model)
score = fitted.predict_proba(X[350:])[:, 1]
accuracy = float(fitted.score(X[350:], y[350:]))
(report / "metrics.json").write_text(json.dumps({"accuracy": accuracy}))
write_report(
    report,
    [dict(zip(MEASUREMENTS, row, strict=True)) for row in X[350:].tolist()],
    {"y_true": y[350:].tolist(), "y_pred": score > 0.5, "score_True": score},  # noqa: PLR2004
    GOLDEN,
)
