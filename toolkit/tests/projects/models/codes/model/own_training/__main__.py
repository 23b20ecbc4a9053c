"""Train: ``python -m own_training MODEL REPORT``."""

import json
import sys
from pathlib import Path

import joblib
import numpy as np
from sklearn.naive_bayes import GaussianNB

from own_model.classifier import MEASUREMENTS
from own_training.report import write_report

CODES = np.arange(100, 130)
PLACES = np.array([[code % 6 * 10, code % 5 * 10] for code in CODES])
GOLDEN = [{"north": 3.0, "east": 12.0}, {"north": 48.0, "east": 0.0}]

model, report = Path(sys.argv[1]), Path(sys.argv[2])
draw = np.random.default_rng(7)
which = draw.integers(0, 30, 1500)
X, y = PLACES[which] + draw.normal(0, 3, (1500, 2)), CODES[which]
bayes = GaussianNB().fit(X[:1000], y[:1000])
joblib.dump(bayes, model)
predicted = bayes.predict(X[1000:])
accuracy = float(np.mean(predicted == y[1000:]))
(report / "metrics.json").write_text(json.dumps({"accuracy": accuracy}))
write_report(
    report,
    [dict(zip(MEASUREMENTS, row, strict=True)) for row in X[1000:].tolist()],
    {"y_true": y[1000:].tolist(), "y_pred": predicted},
    GOLDEN,
)
