"""The gate bites: in the real chain, against a real published wheel, and at the upload."""

from __future__ import annotations

import json
import sys
import xml.etree.ElementTree as ET

import pytest

from integration.learner import TRAINING, ask, move_border
from integration.tiny import RealIndex, TinyProject

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
    assert "The gate says: **passed**." in published_learner.read("build/train/metrics.md")
    assert "Passed." in published_learner.read("build/train/report.html")


@pytest.mark.parametrize(
    ("gate", "told"),
    [
        ("accuracy = { min = 0.99 }", "accuracy is 0.88"),
        ("cost = { max = 3 }", "cost is missing, wanted at most 3"),
    ],
)
def test_a_model_that_does_not_pass_is_not_packaged(
    published_learner: TinyProject, gate: str, told: str
) -> None:
    ask(published_learner, gate)
    published_learner.replace("model/tiny_model/classifier.py", "one record", "one single record")

    run = published_learner.nox("upload")

    line = run.error("refused")
    assert "the gate does not let this model pass: " in line
    assert told in line
    assert "see build/train/report.html" in line
    assert list(gate_cases(published_learner).values()) == ["failure"]
    assert "Failed." in published_learner.read("build/train/report.html")
    assert published_learner.published() == ["0.1.0"]
    # Nothing has changed, and it is refused again.
    assert "refused: " in published_learner.nox("package").output


CLASSIFIER = "model/tiny_model/classifier.py"
INVERTED = ('"big" if record["x"] > model["border"]', '"small" if record["x"] > model["border"]')


def test_an_entry_point_that_answers_otherwise_than_training_is_refused(
    published_learner: TinyProject,
) -> None:
    project = published_learner
    ask(project, "accuracy = { min = 0.7 }")
    project.replace(CLASSIFIER, *INVERTED)
    project.replace(CLASSIFIER, 'else "small"', 'else "big"')

    inverted = project.nox("upload")
    again = project.nox("test")

    line = inverted.error("refused")
    assert "what ships is not what was trained: of 300 held-out rows 300 are answered" in line
    assert "row 1: y_pred is '" in line
    assert len([text for text in inverted.output.splitlines() if "  row " in text]) == 5
    assert line.partition(" (took ")[0].partition("refused")[2] in again.error("refused")
    assert project.published() == ["0.1.0"]
    assert not (project.root / "build/train/report.html").exists()


def test_null_at_the_entry_point_and_nan_in_training_are_seen(
    published_learner: TinyProject,
) -> None:
    project = published_learner
    # To training NaN is not above the border; null is whatever the function makes of it.
    project.replace(TRAINING, "truth = np.where", "rows[9::30] = np.nan\ntruth = np.where")
    project.replace(TRAINING, "score = 1", "score = np.nan_to_num(1")
    project.replace(TRAINING, "(-(rows - BORDER) / 2))", "(-(rows - BORDER) / 2)))")
    project.replace(TRAINING, '{"x": x}, "truth"', '{"x": None if x != x else x}, "truth"')

    raised = project.nox("train")
    project.replace(CLASSIFIER, 'record["x"]', '(record["x"] or 50)')
    quiet = project.nox("train")

    assert "predict_record does not predict the held-out rows: TypeError: " in raised.error(
        "failed"
    )
    assert "'NoneType' and 'float' (row 10)" in raised.error("failed")
    assert "of 300 held-out rows 10 are answered otherwise, row 10: y_pred is 'small'" in (
        quiet.error("refused")
    )


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("zip(truth, said", "zip(['', *truth[1:]], said", "predictions.csv row 2: y_true is empty"),
        (
            "zip(truth, said, score",
            "zip(truth[:-1], said[:-1], score[:-1]",
            "holdout.jsonl has 300 rows and predictions.csv 299",
        ),
        (
            '"truth": label',
            '"truth": "big"',
            "truth is \"big\" in holdout.jsonl, y_true 'small' in predictions.csv",
        ),
        (
            '"accuracy": float',
            '"accuracy": 0.1 * float',
            "metrics.json says accuracy 0.088, but predictions.csv gives 0.88 (",
        ),
        (
            '"rows": 300',
            '"rows": 300, "accuracy_low": 0.09, "accuracy_high": 0.185',
            "metrics.json: accuracy is 0.88, outside its own interval 0.09 to 0.185; let",
        ),
    ],
)
def test_what_training_wrote_of_other_rows_is_one_line(
    published_learner: TinyProject, old: str, new: str, told: str
) -> None:
    published_learner.replace(TRAINING, old, new)

    assert told in published_learner.nox("train").error("failed")


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
    judged = json.loads(published_learner.read("build/evaluate/judged.json"))
    difference = judged["compared"]["accuracy"]
    assert difference["rows"] == 300
    assert difference["lowest"] < difference["new"] - difference["old"] < difference["highest"]


def test_without_held_out_rows_what_the_wheel_tells_is_compared(
    published_learner: TinyProject,
) -> None:
    ask(published_learner, "accuracy = { max-drop = 0.5 }")
    published_learner.write(
        TRAINING, f"{published_learner.read(TRAINING)}(report / 'holdout.jsonl').unlink()\n"
    )

    run = published_learner.nox("test")

    assert run.code == 0, run.output
    told = "0.1.0 was measured on rows of its own: training left no holdout.jsonl"
    assert told in run.line("  passed  accuracy")


def test_a_demanded_comparison_without_anything_published_is_refused(
    published_learner: TinyProject,
) -> None:
    ask(published_learner, 'baseline = "required"\naccuracy = { max-drop = 0.5 }')
    for wheel in published_learner.index.glob("*.whl"):
        wheel.unlink()

    run = published_learner.nox("test")

    assert "a published version to compare with is demanded, but nothing is" in run.error("refused")


def test_an_index_that_does_not_answer_fails_a_gate_that_compares_and_no_training(
    published_learner: TinyProject,
) -> None:
    text = published_learner.read("pyproject.toml")
    published_learner.write("pyproject.toml", text + INDEX.format(url="http://127.0.0.1:9/"))
    ask(published_learner, "accuracy = { max-drop = 0.5 }")
    opened = published_learner.with_variables(
        TRAINWHEEL_INDEX="team", TEAM_USER="ci", TEAM_PASSWORD="a-password"
    )
    published_learner.write(TRAINING, published_learner.read(TRAINING) + "\n")

    run = opened.nox("test")
    ask(published_learner, 'baseline = "required"\naccuracy = { max-drop = 0.5 }')
    demanded = opened.nox("evaluate")
    ask(published_learner, "accuracy = { min = 0.5 }")
    free = opened.nox("train")

    assert free.code == 0, free.output
    assert "the report stands alone" in free.line("notice: ")
    assert "index team does not answer: connection refused" in run.error("failed")
    assert run.line("notice: the gate compares with what is published")
    assert "the index cannot be read: index team does not answer" in demanded.error("refused")
    assert run.has_trained


def test_a_job_that_may_not_read_leaves_the_comparison_to_the_upload(
    published_learner: TinyProject, shut_nexus: RealIndex
) -> None:
    project = published_learner
    project.write(
        "pyproject.toml", project.read("pyproject.toml") + INDEX.format(url=shut_nexus.url)
    )
    access = {"TEAM_USER": shut_nexus.username, "TEAM_PASSWORD": shut_nexus.password}
    first = project.with_variables(TRAINWHEEL_INDEX="team", **access).nox("upload")
    assert first.code == 0, first.output
    ask(project, "accuracy = { max-drop = 0.03 }")
    move_border(project, 14.0)

    built = project.with_variables(TRAINWHEEL_INDEX="team", BUILD_NUMBER="7").nox("package")
    sent = project.run(
        *(sys.executable, "-m", "trainwheel", "upload", "--to", "team", str(project.wheel)),
        **access,
    )

    assert built.code == 0, built.output
    assert "the comparison is left to upload" in built.line("  deferred")
    assert sent.code == 3, sent.output
    assert "the gate does not let this model pass: accuracy is 0." in sent.output
    assert "0.1.0 was measured on rows of its own" in sent.output
    assert shut_nexus.published() == ["0.1.0"]
