"""A duration is read as people write it."""

from __future__ import annotations

import pytest

from trainwheel.system.text import parse_duration


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
