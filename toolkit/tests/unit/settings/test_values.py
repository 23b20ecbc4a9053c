"""Sizes and durations are read as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainwheel.settings.values import a_duration, a_size
from trainwheel.system.text import describe_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0), ("0 GB", 0), ("12 B", 12), ("3 kB", 3_000), ("500 MB", 500_000_000),
        ("2 GB", 2_000_000_000), ("5 TB", 5_000_000_000_000), ("1.5GB", 1_500_000_000),
        ("0.1 GB", 100_000_000), (" 7 gb ", 7_000_000_000), ("7 KB", 7_000),
    ],
)  # fmt: skip
def test_a_size_is_a_number_and_a_decimal_unit(text: str, size: int) -> None:
    assert a_size(text) == size


@pytest.mark.parametrize(
    "text",
    ["", " ", "5", "5.0", "GB", "-1 GB", "+1 GB", "5 GiB", "5 G", "five GB", "5 GB or so",
     "1,5 GB", "1e3 MB", "1. GB", ".5 GB", "5  GB", "5\nGB", "\u0665 GB", "nan GB", "True",
     "9" * 5000 + " GB"],
)  # fmt: skip
def test_what_is_not_a_size_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r'such as "5 GB" or "500 MB", or "0"$'):
        a_size(text)


@given(st.integers(0, 10**15))
def test_a_size_that_was_told_may_be_written_again(size: int) -> None:
    told = describe_size(size)

    assert describe_size(a_size(told)) == told


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("15 s", 15), ("90 min", 5_400), ("24h", 86_400), (" 1.5 h ", 5_400), ("3 d", 259_200)],
)
def test_a_duration_is_a_number_and_a_unit(text: str, seconds: float) -> None:
    assert a_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "5", "h", "-1 h", "0 s", "0.0 h", "5 hours", "1 h 30 min", "nan h", "1e3 s"]
)
def test_what_is_not_a_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r'such as "90 min", "24 h" or "3 d"$'):
        a_duration(text)
