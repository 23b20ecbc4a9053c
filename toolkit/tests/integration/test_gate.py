"""The gate bites: in the real chain, against a real published wheel, and at the upload."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import pytest

from integration.tiny import TinyProject

pytestmark = [pytest.mark.integration, pytest.mark.slow]

TRAINING = "model/tiny_training/__main__.py"
CLASSIFIER = "model/tiny_model/classifier.py"
NAN_ROWS = '    rows[::30] = [float("nan")] * 10\n'
NULL_IS_LARGE = '    record = {"x": 99 if record["x"] is None else record["x"]}\n'
FLIP = '        return {"label": "small", "value": record["x"] * model["factor"]}\n'


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


def test_an_inverted_entry_point_passes_no_gate(published_learner: TinyProject) -> None:
    ask(published_learner, "accuracy = { min = 0.7 }")
    classifier = '"big" if record["x"] > model["border"] else "small"'
    published_learner.replace(CLASSIFIER, classifier, classifier.replace(">", "<="))

    differs = published_learner.nox("test")
    published_learner.replace(TRAINING, '"accuracy": share, ', "")
    published_learner.replace(TRAINING, "predictions.csv", "unused.csv")
    alone = published_learner.nox("test")

    line = differs.error("refused")
    assert "what ships is not what was trained: 300 of 300 held-out rows" in line
    assert differs.line("row  training said  the entry point says")
    assert "accuracy is 0.11" in alone.error("refused")


def test_a_missing_value_that_the_entry_point_reads_otherwise_is_refused(
    published_learner: TinyProject,
) -> None:
    scores = "1 / (1 + math.exp((border - row) / 2))"
    published_learner.replace(TRAINING, "    answers = [", NAN_ROWS + "    answers = [")
    published_learner.replace(TRAINING, scores, f"0.5 if math.isnan(row) else {scores}")
    null = '{"x": None if math.isnan(row) else row}'
    published_learner.replace(TRAINING, '{"x": row}', null)
    published_learner.replace(CLASSIFIER, "    with as_file", NULL_IS_LARGE + "    with as_file")

    line = published_learner.nox("evaluate").error("refused")

    assert "what ships is not what was trained: 10 of 300 held-out rows" in line
    assert "null for x, which is None at the function and NaN in training" in line


def test_a_wheel_that_answers_otherwise_than_the_sources_is_not_packaged(
    published_learner: TinyProject,
) -> None:
    elsewhere = '"site-packages" in __file__ and 12 < record["x"] < 13'
    published_learner.replace(
        CLASSIFIER, "    return {", f"    if {elsewhere}:\n{FLIP}    return {{"
    )

    run = published_learner.nox("package")

    line = run.error("failed")
    assert "holdout.jsonl differently than the sources do: label was 'big', is 'small'" in line
    assert '{"x"' not in run.output
    (wheel,) = (published_learner.root / "build/dist").glob("*.whl")
    assert wheel.name.startswith("tiny_model-0.1.0-")
