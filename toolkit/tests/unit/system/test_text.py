"""Sizes are told as people write them; tables stand in columns."""

from __future__ import annotations

import re

import pytest

from trainwheel.system.text import columns, describe_size, moment


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"), (999, "999 B"), (1_000, "1 kB"), (999_499, "999 kB"), (999_999, "1.0 MB"),
        (1_260_000, "1.3 MB"), (999_999_999, "1.0 GB"), (1_500_000_000, "1.5 GB"),
        (2_000_000_000_000, "2.0 TB"), (5_000_000_000_000_000, "5000.0 TB"),
    ],
)  # fmt: skip
def test_a_size_is_told_in_the_unit_that_keeps_it_short(size: int, text: str) -> None:
    assert describe_size(size) == text


@pytest.mark.parametrize(("ago", "pattern"), [
    (0, r"\d\d:\d\d:\d\d"), (-86_400, r"\d{4}-\d\d-\d\d \d\d:\d\d"),
    (2 * 86_400, r"\d{4}-\d\d-\d\d \d\d:\d\d"),
    (float("inf"), "an unknown time"), (float("nan"), "an unknown time"),
    (1e300, "an unknown time"),
])  # fmt: skip
def test_a_time_of_today_is_its_hour_and_any_other_a_date(ago: float, pattern: str) -> None:
    now = 1_764_072_000.0

    assert re.fullmatch(pattern, moment(now - ago, now))


def test_cells_stand_below_each_other_with_nothing_behind_the_last() -> None:
    rows = [("step", "state", ""), ("evaluate", "", "7.1 s"), ("é", "up to date", "")]

    assert list(columns(rows)) == [
        "step      state",
        "evaluate              7.1 s",
        "é         up to date",
    ]
    assert list(columns([])) == []
