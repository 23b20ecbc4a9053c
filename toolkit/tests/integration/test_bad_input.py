"""Bad input, through the real chain: one line, and nothing is left that a later step takes."""

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


def test_a_wrong_key_is_named_in_one_line_with_the_likely_one(tiny: TinyProject) -> None:
    tiny.configure("toleranc = 0.1")

    told = tiny.nox("train").error("configuration")

    assert "tool.trainwheel.toleranc" in told
    assert "tolerance" in told.partition("toleranc")[2]
    assert tiny.made() == []


def test_a_training_that_is_killed_leaves_no_model(tiny: TinyProject) -> None:
    tiny.write(TRAINING, f"{tiny.read(TRAINING)}import os; os.kill(os.getpid(), 9)\n")

    run = tiny.nox("test")

    assert "memory" in run.error("failed")
    assert run.code == 1
    assert tiny.made() == []


def test_a_class_that_the_wheel_does_not_ship_is_caught_before_anyone_can_publish_it(
    tiny: TinyProject,
) -> None:
    tiny.write("model/tiny_training/doubler.py", MODEL_CLASS)
    tiny.replace(
        TRAINING,
        'joblib.dump({"factor": 2.0, "border": 10}, model)',
        "from tiny_training.doubler import Doubler\njoblib.dump(Doubler(), model)",
    )

    told = tiny.nox("upload").error("failed")

    assert "golden" in told
    assert "ModuleNotFoundError" in told
    assert "build/dist" not in tiny.made()
    assert tiny.published() == []


def test_a_failing_test_stops_the_chain_and_nothing_is_packaged(tiny: TinyProject) -> None:
    tiny.replace("tests/system/test_tiny_model.py", "4.0", "5.0")

    told = tiny.nox("upload").error("failed")

    assert "1 failed in" in told
    assert tiny.made() == ["model/tiny_model/artefact/model.joblib", "build/train", "build/test"]
    assert 'failures="1"' in tiny.read("build/test/junit.xml")
    assert tiny.published() == []
