"""Durations as people write them."""

from __future__ import annotations

import re

__all__ = ["parse_duration"]

_UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,9})?) ?(s|min|h|d)", re.ASCII)


def parse_duration(text: str) -> float:
    """Return how many seconds a text such as ``90 min`` or ``24h`` says.

    Raises:
        ValueError: It is no duration, or none at all; the message says what is wanted.
    """
    match = _DURATION.fullmatch(text.strip())
    seconds = float(match[1]) * _UNITS[match[2]] if match is not None else 0.0
    if not seconds:
        message = 'a duration with its unit, such as "90 min", "24 h" or "3 d"'
        raise ValueError(message)
    return seconds
