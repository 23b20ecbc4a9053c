"""`nox -s train -- --check-repeatable`: what holds is measured, and the report says it."""

from __future__ import annotations

import pytest

from integration.tiny import TinyProject

pytestmark = pytest.mark.integration

TRAINING = "model/tiny_training/__main__.py"
REPORT = "build/train/report.html"


def test_a_training_that_does_not_repeat_fails_in_one_line(tiny: TinyProject) -> None:
    tiny.replace(TRAINING, "2.0", 'hash("a text") % 1000')

    run = tiny.nox("train", "--", "--check-repeatable")

    error = run.error("failed")
    assert "hash seed 1" in error
    assert "golden row 1" in error
    assert "repeats not at all" in tiny.read(REPORT)
