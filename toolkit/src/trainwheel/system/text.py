"""Durations, sizes, names and tables, as people write and read them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal

__all__ = ["columns", "describe_size", "parse_duration", "parse_size", "shown"]

_TIMES = {"s": 1, "min": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,9})?) ?(s|min|h|d)", re.ASCII)

_BYTES = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
"""Decimal, like those of disks."""
_FACTORS = {unit.upper(): factor for unit, factor in _BYTES.items()}
_WHOLE = frozenset({"B", "kB"})
"""Units of which nobody wants to know a tenth."""
_FROM_NEXT_UNIT = 1000
_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,15})?) ?([A-Za-z]*)", re.ASCII)


def parse_duration(text: str) -> float:
    """Return how many seconds a text such as ``90 min`` or ``24h`` says.

    Raises:
        ValueError: It is no duration, or none at all; the message says what is wanted.
    """
    match = _DURATION.fullmatch(text.strip())
    seconds = float(match[1]) * _TIMES[match[2]] if match is not None else 0.0
    if not seconds:
        message = 'a duration with its unit, such as "90 min", "24 h" or "3 d"'
        raise ValueError(message)
    return seconds


def parse_size(text: str) -> int:
    """Return how many bytes a text such as ``5 GB`` or ``1.5MB`` says; 0 needs no unit.

    Raises:
        ValueError: It is no size; the message says what is wanted.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is not None:
        number, unit = Decimal(match[1]), match[2].upper()
        if unit in _FACTORS:
            return int(number * _FACTORS[unit])
        if not unit and not number:
            return 0
    message = 'a size with its unit, such as "5 GB" or "500 MB", or "0"'
    raise ValueError(message)


def describe_size(size: int) -> str:
    """Return bytes for a person: ``1.5 GB``."""
    text = ""
    for unit, factor in _BYTES.items():
        number = f"{size / factor:.{0 if unit in _WHOLE else 1}f}"
        text = f"{number} {unit}"
        if float(number) < _FROM_NEXT_UNIT:
            break
    return text


def columns(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield a line for each row, its cells below those of the row before, two blanks apart.

    Args:
        rows: Of equally many cells each.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(map(str.ljust, row, widths)).rstrip()


def shown(name: str) -> str:
    """Return a file's name for one line of text: what cannot be printed is escaped."""
    return name if name.isprintable() else name.encode("unicode_escape").decode("ascii")
