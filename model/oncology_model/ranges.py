"""The ranges of training: what each field of the records held that the model learnt from.

Training measures them; they travel in the manifest, beside the digests of the artefact.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta

from oncology_model.kinds import Category, Day, Field, Number
from oncology_model.record import Record, layout_of

_MOST_CATEGORIES = 200
_FEWEST_ROWS = 5  # of a category: a rarer one may tell of a single person
_DIGITS = 2
_PRECISION = 40  # digits: a width may be 17 digits smaller than the numbers, and exact
_LARGEST = 1e308  # a float holds it, also where an integer is given
_FAR_WIDTHS, _FAR_FACTOR = 10.0, 10.0
_LEAST_WIDTH = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Range:
    """The numbers of a field in training.

    Attributes:
        lowest: the smallest, rounded down by the width of the range.
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
        return f"{self.lowest:.10g} to {self.highest:.10g}"


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
        """Return whether a day is taken for a mistake: over ten widths of the range away.

        No width is less than a year: time goes on, and a model of one month is asked later.
        """
        width = _FAR_WIDTHS * max(self.highest - self.lowest, _LEAST_WIDTH)
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

    Numbers are rounded outward by two digits of the width of their range, days to whole months, and
    rare categories left out: the extremes belong to single rows of the data, and what is published
    must not give them away.

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
        is_count = field.kind.whole
        return _round_within(field.kind, min(numbers), max(numbers), is_count=is_count)
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


def _round_within(kind: Number, first: float, last: float, *, is_count: bool) -> dict[str, object]:
    lowest, highest = _round(first, last, is_count=is_count)
    least, most = kind.bounds
    # What is not possible is no range, and the bounds of what is are known to everybody.
    lowest = max(lowest, least) if least <= first else lowest
    highest = min(highest, most) if last <= most else highest
    return {"lowest": lowest, "highest": highest}


def _round(first: float, last: float, *, is_count: bool) -> tuple[float, float]:
    """Round outward to multiples of a power of ten, which is a tenth to a hundredth of the width.

    A single number is rounded to two digits of its own.
    """
    # Only training needs it, and a prediction need not pay for it.
    from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal  # noqa: PLC0415

    context, low, high = Context(prec=_PRECISION), Decimal(repr(first)), Decimal(repr(last))
    if not (low.is_finite() and high.is_finite()):
        return first, last  # which is refused with the manifest
    width = context.subtract(high, low) or high
    step = Decimal(1).scaleb(width.adjusted() + 1 - _DIGITS)
    lowest = low.quantize(step, ROUND_FLOOR, context)
    highest = high.quantize(step, ROUND_CEILING, context)
    if lowest == 0 < low and not is_count:
        lowest = Decimal(1).scaleb(low.adjusted())  # else no unit could be told to be wrong
    # Adding zero turns -0.0 into 0.0.
    return float(lowest) + 0.0, float(highest) + 0.0
