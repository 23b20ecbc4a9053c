"""What repeats is told from what several trainings made."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from trainwheel.evaluation.repeatability import (
    Repeat,
    Repeatability,
    compare_predictions,
    parse_repeatability,
)

SEEDS = "trainings, hash seeds"
ONE, TWO = "1" * 64, "2" * 64


@pytest.mark.parametrize(
    ("repeats", "holds", "told"),
    [
        ((Repeat("local", "1", ONE), Repeat("local", "2", ONE)), "bytes",
         f"repeats byte for byte: 2 more {SEEDS} 1, 2, local"),
        ((Repeat("local", "1", ONE), Repeat("dask", "0", TWO)), "predictions",
         f"repeats in its predictions, not in its bytes: 2 more {SEEDS} 1, 0, local and dask"),
        ((Repeat("local", "1", ONE), Repeat("local", "2", TWO, "golden row 1")), "",
         f"repeats not at all: 2 more {SEEDS} 1, 2, local"),
    ],
)  # fmt: skip
def test_the_weakest_repeat_counts(repeats: Sequence[Repeat], holds: str, told: str) -> None:
    found = Repeatability(ONE, repeats)

    assert found.holds == holds
    assert found.told == told


def test_what_is_written_is_read_again() -> None:
    found = Repeatability(ONE, (Repeat("local", "1", TWO, "row 3"),))

    assert parse_repeatability(json.loads(json.dumps(found.as_json()))) == found


@pytest.mark.parametrize("document", [{}, {"schema": 2, "holds": "bytes"}])
def test_what_another_version_wrote_is_not_read(document: dict[str, object]) -> None:
    assert parse_repeatability(document) is None


ROWS = ["y_true,y_pred,score_a\n", "a,a,0.25\n", "b,a,0.75\n"]


@pytest.mark.parametrize(("new", "difference"), [
    (ROWS, ""), ([ROWS[0], "a,a,0.2500000000001\n", ROWS[2]], ""),
    ([ROWS[0], "a,a,0.2501\n", ROWS[2]], "predictions.csv line 2: was 0.25, is 0.2501"),
    ([ROWS[0], ROWS[1], "b,b,0.75\n"], "predictions.csv line 3: was a, is b"),
    (ROWS[:2], "predictions.csv has another shape from line 3 on"),
    ([*ROWS, ROWS[1]], "predictions.csv has another shape from line 4 on"),
    (["y_true,y_pred\n", *ROWS[1:]], "predictions.csv has another shape from line 1 on"),
])  # fmt: skip
def test_predictions_are_compared_cell_by_cell(new: list[str], difference: str) -> None:
    assert compare_predictions(ROWS, new, 1e-9) == difference
