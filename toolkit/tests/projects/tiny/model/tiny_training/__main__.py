"""Train: ``python -m tiny_training MODEL REPORT``."""

import json
import sys
from pathlib import Path

import joblib

model, report = Path(sys.argv[1]), Path(sys.argv[2])
joblib.dump({"factor": 2.0, "border": 10}, model)
(report / "metrics.json").write_text(json.dumps({"accuracy": 1.0}))
(report / "golden.jsonl").write_text("".join(json.dumps({"x": x}) + "\n" for x in (1, 11, 0.1)))
