"""Train: ``python -m own_training MODEL REPORT``."""

import json
import sys
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from own_model.classifier import CATEGORIES, NUMBERS
from own_training.report import write_report

GOLDEN: list[dict[str, Any]] = [
    {"tenure": 1, "fee": 80.0, "contract": "monthly", "region": "north"},
    {"tenure": 99, "fee": None, "contract": "yearly", "region": None},
]


def draw(rows: int) -> pd.DataFrame:
    """Return made-up customers, some of whose cells are empty."""
    draw = np.random.default_rng(7)
    frame = pd.DataFrame(
        {
            "tenure": draw.integers(1, 72, rows),
            "fee": draw.normal(60, 20, rows).round(2),
            "contract": draw.choice(["monthly", "yearly"], rows),
            "region": draw.choice(["north", "south", "west"], rows),
        }
    )
    risk = frame["fee"] / 20 - frame["tenure"] / 12 + 2 * (frame["contract"] == "monthly")
    frame["churn"] = np.where(risk + draw.normal(0, 1, rows) > 1, "leaves", "stays")
    for column in ("fee", "region"):
        frame.loc[draw.random(rows) < 0.05, column] = None  # noqa: PLR2004
    return frame


model, report = Path(sys.argv[1]), Path(sys.argv[2])
frame = draw(900)
X, y = frame[NUMBERS + CATEGORIES], frame["churn"] == "leaves"
holdout, truth = X[600:], frame["churn"][600:]
X = X.assign(**{name: X[name].fillna("unknown") for name in CATEGORIES})
columns = ColumnTransformer(
    [
        ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), NUMBERS),
        ("categories", OneHotEncoder(handle_unknown="ignore"), CATEGORIES),
    ]
)
pipeline = make_pipeline(columns, LogisticRegression()).fit(X[:600], y[:600])
joblib.dump(pipeline, model)
score = pipeline.predict_proba(X[600:])[:, 1]
predicted = np.where(score > 0.5, "leaves", "stays")  # noqa: PLR2004
(report / "metrics.json").write_text(json.dumps({"accuracy": float(np.mean(predicted == truth))}))
write_report(
    report,
    json.loads(holdout.to_json(orient="records")),
    {"y_true": truth, "y_pred": predicted, "score_leaves": score},
    GOLDEN,
)
