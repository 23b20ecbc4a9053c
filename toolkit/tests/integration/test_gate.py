"""The gate bites: in the real chain, against a real published wheel, and at the upload."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import pytest

from integration.tiny import TinyProject

pytestmark = [pytest.mark.integration, pytest.mark.slow]

TRAINING = "model/tiny_training/__main__.py"


def ask(project: TinyProject, gate: str) -> None:
    """Ask this of the model's metrics: lines of ``[tool.trainwheel.gate]``."""
    text, _, _ = project.read("pyproject.toml").partition("\n[tool.trainwheel.gate]")
    project.write("pyproject.toml", f"{text}\n[tool.trainwheel.gate]\n{gate}\n")


def gate_cases(project: TinyProject) -> dict[str, str]:
    """Return name → outcome of the gate's cases in the JUnit file, beside pytest's."""
    root = ET.fromstring(project.read("build/test/junit.xml"))  # noqa: S314 - ours
    assert root.find("testsuite[@name='pytest']/testcase") is not None
    found = {}
    for case in root.iterfind("testsuite[@name='gate']/testcase"):
        child = case.find("*")
        is_told = child is not None and child.tag in {"failure", "skipped"}
        found[case.attrib["name"]] = child.tag if is_told and child is not None else "passed"
    return found


def test_a_model_that_does_not_pass_is_not_packaged(published_learner: TinyProject) -> None:
    ask(published_learner, "accuracy = { min = 0.99 }")
    published_learner.replace("model/tiny_model/classifier.py", "one record", "one single record")

    line = published_learner.nox("upload").error("refused")

    assert "accuracy is 0.8" in line
    assert "build/train/report.html" in line
    assert list(gate_cases(published_learner).values()) == ["failure"]
    assert "Failed." in published_learner.read("build/train/report.html")
    assert published_learner.published() == ["0.1.0"]


def test_the_published_model_is_asked_about_todays_rows(published_learner: TinyProject) -> None:
    ask(published_learner, "accuracy = { max-drop = 0.03 }")
    itself = published_learner.nox("evaluate")
    assert "this model is 0.1.0" in itself.line("  passed  accuracy")
    assert not (published_learner.root / ".nox/published").exists()
    published_learner.replace(TRAINING, '"border": 10}', '"border": 14.0}')

    worse = published_learner.nox("test")
    published_learner.replace(TRAINING, '"border": 14.0}', '"border": 10.1}')
    alike = published_learner.nox("test")

    line = worse.error("refused")
    assert "at most 0.03 below 0.8" in line
    assert "on the same 300 rows" in line
    assert alike.code == 0, alike.output
    assert "on the same 300 rows" in alike.line("  passed  accuracy")
    assert set(gate_cases(published_learner).values()) == {"passed"}
    assert "**passed**" in published_learner.read("build/train/metrics.md")
    judged = json.loads(published_learner.read("build/evaluate/evaluation.json"))
    difference = judged["compared"]["accuracy"]
    assert difference["rows"] == 300
    assert difference["lowest"] < difference["new"] - difference["old"] < difference["highest"]


def test_a_new_feature_does_not_end_the_comparison(published_learner: TinyProject) -> None:
    ask(published_learner, 'baseline = "required"\naccuracy = { max-drop = 0.03 }')
    published_learner.replace(TRAINING, '{"x": row}', '{"x": row, "région": None}')
    published_learner.replace(TRAINING, '"border": 10}', '"border": 10.1}')

    run = published_learner.nox("test")

    assert run.code == 0, run.output
    assert "0.1.0 is asked without région, which it does not know" in run.output
    assert "on the same 300 rows" in run.line("  passed  accuracy")
