"""What ``trainwheel status`` and ``trainwheel why`` print."""

from __future__ import annotations

import pytest

from trainwheel.cli.main import main
from trainwheel.cli.status import render_table
from trainwheel.engine.fingerprint import Reason
from trainwheel.engine.status import StepStatus
from trainwheel.steps import load_chain

AT_NOON = 1_764_072_000.0


def test_the_table_has_a_line_for_each_step() -> None:
    reasons = (Reason("a.csv", None, "1"), Reason("b.csv", "1", "2"))
    steps = [
        StepStatus("train", "stale", AT_NOON - 86_400 * 40, 12.34, reasons),
        StepStatus("test", "waits", AT_NOON, 0.5, (), "train"),
        StepStatus("package", "not run"),
    ]

    lines = list(render_table(steps, now=AT_NOON))

    assert lines[0].split() == ["step", "state", "since", "took"]
    assert "stale: a.csv is new and 1 more" in lines[1]
    assert lines[1].endswith("12.3 s")
    assert "waits for train" in lines[2]
    assert lines[3] == "package  not run"


def test_a_clock_that_was_set_back_breaks_no_table() -> None:
    lines = list(render_table([StepStatus("train", "up to date", AT_NOON, 1.0)], now=0.0))

    assert "2025-" in lines[1]


def test_why_offers_every_step(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["why", "--help"])

    assert not ended.value.code
    assert ", ".join(step.name for step in load_chain().steps) in " ".join(
        capsys.readouterr().out.split()
    )
