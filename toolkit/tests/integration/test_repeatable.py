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


def test_what_is_known_of_an_earlier_model_is_not_told_of_another(tiny: TinyProject) -> None:
    assert check(tiny).code == 0
    known = tiny.read(RECORD)
    tiny.replace(TRAINING, "2.0", "3.0")
    assert tiny.nox("train").code == 0

    assert not (tiny.root / RECORD).exists()
    tiny.write(RECORD, known)
    assert tiny.nox("report").code == 0
    assert "more trainings" not in tiny.read(REPORT)


def test_a_model_with_other_bytes_may_predict_the_same(tiny: TinyProject) -> None:
    tiny.replace(TRAINING, DUMP, DUMP.replace("10}", '10, "note": hash("a text")}'))

    run = check(tiny)

    assert run.code == 0, run.output
    assert "hash seed 1, local: same predictions" in run.output
    assert "repeats in its predictions, not in its bytes" in tiny.read(REPORT)


def test_a_training_that_does_not_repeat_fails_in_one_line(tiny: TinyProject) -> None:
    tiny.replace(TRAINING, "2.0", 'hash("a text") % 1000')

    run = check(tiny)

    error = run.error("failed")
    assert "training does not repeat: hash seed 1, local: golden row 1: value was" in error
    assert "give every random choice a seed" in error
    assert "repeats not at all" in tiny.read(REPORT)


def test_a_check_does_not_take_what_an_unfinished_run_left(tiny: TinyProject) -> None:
    lines = (
        "import os\n"
        'notes = Path(os.environ["TRAINWHEEL_CHECKPOINTS"], "notes")\n'
        'assert not notes.exists(), "this run was to begin anew"\n'
        'notes.write_text("unfinished")\n'
    )
    tiny.replace(TRAINING, "model, report =", f"{lines}model, report =")

    run = check(tiny)

    assert run.code == 0, run.output
    assert not (tiny.root / ".trainwheel/checkpoints").exists()
