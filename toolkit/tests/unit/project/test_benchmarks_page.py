"""The page of figures, from made-up ones."""

from __future__ import annotations

from dataclasses import replace

import pytest
from benchmarks.page import ChainFigures, Growth, JobsFigures, bars, bars_of_jobs, render
from benchmarks.timing import Times

ONE, TWO, THREE = (Times((n, n + 4, n + 2), (n / 2,) * 3) for n in (1.0, 2.0, 3.0))
FIGURES = ChainFigures(
    *(ONE, TWO, TWO, THREE), *(TWO, THREE, ONE, THREE), again=THREE, once_more=ONE, listing=TWO,
    bytes_first=(50_000_000, 90_000_000), bytes_again=(1, 2), picture_bytes=30_000_000,
)  # fmt: skip
JOBS = JobsFigures(ONE, TWO, THREE, idle_one=ONE, idle_two=TWO, graph=25.5, loop=0.5)


def test_ratios_are_those_of_the_medians_with_install_and_upload_added() -> None:
    ratios = {name: round(bar.found, 2) for name, bar in bars(FIGURES).items()}
    assert ratios == {"fresh": 1.29, "edited": 0.75, "stale": 1.0, "again": 1.25, "once more": 0.75,
                      "bytes": 40}  # fmt: skip
    assert bars(replace(FIGURES, bytes_first=(50_000_000, 80_000_000)))["bytes"].holds


def test_four_jobs_may_be_slower_by_what_two_runs_by_two_differ_as_long_as_that_is_little() -> None:
    steady = Times((10.0, 10.2, 10.4), (1.0,) * 3)
    slower, far = (replace(steady, wall=tuple(n * by for n in steady.wall)) for by in (1.04, 1.2))
    for again, four, holding in (
        (slower, steady, {"four": True, "noise": True}),
        (steady, slower, {"four": False, "noise": True}),
        (far, steady, {"four": True, "noise": False}),
    ):
        limits = bars_of_jobs(replace(JOBS, two=steady, four=four, two_again=again))
        assert {name: limits[name].holds for name in holding} == holding
    assert bars_of_jobs(replace(JOBS, two=steady, two_again=slower))["four"].at_most == (
        pytest.approx(1.04)
    )


@pytest.mark.parametrize(("start", "cells"), [
    ("fresh", ["3.0 + 4.0 = 7.00 s (1.50)", "4.0 + 5.0 = 9.00 s (2.50)",
               "1.29 times the classic chain", "≤ 0.70: **missed by 0.59**"]),
    ("one edited", ["4.00 s (1.00)", "3.00 s (0.50)", "0.75 times the classic chain",
                    "≤ 0.80: holds"]),
    ("the same, `--jobs 4`", ["4.00 s (1.00)", "1.00 times two jobs", "≤ 1.67: holds"]),
    ("the same, `--jobs 2` |", ["4.00 s (1.00)", "1000 ms more", ""]),
    ("the same, by the graph", ["25.50 ms", "25.00 ms more", "≤ 20.00: **missed by 5.00**"]),
    ("again", ["", "5.00 s (1.50)", "1.25 times nox -l", "≤ 1.25: holds"]),
    ("downloaded, ", ["50.0 MB", "90.0 MB", "40.00 MB more", "≤ 30.00: **missed by 10.00**"]),
    ("10 |", ["3.00 s (0.50)", "4.00 s (1.00)"]),
])  # fmt: skip
def test_a_row_has_medians_processor_seconds_and_whether_its_bar_holds(
    start: str, cells: list[str]
) -> None:
    growth = Growth("Tests", "About.", ("tests", "a", "b"), {"10": (ONE, TWO)})
    lines = render(("today",), FIGURES, JOBS, [growth]).splitlines()
    (row,) = [line for line in lines if line.startswith(f"| {start}")]
    assert [cell.strip() for cell in row.split("|")[2:-1]] == cells
