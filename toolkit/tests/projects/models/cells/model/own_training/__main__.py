"""Train: ``python -m own_training MODEL REPORT DATA``."""

import json
import sys
from pathlib import Path
from typing import Any

import joblib
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier

from own_model.classifier import MEASUREMENTS
from own_training.report import write_report

GOLDEN: list[dict[str, Any]] = [
    {**dict.fromkeys(MEASUREMENTS, 1), "bare_nuclei": "?"},
    {**dict.fromkeys(MEASUREMENTS, 9), "mitoses": 1},
]

model, report, data = map(Path, sys.argv[1:])
frame = pd.read_csv(data / "cells.csv", na_values="?")
X, y = frame[MEASUREMENTS].to_numpy(float), frame["class"].to_numpy()
trees = HistGradientBoostingClassifier(max_iter=30, random_state=7).fit(X[:500], y[:500])
joblib.dump(trees, model)
predicted, scores = trees.predict(X[500:]), trees.predict_proba(X[500:])
accuracy = float(trees.score(X[500:], y[500:]))
(report / "metrics.json").write_text(json.dumps({"accuracy": accuracy}))
write_report(
    report,
    json.loads(frame[MEASUREMENTS][500:].to_json(orient="records")),
    {"y_true": y[500:].tolist(), "y_pred": predicted, "score_4": scores[:, 1]},
    GOLDEN,
)
