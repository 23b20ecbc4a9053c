"""`nox -s train -- --check-repeatable`: what holds is measured, and the report says it."""

from __future__ import annotations

import pytest

from integration.tiny import Run, TinyProject

pytestmark = pytest.mark.integration

TRAINING = "model/tiny_training/__main__.py"
DUMP = 'joblib.dump({"factor": 2.0, "border": 10}, model)'
REPORT = "build/train/report.html"
RECORD = "build/train/repeatability.json"


def check(tiny: TinyProject) -> Run:
    return tiny.nox("train", "--", "--check-repeatable")


def test_a_training_that_repeats_byte_for_byte_is_told_so(tiny: TinyProject) -> None:
    run = check(tiny)

    assert run.code == 0, run.output
    told = "repeats byte for byte: 2 more trainings, hash seeds 1, 2, local"
    assert told in run.line("repeat   repeats")
    assert "no cluster is configured" in run.output
    assert told in tiny.read(REPORT)
    # It is no output of training, and asks for none.
    assert tiny.nox("train").line("train ") == "train    unchanged"
    assert told in tiny.read(REPORT)


def test_a_training_that_does_not_repeat_fails_in_one_line(tiny: TinyProject) -> None:
    tiny.replace(TRAINING, "2.0", 'hash("a text") % 1000')

    run = check(tiny)

    error = run.error("failed")
    assert "training does not repeat: hash seed 1, local: golden row 1: value was" in error
    assert "give every random choice a seed" in error
    assert "repeats not at all" in tiny.read(REPORT)
