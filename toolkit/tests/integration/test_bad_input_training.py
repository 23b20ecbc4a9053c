"""A training or a model that goes wrong leaves nothing that a later step would take."""

from __future__ import annotations

import pytest

from integration.tiny import TinyProject

pytestmark = pytest.mark.integration

TRAINING = "model/tiny_training/__main__.py"
MODEL_CLASS = """\
class Doubler:
    def __getitem__(self, name):
        return {"factor": 2.0, "border": 10}[name]
"""


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("sys.exit(3)", "training ended with exit code 3; its whole output is in build/log/"),
        (
            "sys.exit('no rows to learn from')",
            "training ended with exit code 1: no rows to learn from; its whole output is in",
        ),
        (
            "raise ValueError('no rows')",
            "training ended with exit code 1: ValueError: no rows; its whole output is in",
        ),
        ("model.unlink()", "training succeeded but wrote no model; it must write the file"),
        ("model.write_bytes(b'')", "training succeeded but wrote no model; it must write the"),
        (
            "(report / 'golden.jsonl').write_text('3')",
            "golden.jsonl line 1 is not a JSON object; let training write one object a line",
        ),
        (
            "(report / 'metrics.json').write_text('[]')",
            "metrics.json is not a JSON object of name → number",
        ),
        (
            "import os; os.kill(os.getpid(), 9)",
            "training was killed, as the system does when memory runs out; its whole output is in",
        ),
        (
            "(report / 'metrics.json').write_text('{\"accuracy\": NaN}')",
            "metrics.json: accuracy is nan, which is not a finite number",
        ),
        (
            "(report / 'metrics.json').write_text('{\"accuracy\": \"good\"}')",
            "metrics.json: accuracy is 'good', which is not a finite number",
        ),
        ("joblib.dump({}, model)", "predict_record does not predict the golden records: KeyError"),
    ],
)
def test_a_training_that_fails_leaves_no_model(tiny: TinyProject, line: str, told: str) -> None:
    tiny.write(TRAINING, f"{tiny.read(TRAINING)}{line}\n")

    run = tiny.nox("test")

    lines = [found for found in run.output.splitlines() if "failed: " in found]
    assert len(lines) == 1, run.output
    assert told in lines[0]
    assert run.code == 1
    assert tiny.made() == []


@pytest.mark.parametrize(
    ("golden", "problem"),
    [
        pytest.param(
            "",
            "predict_record does not predict the golden records: ModuleNotFoundError",
            id="by golden predictions",
        ),
        pytest.param(
            "(report / 'golden.jsonl').unlink()\n",
            "the wheel does not pass the system tests",
            id="by system tests",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_class_that_the_wheel_does_not_ship_is_caught_before_anyone_can_publish_it(
    tiny: TinyProject, golden: str, problem: str
) -> None:
    tiny.write("model/tiny_training/doubler.py", MODEL_CLASS)
    tiny.replace(
        TRAINING,
        'joblib.dump({"factor": 2.0, "border": 10}, model)',
        "from tiny_training.doubler import Doubler\njoblib.dump(Doubler(), model)",
    )
    tiny.write(TRAINING, tiny.read(TRAINING) + golden)

    told = tiny.nox("upload").error("failed")

    assert problem in told
    assert "build/dist" not in tiny.made()
    assert tiny.published() == []
    assert "no wheel has been packaged here" in tiny.nox("verify").error("failed")


def test_a_failing_test_stops_the_chain_and_nothing_is_packaged(tiny: TinyProject) -> None:
    tiny.replace("tests/system/test_tiny_model.py", "4.0", "5.0")

    told = tiny.nox("upload").error("failed")

    assert "the tests ended with exit code 1: 1 failed in" in told
    kept = ["model/tiny_model/artefact/model.joblib", "build/train", "build/test"]
    assert tiny.made() == kept
    assert 'failures="1"' in tiny.read("build/test/junit.xml")
    assert tiny.published() == []
    assert "1 failed in" in tiny.nox("upload").error("failed")
