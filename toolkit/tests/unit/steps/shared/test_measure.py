"""The model is measured, held to what training said, and drawn where that can be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from trainwheel.errors import RefusedError, StepFailedError
from trainwheel.guest import DRAW, MEASURING
from unit.recording_tools import Call
from unit.repository import make_repository, write
from unit.steps.opened import configure, fail, fill_environment, lock_more, open_with
from unit.steps.shared.measured import MEASURED, hold_out, host, make_measured, measure, request


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small model repository, whose model answers with the record that it is given."""
    return make_measured(tmp_path / "small")


def test_the_measuring_host_gets_the_predictions_and_what_is_asked(root: Path) -> None:
    configure(root, "gate.f1.min = 0.1", "gate.accuracy.min = 0.1", 'gate.positive = "b"')
    write(root, "build/train/metrics.json",
          '{"accuracy": 0.9, "accuracy_low": 0.8, "accuracy_high": 1.0}')  # fmt: skip
    hold_out(root)
    opened = open_with(root, host())

    document = measure(opened)

    (call,) = opened.calls
    assert call.step == "evaluate"
    assert call.argv[:4] == (str(root / ".nox/train/bin/python"), "-P", "-m", MEASURING.name)
    assert call.env["PYTHONPATH"] == str(MEASURING.parent)
    assert call.env["VIRTUAL_ENV"]
    assert not call.secrets
    asked = request(call)
    assert asked["predictions"] == str(root / "build/train/predictions.csv")
    assert set(asked["names"]) == {"accuracy", "f1"}
    assert asked["claims"] == {"accuracy": 0.9}
    assert asked["positive"] == "b"
    assert document["measured"] == MEASURED


def test_without_predictions_or_numpy_nothing_is_measured(root: Path) -> None:
    opened = open_with(root, host())
    assert measure(opened)["measured"] == {}
    assert opened.calls == []

    other = make_repository(root.with_name("other"))
    write(other, "build/train/predictions.csv", "y_true,y_pred\na,a\n")
    opened = open_with(other, host())
    assert measure(opened)["measured"] == {}
    assert "numpy is not locked" in opened.said


def test_predictions_that_cannot_be_measured_are_the_failure_of_training(root: Path) -> None:
    hold_out(root)

    with pytest.raises(StepFailedError, match="no column y_pred"):
        measure(open_with(root, fail("no column y_pred")))


def test_a_metric_outside_its_own_interval_is_refused(root: Path) -> None:
    write(root, "build/train/metrics.json", '{"f1": 0.5, "f1_low": 0.6, "f1_high": 0.7}')

    with pytest.raises(StepFailedError, match="f1"):
        measure(open_with(root, host()))


def test_what_ships_is_held_to_what_training_said(root: Path) -> None:
    hold_out(root, predicted="aa", answered="ab")

    with pytest.raises(RefusedError, match="row 2"):
        measure(open_with(root, host()))


@pytest.mark.parametrize(
    ("gate", "gone", "told"),
    [
        ((), (), ""),
        ((), ("holdout.jsonl", "predictions.csv"), ""),
        ((), ("predictions.csv",), "predictions.csv"),
        (("gate.accuracy.min = 0.1",), ("holdout.jsonl",), "holdout.jsonl"),
        (("gate.accuracy.min = 0.1",), ("predictions.csv",), "predictions.csv"),
        (("gate.accuracy.min = 0.1",), ("holdout.jsonl", "predictions.csv"), "holdout.jsonl"),
    ],
)
def test_rows_that_nobody_compares_are_told(
    root: Path, gate: tuple[str, ...], gone: tuple[str, ...], told: str
) -> None:
    configure(root, *gate)
    hold_out(root)
    for name in gone:
        (root / "build/train" / name).unlink()
    opened = open_with(root, host())

    measure(opened)

    notices = [line for line in opened.said.splitlines() if "wrote no" in line]
    assert len(notices) == bool(told)
    assert told in opened.said


def test_pictures_are_drawn_where_their_packages_are_locked(root: Path) -> None:
    lock_more(root, "report", "matplotlib")
    hold_out(root)
    opened = open_with(root, host([[1, 2]]))
    locked = opened.run.workspace.locked("packages", "report")
    python = fill_environment(root / ".nox" / "report", locked)

    document = measure(opened)

    call = opened.calls[-1]
    assert call.argv[:3] == (str(python), "-P", str(DRAW))
    assert json.loads(Path(call.argv[3]).read_bytes())["sample"] == [[1, 2]]
    assert call.argv[4] == str(root / "scratch" / "evaluate")
    assert call.env["PYTHONHASHSEED"] == "0"
    # Rows stay out of what is kept.
    assert "sample" not in document["measured"]


def test_without_them_the_report_has_none_and_that_is_told(root: Path) -> None:
    hold_out(root)
    opened = open_with(root, host([[1, 2]]))

    assert "sample" not in measure(opened)["measured"]
    assert "matplotlib" in opened.said
    assert len(opened.calls) == 1


def test_pictures_that_cannot_be_drawn_are_a_failure(root: Path) -> None:
    lock_more(root, "report", "matplotlib")
    hold_out(root)

    def answer(call: Call) -> str:
        return fail("no font")(call) if str(DRAW) in call.argv else host([[1, 2]])(call)

    opened = open_with(root, answer)
    fill_environment(root / ".nox/report", opened.run.workspace.locked("packages", "report"))
    with pytest.raises(StepFailedError, match="no font"):
        measure(opened)
