"""Durations and sizes are read as people write them; tables stand in columns."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainwheel.settings.values import parse_duration, parse_size
from trainwheel.system.text import columns, describe_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("0 GB", 0),
        ("12 B", 12),
        ("3 kB", 3_000),
        ("500 MB", 500_000_000),
        ("2 GB", 2_000_000_000),
        ("5 TB", 5_000_000_000_000),
        ("1.5GB", 1_500_000_000),
        ("0.1 GB", 100_000_000),
        (" 7 gb ", 7_000_000_000),
        ("7 KB", 7_000),
    ],
)
def test_a_size_is_a_number_and_a_decimal_unit(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text",
    ["", " ", "5", "5.0", "GB", "-1 GB", "+1 GB", "5 GiB", "5 G", "five GB", "5 GB or so",
     "1,5 GB", "1e3 MB", "1. GB", ".5 GB", "5  GB", "5\nGB", "\u0665 GB", "nan GB", "True",
     "9" * 5000 + " GB"],
)  # fmt: skip
def test_what_is_no_size_is_refused_with_what_is_wanted(text: str) -> None:
    with pytest.raises(ValueError, match=r'such as "5 GB" or "500 MB", or "0"$'):
        parse_size(text)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1_000, "1 kB"),
        (999_499, "999 kB"),
        (999_999, "1.0 MB"),
        (1_260_000, "1.3 MB"),
        (999_999_999, "1.0 GB"),
        (1_500_000_000, "1.5 GB"),
        (2_000_000_000_000, "2.0 TB"),
        (5_000_000_000_000_000, "5000.0 TB"),
    ],
)
def test_a_size_is_told_in_the_unit_that_keeps_it_short(size: int, text: str) -> None:
    assert describe_size(size) == text


@given(st.integers(0, 10**15))
def test_a_size_that_was_told_may_be_written_again(size: int) -> None:
    told = describe_size(size)

    assert describe_size(parse_size(told)) == told


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("15 s", 15), ("90 min", 5_400), ("24h", 86_400), (" 1.5 h ", 5_400), ("3 d", 259_200)],
)
def test_a_duration_is_a_number_and_a_unit(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", "5", "h", "-1 h", "0 s", "0.0 h", "5 hours", "1 h 30 min", "nan h", "1e3 s"],
)
def test_what_is_no_duration_is_refused_with_what_is_wanted(text: str) -> None:
    with pytest.raises(ValueError, match=r'such as "90 min", "24 h" or "3 d"$'):
        parse_duration(text)


def test_cells_stand_below_each_other_with_nothing_behind_the_last() -> None:
    rows = [("step", "state", ""), ("evaluate", "", "7.1 s"), ("é", "up to date", "")]

    assert list(columns(rows)) == [
        "step      state",
        "evaluate              7.1 s",
        "é         up to date",
    ]


def test_a_table_without_rows_has_no_lines() -> None:
    assert list(columns([])) == []
