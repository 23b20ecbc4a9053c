"""Sizes in bytes, as people write and read them; decimal, like those of disks."""

from __future__ import annotations

import re
from decimal import Decimal

__all__ = ["describe_size", "parse_size"]

_UNITS = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_FACTORS = {unit.upper(): factor for unit, factor in _UNITS.items()}
_WHOLE = frozenset({"B", "kB"})
"""Units of which nobody wants to know a tenth."""
_FROM_NEXT_UNIT = 1000
_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,15})?) ?([A-Za-z]*)", re.ASCII)


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
    for unit, factor in _UNITS.items():
        number = f"{size / factor:.{0 if unit in _WHOLE else 1}f}"
        text = f"{number} {unit}"
        if float(number) < _FROM_NEXT_UNIT:
            break
    return text
