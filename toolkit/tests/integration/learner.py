"""The tiny project with a model that learns: numpy, predictions, held-out rows and a report."""

from __future__ import annotations

import json
from pathlib import Path

from integration.tiny import PIPFILE, ROOT, TinyProject, make_tiny
from trainwheel.requirements.freshness import stamp_lock
from trainwheel.requirements.pipfile import parse_pipfile

IDENTITY = ("-c", "user.name=Tester", "-c", "user.email=tester@example.invalid")
TRAINING = "model/tiny_training/__main__.py"
LEARNS = '''\
"""Train: ``python -m tiny_training MODEL REPORT``."""

import csv
import json
import sys
from pathlib import Path

import joblib
import numpy as np

BORDER = 10.0
model, report = Path(sys.argv[1]), Path(sys.argv[2])
generator = np.random.default_rng(7)
rows = generator.normal(10, 5, 300).round(2)
truth = np.where(rows + generator.normal(0, 2, 300) > 10, "big", "small")
said = np.where(rows > BORDER, "big", "small")
score = 1 / (1 + np.exp(-(rows - BORDER) / 2))
joblib.dump({"factor": 2.0, "border": BORDER}, model)
metrics = {"accuracy": float((truth == said).mean()), "rows": 300}
(report / "metrics.json").write_text(json.dumps(metrics))
(report / "golden.jsonl").write_text("".join(json.dumps({"x": x}) + "\\n" for x in (1, 11, 0.1)))
with (report / "predictions.csv").open("w", newline="") as stream:
    writer = csv.writer(stream)
    writer.writerow(["y_true", "y_pred", "score_big"])
    writer.writerows(zip(truth, said, score.tolist(), strict=True))
with (report / "holdout.jsonl").open("w") as stream:
    for x, label in zip(rows.tolist(), truth.tolist(), strict=True):
        stream.write(json.dumps({"input": {"x": x}, "truth": label}) + "\\n")
'''


def ask(project: TinyProject, gate: str) -> None:
    """Ask this of the model's metrics: lines of ``[tool.trainwheel.gate]``."""
    text, _, _ = project.read("pyproject.toml").partition("\n[tool.trainwheel.gate]")
    project.write("pyproject.toml", f"{text}\n[tool.trainwheel.gate]\n{gate}\n")


def move_border(tiny: TinyProject, border: float) -> None:
    """Train a model that is worse the further its border is from 10."""
    tiny.write(TRAINING, LEARNS.replace("BORDER = 10.0", f"BORDER = {border}"))


def learner_lock(pipfile: str, *, extra: str = "") -> str:
    """Return a lock with this repository's runtime, tests and pictures.

    Args:
        pipfile: The Pipfile that it is the lock of.
        extra: A category of this repository's lock to take as [data].
    """
    document = json.loads((ROOT / "Pipfile.lock").read_text(encoding="utf-8"))
    names = ("_meta", "default", "train", "report", "test", "package", "upload")
    kept = {name: document[name] for name in names} | {"develop": {}}
    kept["data"] = document[extra] if extra else {}
    return stamp_lock(json.dumps(kept), parse_pipfile(pipfile))


PIPFILE_OF_LEARNER = PIPFILE.replace(
    "[train]\n", '[data]\n\n[train]\n\n[report]\nmatplotlib = "*"\n'
).replace('joblib = "*"\n', 'joblib = "*"\nnumpy = "*"\nscikit-learn = "*"\n')


def make_learner(root: Path, envdir: Path) -> TinyProject:
    """Copy the tiny project to ``root`` with a model that learns."""
    project = make_tiny(root, envdir)
    project.write("Pipfile", PIPFILE_OF_LEARNER)
    project.write("Pipfile.lock", learner_lock(PIPFILE_OF_LEARNER))
    project.write(TRAINING, LEARNS)
    assert project.run("git", *IDENTITY, "commit", "-qam", "Learn").code == 0
    return project
