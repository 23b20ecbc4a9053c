"""The script that derives the portable form of a model, with the reference model's package."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC

from trainwheel.guest import CONVERT
from unit.guest.portable_models import MODEL, interpreter

SOURCE = (MODEL / "datamodel.py").read_text(encoding="utf-8")
NAMES = re.findall(r"^    (\w+): [A-Z]\w+$", SOURCE, re.MULTILINE)
ROWS = np.random.default_rng(1).uniform(1, 9, (60, 30))
LABELS = np.where(ROWS[:, 0] > 5, "malignant", "benign")


def convert(folder: Path, estimator: Any, source: Path = MODEL.parent) -> tuple[str, bytes]:
    """Run the script for an estimator; return its reason, and what it wrote."""
    joblib.dump(estimator.fit(ROWS, LABELS), folder / "model.joblib")
    return run(folder, source)


def run(
    folder: Path, source: Path = MODEL.parent, record: dict[str, Any] | None = None
) -> tuple[str, bytes]:
    """Run the script for a file."""
    records = [dict(zip(NAMES, row, strict=True)) | (record or {}) for row in ROWS.tolist()]
    held_out = [json.dumps({"input": record, "expected": "benign"}) for record in records[:30]]
    (folder / "holdout.jsonl").write_text("\n".join(held_out))
    (folder / "golden.jsonl").write_text("\n".join(map(json.dumps, records[30:])))
    entry_point = "oncology_model.classifier:predict_record"
    names = ("model.joblib", "model.npz", "answer.json", "holdout.jsonl", "golden.jsonl")
    argv = (sys.executable, "-P", str(CONVERT), entry_point, *names)
    variables = {**os.environ, "PYTHONPATH": str(source)}
    subprocess.run(argv, cwd=folder, env=variables, check=True, timeout=120)
    reason: str = json.loads((folder / "answer.json").read_bytes())["reason"]
    return reason, (folder / "model.npz").read_bytes()


def test_the_form_of_a_model_answers_as_the_model(tmp_path: Path) -> None:
    estimator = make_pipeline(StandardScaler(), LogisticRegression())

    reason, content = convert(tmp_path, estimator)

    assert reason == ""
    form = interpreter().load_portable(content)
    assert form.predict(ROWS).tolist() == estimator.predict(ROWS).tolist()
    assert np.allclose(form.predict_proba(ROWS), estimator.predict_proba(ROWS), 1e-12, 0)


@pytest.mark.parametrize(("estimator", "part"), [
    (SVC(), "SVC"),
    (make_pipeline(FunctionTransformer(np.nan_to_num), LogisticRegression()), "nan_to_num"),
])  # fmt: skip
def test_a_part_that_is_not_known_is_named_and_a_file_says_so(
    tmp_path: Path, estimator: Any, part: str
) -> None:
    reason, content = convert(tmp_path, estimator)

    assert part in reason
    # It is in the place of the form, and nobody takes it for one.
    with np.load(tmp_path / "model.npz", allow_pickle=False) as members:
        assert members.files == ["graph"]
        assert json.loads(members["graph"].tobytes()) == {"schema": 0, "reason": reason}
    with pytest.raises(ValueError, match="schema 0"):
        interpreter().load_portable(content)


def test_a_form_that_answers_otherwise_is_not_kept(tmp_path: Path) -> None:
    shutil.copytree(MODEL, tmp_path / MODEL.name)
    with (tmp_path / MODEL.name / "portable.py").open("a", encoding="utf-8") as module:
        module.write("Portable.predict = lambda self, rows: self.classes_[[0] * len(rows)]\n")

    reason, content = convert(tmp_path, LogisticRegression(), tmp_path)

    assert reason.startswith("it answers otherwise: ")
    with pytest.raises(ValueError, match="schema 0"):
        interpreter().load_portable(content)


def test_a_part_whose_attributes_are_not_as_expected_is_named(tmp_path: Path) -> None:
    estimator = make_pipeline(StandardScaler(), LogisticRegression()).fit(ROWS, LABELS)
    del estimator[0].scale_  # as in another version of scikit-learn
    joblib.dump(estimator, tmp_path / "model.joblib")

    reason, _ = run(tmp_path)

    assert "Pipeline step 'standardscaler': StandardScaler" in reason
    assert "scale_" in reason


def test_records_that_the_class_does_not_take_are_a_reason(tmp_path: Path) -> None:
    joblib.dump(LogisticRegression().fit(ROWS, LABELS), tmp_path / "model.joblib")

    reason, _ = run(tmp_path, record={"mean_radius": "wide"})

    assert "it cannot be proved" in reason
    assert "mean_radius" in reason


def test_a_model_in_another_format_has_no_form(tmp_path: Path) -> None:
    (tmp_path / "model.joblib").write_text("tree\nversion=v4\n")

    assert "model.joblib is not an estimator" in run(tmp_path)[0]


@pytest.mark.parametrize(("module", "reason"), [
    (None, "No module named 'oncology_model.portable'"), ("portable", "derives from Served"),
])  # fmt: skip
def test_a_package_that_cannot_read_the_form_gets_none(
    tmp_path: Path, module: str | None, reason: str
) -> None:
    package = tmp_path / "oncology_model"
    package.mkdir()
    for name in ("__init__", "classifier"):
        (package / f"{name}.py").touch()
    if module:
        shutil.copy(MODEL / f"{module}.py", package)
        for other in MODEL.glob("portable_*.py"):
            shutil.copy(other, package)
        (package / "serving.py").write_text("class Served: ...\n")

    answer, _ = convert(tmp_path, LogisticRegression(), tmp_path)

    assert reason in answer
