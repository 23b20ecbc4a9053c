"""Train: ``python -m own_training MODEL REPORT``."""

import json
import sys
from pathlib import Path

import joblib
import numpy as np
from sklearn.linear_model import PoissonRegressor
from sklearn.metrics import mean_absolute_error, r2_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from own_model.classifier import COLUMNS
from own_training.report import write_report

GOLDEN = [{"warmth": 25, "rain": 0, "is_weekend": 1}, {"warmth": 5, "rain": 12, "is_weekend": 0}]

model, report = Path(sys.argv[1]), Path(sys.argv[2])
draw = np.random.default_rng(7)
X = np.column_stack([draw.normal(15, 8, 800), draw.exponential(3, 800), draw.random(800) < 0.3])  # noqa: PLR2004
X = X.round(1)
y = draw.poisson(np.exp(X @ [0.06, -0.1, 0.7]))
fitted = make_pipeline(StandardScaler(), PoissonRegressor(alpha=0)).fit(X[:500], y[:500])
joblib.dump(fitted, model)
predicted = fitted.predict(X[500:]).round().astype(int)
metrics = {"r2": r2_score, "mean_absolute_error": mean_absolute_error}
values = {name: float(metric(y[500:], predicted)) for name, metric in metrics.items()}
(report / "metrics.json").write_text(json.dumps(values))
write_report(
    report,
    [dict(zip(COLUMNS, row, strict=True)) for row in X[500:].tolist()],
    {"y_true": y[500:].tolist(), "y_pred": predicted},
    GOLDEN,
)
