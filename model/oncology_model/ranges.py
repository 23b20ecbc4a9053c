"""The ranges of training: what each field of the records held that the model learnt from.

Training measures them; they travel in the manifest, beside the digests of the artefact.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date

from oncology_model.kinds import Category, Day, Field, Number
from oncology_model.record import Record, layout_of

_MOST_CATEGORIES = 200
_FEWEST_ROWS = 5  # of a category: a rarer one may tell of a single person
_DIGITS = 2
_LARGEST = 1e308  # a float holds it, also where an integer is given
_FAR_WIDTHS, _FAR_FACTOR = 10.0, 10.0


@dataclass(frozen=True, slots=True)
class Range:
    """The numbers of a field in training.

    Attributes:
        lowest: the smallest, rounded down.
        highest: the largest, rounded up.
    """

    lowest: float
    highest: float

    def far(self, *, is_count: bool = False) -> tuple[float, float]:
        """Return the bounds beyond which a number is taken for a mistake, such as of the unit.

        They are ten widths of the range away; and, of positive numbers, a tenth of the lowest and
        ten times the highest. Counts have no unit, so nothing that is near is far of them.

        Args:
            is_count: whether the numbers are whole.
        """
        width = _FAR_WIDTHS * (self.highest - self.lowest)
        low, high = self.lowest - width, self.highest + width
        if self.lowest > 0 and not is_count:
            low = max(low, self.lowest / _FAR_FACTOR)
            high = min(high, self.highest * _FAR_FACTOR)
        return low, high

    def __str__(self) -> str:
        """Name both bounds."""
        return f"{self.lowest:g} to {self.highest:g}"


@dataclass(frozen=True, slots=True)
class Days:
    """The days of a field in training.

    Attributes:
        lowest: the first of the month of the earliest.
        highest: the last of the month of the latest.
    """

    lowest: date
    highest: date

    def is_far(self, day: date) -> bool:
        """Return whether a day is taken for a mistake: over ten widths of the range away."""
        width = _FAR_WIDTHS * (self.highest - self.lowest)
        return self.lowest - day > width or day - self.highest > width

    def __str__(self) -> str:
        """Name both bounds."""
        return f"{self.lowest} to {self.highest}"


@dataclass(frozen=True, slots=True)
class Categories:
    """The texts of a field in training."""

    categories: tuple[str, ...]


Held = Range | Days | Categories
"""What training held of a field."""

Ranges = Mapping[str, Held]
"""What training held, by the name of the column."""


def measure_ranges(record: type[Record], rows: Iterable[Sequence[object]]) -> dict[str, object]:
    """Measure the ranges of the records that a model learns from, for ``inputs.json``.

    Numbers are rounded outward to two significant digits, days to whole months, and rare categories
    left out: the extremes belong to single rows of the data, and what is published must not give
    them away.

    Args:
        record: the class of the records.
        rows: the values of each record, in the order of its names.

    Returns:
        A JSON object: ``{"lowest": …, "highest": …}`` or ``{"categories": […]}`` by name; days
        are texts such as ``2026-01-31``.
    """
    columns = list(zip(*rows, strict=True))
    measured = {
        field.name: _measure(field, column)
        for field, column in zip(layout_of(record).fields, columns, strict=bool(columns))
    }
    return {name: ranges for name, ranges in measured.items() if ranges}


def parse_ranges(document: object) -> Ranges:
    """Read the ranges of a manifest.

    Args:
        document: a parsed JSON value.

    Raises:
        ValueError: it is not what `measure_ranges` returns.
    """
    if not isinstance(document, dict):
        message = "the ranges of training in it are damaged"
        raise ValueError(message)  # noqa: TRY004 - as all that is wrong with a manifest
    return {str(name): _parse(ranges) for name, ranges in document.items()}


def _parse(ranges: object) -> Held:
    match ranges:
        case {"lowest": int() | float() as lowest, "highest": int() | float() as highest}:
            if -_LARGEST <= lowest <= highest <= _LARGEST:
                return Range(float(lowest), float(highest))
        case {"lowest": str() as first, "highest": str() as last}:
            with suppress(ValueError):
                days = Days(date.fromisoformat(first), date.fromisoformat(last))
                if days.lowest <= days.highest:
                    return days
        case {"categories": [*texts]} if all(isinstance(text, str) for text in texts):
            return Categories(tuple(texts))
    message = "the ranges of training in it are damaged"
    raise ValueError(message)


def _measure(field: Field, column: Sequence[object]) -> dict[str, object]:
    values = [value for value in column if value is not None and value == value]  # noqa: PLR0124
    if isinstance(field.kind, Number) and values:
        numbers = [float(value) for value in values]  # type: ignore[arg-type]
        return {"lowest": _round(min(numbers), up=False), "highest": _round(max(numbers), up=True)}
    if isinstance(field.kind, Day) and values:
        days = {field.kind.take(value) for value in {*values}}  # far fewer than rows
        highest = _end_month(max(days))
        return {"lowest": min(days).replace(day=1).isoformat(), "highest": highest.isoformat()}
    if isinstance(field.kind, Category):
        counts = Counter(map(str, values))
        common = sorted(text for text, count in counts.items() if count >= _FEWEST_ROWS)
        return {"categories": common} if 0 < len(common) <= _MOST_CATEGORIES else {}
    return {}


def _end_month(day: date) -> date:
    from calendar import monthrange  # noqa: PLC0415 - only training needs it

    return day.replace(day=monthrange(day.year, day.month)[1])


def _round(number: float, *, up: bool) -> float:
    # Only training needs it, and a prediction need not pay for it.
    from decimal import ROUND_CEILING, ROUND_FLOOR, Context  # noqa: PLC0415

    context = Context(prec=_DIGITS, rounding=ROUND_CEILING if up else ROUND_FLOOR)
    return float(context.create_decimal(repr(number)))
