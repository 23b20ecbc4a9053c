"""Find rows of the data among the golden ones, which travel further than people's data may."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

__all__ = ["GoldenIndex", "normalise"]

_MISSING = frozenset({"", "na", "n/a", "nan", "none", "null"})
_TRUTHS = {"true": 1.0, "false": 0.0}
_LONG_TEXT = 20
"""Letters from which on a text is as telling as several numbers."""


@functools.lru_cache(1 << 12)
def normalise(name: str) -> str:
    """Return a column's name without what spellings differ in: ``Mean Radius``, ``mean_radius``."""
    return re.sub(r"[\W_]+", "_", name.casefold()).strip("_")


class GoldenIndex:
    """Golden rows that say enough to be somebody's, by one value of each.

    A row with a single number, truth value or short text is left out: it equals many real ones by
    chance.

    Args:
        rows: The golden inputs.
        columns: The normalised names of the only columns that there are; None if that is not known.
    """

    def __init__(
        self, rows: Sequence[Mapping[str, Any]], columns: AbstractSet[str] | None = None
    ) -> None:
        numbered = enumerate(map(_canonical_row, rows), 1)
        self._rows = {
            number: row
            for number, row in numbered
            if sum(map(_weight, row.values())) > 1 and (columns is None or row.keys() <= columns)
        }
        self._index: dict[str, dict[Hashable, list[int]]] = {}
        waiting = set(self._rows)
        while waiting:
            column = self._most_telling(waiting)
            place = self._index.setdefault(column, {})
            for number in sorted(number for number in waiting if column in self._rows[number]):
                place.setdefault(self._rows[number][column], []).append(number)
                waiting.discard(number)

    def __bool__(self) -> bool:
        """Whether there is any row to be found."""
        return bool(self._rows)

    def _most_telling(self, numbers: Iterable[int]) -> str:
        """Return the column with the most different values, the first by name of several."""
        values: dict[str, set[Hashable]] = {}
        for number in numbers:
            for column, value in self._rows[number].items():
                values.setdefault(column, set()).add(value)
        return min(values, key=lambda column: (-len(values[column]), column))

    def equal_to(self, read: Callable[[str], Any]) -> list[int]:
        """Return the numbers of the golden rows all of whose values a real row has.

        Args:
            read: Returns the real row's value in a column, by normalised name; None for none.
        """
        return [
            number
            for column, place in self._index.items()
            for number in place.get(_canonical(read(column)), ())
            if all(_canonical(read(name)) == value for name, value in self._rows[number].items())
        ]


def _canonical_row(row: Mapping[str, Any]) -> dict[str, Hashable]:
    """Return the values that are not missing, by normalised name."""
    values = {normalise(name): _canonical(value) for name, value in row.items()}
    return {name: value for name, value in values.items() if value is not None}


def _canonical(value: Any) -> Hashable:
    """Return a value such that spellings of the same one are equal; None for a missing one."""
    if isinstance(value, str):
        return _canonical_text(value.strip())
    if isinstance(value, int | float):
        return _canonical_number(value)
    if isinstance(value, Mapping):
        return tuple(sorted(_canonical_row(value).items(), key=repr))
    return tuple(map(_canonical, value)) if isinstance(value, list | tuple) else None


def _canonical_text(text: str) -> Hashable:
    folded = text.casefold()
    if folded in _MISSING or folded in _TRUTHS:
        return _TRUTHS.get(folded)
    try:
        return _canonical_number(float(text.replace(",", ".")))
    except ValueError:
        return folded


def _canonical_number(value: float) -> Hashable:
    """Return a number in seven digits, as many as are left of one that was once a float32."""
    try:
        number = float(value)
    except OverflowError:
        return str(value)
    if math.isnan(number):
        return None
    return number if number.is_integer() else float(f"{number:.7g}")


def _weight(value: Hashable) -> int:
    """Return how much a value says: 1, 2 for a long text, and the sum of a list or an object."""
    if isinstance(value, tuple):
        return sum(map(_weight, value))
    return 2 if isinstance(value, str) and len(value) >= _LONG_TEXT else 1
