"""Sizes, times, names and tables, as people read them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

__all__ = ["columns", "describe_size", "moment", "shown"]

_BYTES = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
"""Decimal, like those of disks."""
_WHOLE = frozenset({"B", "kB"})
"""Units of which nobody wants to know a tenth."""
_FROM_NEXT_UNIT = 1000


def describe_size(size: int) -> str:
    """Return bytes for a person: ``1.5 GB``."""
    text = ""
    for unit, factor in _BYTES.items():
        number = f"{size / factor:.{0 if unit in _WHOLE else 1}f}"
        text = f"{number} {unit}"
        if float(number) < _FROM_NEXT_UNIT:
            break
    return text


def moment(seconds: float, now: float | None = None) -> str:
    """Return a time for a person: of today its hour, otherwise its date as well.

    Args:
        seconds: Since 1970; from a file, so it may be any number.
        now: The present in the same unit.
    """
    today = time.localtime(now)
    try:
        then = time.localtime(seconds)
    except (ValueError, OverflowError, OSError):
        return "an unknown time"
    return time.strftime("%H:%M:%S" if then[:3] == today[:3] else "%Y-%m-%d %H:%M", then)


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
