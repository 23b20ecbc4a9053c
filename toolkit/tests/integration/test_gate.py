"""The gate bites: in the real chain, against a real published wheel, and at the upload."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import pytest

from integration.learner import ask, move_border
from integration.tiny import TinyProject

pytestmark = [pytest.mark.integration, pytest.mark.slow]

INDEX = """
[tool.trainwheel.index.team]
url = "{url}"
username-env = "TEAM_USER"
password-env = "TEAM_PASSWORD"
"""


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


def test_a_model_that_passes_is_packaged_and_the_verdict_is_told_everywhere(
    published_learner: TinyProject,
) -> None:
    ask(published_learner, "accuracy = { min = 0.7 }")

    run = published_learner.nox("package")

    assert run.code == 0, run.output
    assert run.line("gate ").split() == ["gate", "passed"]
    assert "0.88  at least 0.7" in run.line("  passed  accuracy")
    assert gate_cases(published_learner) == {"accuracy at least 0.7": "passed"}
    assert "Gate: **passed**." in published_learner.read("build/train/metrics.md")
    assert "Passed." in published_learner.read("build/train/report.html")


@pytest.mark.parametrize(
    ("gate", "told"),
    [
        ("accuracy = { min = 0.99 }", "accuracy is 0.88"),
        ("cost = { max = 3 }", "cost is missing, expected at most 3"),
    ],
)
def test_a_model_that_does_not_pass_is_not_packaged(
    published_learner: TinyProject, gate: str, told: str
) -> None:
    ask(published_learner, gate)
    published_learner.replace("model/tiny_model/classifier.py", "one record", "one single record")

    run = published_learner.nox("upload")

    line = run.error("refused")
    assert "the model does not pass the gate: " in line
    assert told in line
    assert "see build/train/report.html" in line
    assert list(gate_cases(published_learner).values()) == ["failure"]
    assert "Failed." in published_learner.read("build/train/report.html")
    assert published_learner.published() == ["0.1.0"]
    # Nothing has changed, and it is refused again.
    assert "refused: " in published_learner.nox("package").output


CLASSIFIER = "model/tiny_model/classifier.py"
INVERTED = ('"big" if record["x"] > model["border"]', '"small" if record["x"] > model["border"]')


def test_the_published_model_is_asked_about_todays_rows(published_learner: TinyProject) -> None:
    ask(published_learner, "accuracy = { max-drop = 0.03 }")
    move_border(published_learner, 14.0)

    worse = published_learner.nox("test")
    move_border(published_learner, 10.1)
    alike = published_learner.nox("test")

    line = worse.error("refused")
    assert "at most 0.03 below 0.88 of 0.1.0" in line
    assert "on the same 300 rows the change is -0." in line
    assert alike.code == 0, alike.output
    assert "on the same 300 rows the change is" in alike.line("  passed  accuracy")
    results = json.loads(published_learner.read("build/evaluate/evaluation.json"))
    difference = results["compared"]["accuracy"]
    assert difference["rows"] == 300
    assert difference["lowest"] < difference["new"] - difference["old"] < difference["highest"]
