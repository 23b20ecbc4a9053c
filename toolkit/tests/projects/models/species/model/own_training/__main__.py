"""Train: ``python -m own_training MODEL REPORT``."""

import json
import sys
from pathlib import Path

import joblib
import numpy as np
from sklearn.ensemble import RandomForestClassifier

from own_model.classifier import MEASUREMENTS
from own_training.report import write_report

CENTRES = {"boskoop": [220, 85, 11], "elstar": [150, 70, 13], "gala": [140, 66, 14.5]}
GOLDEN = [dict(zip(MEASUREMENTS, centre, strict=True)) for centre in CENTRES.values()]

model, report = Path(sys.argv[1]), Path(sys.argv[2])
draw = np.random.default_rng(7)
y = draw.choice(list(CENTRES), 600)
X = np.array([CENTRES[kind] for kind in y]) + draw.normal(0, [12, 4, 0.8], (600, 3))
forest = RandomForestClassifier(20, max_depth=5, random_state=7).fit(X[:400], y[:400])
joblib.dump(forest, model)
scores = forest.predict_proba(X[400:])
accuracy = float(forest.score(X[400:], y[400:]))
(report / "metrics.json").write_text(json.dumps({"accuracy": accuracy}))
write_report(
    report,
    [dict(zip(MEASUREMENTS, row, strict=True)) for row in X[400:].tolist()],
    {
        "y_true": y[400:],
        "y_pred": forest.predict(X[400:]),
        **{f"score_{kind}": scores[:, i] for i, kind in enumerate(forest.classes_)},
    },
    GOLDEN,
)
