"""What the cells of a table's columns are, read once and remembered in bounded memory."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import islice
from pathlib import Path

from trainwheel.errors import ConfigurationError
from trainwheel.scaffold.table import Layout, batches

__all__ = [
    "ISO",
    "LIKE_ID",
    "MOST_DISTINCT",
    "Kind",
    "Profile",
    "Tally",
    "decimal_of",
    "dressed_number",
    "examine",
    "find_sentinel",
    "form_of",
    "is_missing",
    "is_positive",
    "kind_of",
    "middle_day",
    "odd_markers",
]

MOST_DISTINCT = 20_000
"""Values of a column that are counted; it is not known how many more there are."""

ISO = "%Y-%m-%d"
_FORMATS = ("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%d-%m-%Y")
_SAMPLE = 20_000
_FEWEST = 20
"""Values from which on that all are different means something."""

_MARKERS = frozenset({"", "na", "n/a", "#n/a", "nan", "<na>", "nat", "null", "?"})
"""What stands for a missing cell in every column, in small letters."""

_HUGE = 1e100
_MOST_ODD, _MOST_MARKERS = 8, 2
_WORDY = 4
_MOST_UNIQUE = 0.5
_WHOLE = re.compile(r"[+-]?(?:0|[1-9][0-9]*)(?:\.0*)?")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_COMMA = re.compile(r"[+-]?[0-9]*,[0-9]+")
_DRESSED = re.compile(r"[$€£¥]? ?[+-]?[0-9]{1,3}(?:[,.' \u00a0][0-9]{3})*(?:[.,][0-9]+)? ?[%$€£¥]?")
_CODE = re.compile(r"0[0-9]+")
_TIME = re.compile(r"[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?")
_LIKE_DAY = re.compile(r"[0-9]{1,4}([./-])[0-9]{1,2}\1[0-9]{1,4}")
LIKE_ID = re.compile(r"(?:^|[\W_])(?i:id|key|nr|no|uuid|guid|index)$|[a-z]I[dD]$")
"""How the name of a column ends that names its row."""

_LIKE_SIGNED = re.compile(
    r"(?:^|[\W_])temp|°|celsius|fahrenheit|(?:^|[\W_])(?:lat|lon|lng|log|net|x|y|z)(?:[\W_]|$)"
    r"|latitude|longitude|change|delta|diff|balance|growth|profit|return|margin|elevation|altitude|offset|score|trend",
    re.IGNORECASE,
)
"""Names of what may be below zero, though it was not in the rows that were seen."""

_SENTINELS, _FEWEST_SENTINELS = ("-9", "-99", "-999", "-9999", "-99999", "-999.0", "-9999.0"), 3
_LIKE_CODE = re.compile(r"(?:zip|plz|postcode|postal|code)$", re.IGNORECASE)


class Kind(StrEnum):
    """What a column is to a model."""

    WHOLE = "whole"
    NUMBER = "number"
    CATEGORY = "category"
    BOOLEAN = "boolean"
    DATE = "date"
    TEXT = "text"
    KEY = "key"
    """Names its row, or what several rows are about: no model learns from it."""
    EMPTY = "empty"
    CONSTANT = "constant"


@dataclass
class Tally:
    """What was seen of one column so far.

    Attributes:
        name: The column's, in the header.
        rows: All of them.
        values: Those with a value.
        counts: How often there was each value, of the first `MOST_DISTINCT`.
        has_many: Whether there are more.
        repeats: Whether any value came twice, among those that were counted.
        markers: What stands for a missing cell, and how often.
        kinds: What the values look like.
        odd: Texts that are neither numbers nor days, and how often; the first few.
        formats: Those in which all days can be read.
        lowest: Of the numbers; infinite without any.
        highest: Of the numbers.
        texts: Different texts.
        words: In them all.
        has_time: Whether days have a time after them.
        is_padded: Whether cells end with spaces, which are no part of them.
    """

    name: str
    rows: int = 0
    values: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    has_many: bool = False
    repeats: bool = False
    markers: Counter[str] = field(default_factory=Counter)
    kinds: set[str] = field(default_factory=set)
    odd: Counter[str] = field(default_factory=Counter)
    formats: set[str] = field(default_factory=lambda: {ISO, *_FORMATS})
    lowest: float = float("inf")
    highest: float = float("-inf")
    texts: int = 0
    words: int = 0
    has_time: bool = False
    is_padded: bool = False

    @property
    def missing(self) -> int:
        """How many rows have no value."""
        return self.rows - self.values

    def add(self, cells: Sequence[str]) -> None:
        """Take in the cells of some rows."""
        self.rows += len(cells)
        plain = [*map(str.rstrip, cells)]
        self.is_padded = self.is_padded or sum(map(len, plain)) < sum(map(len, cells))
        seen = Counter(plain)
        for text in list(filter(is_missing, seen)):
            self.markers[text] += seen.pop(text)
        count = seen.total()
        self.values += count
        new = [text for text in seen if text not in self.counts]
        if not self.has_many:
            self.repeats = self.repeats or len(new) < count
            self.counts.update(seen)
            self.has_many = len(self.counts) > MOST_DISTINCT
        self._classify(new)
        for text in self.odd:
            self.odd[text] += seen.get(text, 0)

    def _classify(self, values: Sequence[str]) -> None:
        """Note what new values are: most columns are numbers, whose values are taken at once."""
        for kind, pattern in ((Kind.WHOLE, _WHOLE), (Kind.NUMBER, _NUMBER)):
            if values and all(map(pattern.fullmatch, values)) and not any(map(_is_code, values)):
                self.kinds.add(kind)
                self._stretch(list(map(float, values)))
                return
        for value in values:
            self._classify_one(value)

    def _classify_one(self, value: str) -> None:
        if _is_code(value):
            self.kinds.add("code")
        elif _NUMBER.fullmatch(value):
            self.kinds.add(Kind.WHOLE if _WHOLE.fullmatch(value) else Kind.NUMBER)
            self._stretch([float(value)])
        elif _COMMA.fullmatch(value):
            self.kinds.add("comma")
            self._stretch([float(value.replace(",", "."))])
        elif value.lower() in {"true", "false"}:
            self.kinds.add(Kind.BOOLEAN)
        elif formats := self._formats_of(value):
            self.kinds.add(Kind.DATE)
            self.formats = formats
        else:
            self._add_text(value)

    def _add_text(self, value: str) -> None:
        self.kinds.add(Kind.TEXT)
        self.texts += 1
        self.words += len(value.split())
        if len(self.odd) < _MOST_ODD:
            self.odd[value] += 0

    def _formats_of(self, value: str) -> set[str]:
        """Return the formats in which this text and all before are days."""
        day = value
        if _TIME.fullmatch(value[10:]):
            self.has_time, day = True, value[:10]
        if not _LIKE_DAY.fullmatch(day):
            return set()
        return {each for each in self.formats if _is_day(day, each)}

    def _stretch(self, numbers: Sequence[float]) -> None:
        self.lowest = min(self.lowest, *numbers)
        self.highest = max(self.highest, *numbers)


@dataclass(frozen=True)
class Profile:
    """What was seen of a table.

    Args:
        tallies: One for each column, by its name.
        sample: Some of the rows, evenly chosen, by the name of the column.
        rows: How many there are.
        delimiter: Between the cells.
    """

    tallies: Mapping[str, Tally]
    sample: Mapping[str, tuple[str, ...]]
    rows: int
    delimiter: str


def examine(path: Path, layout: Layout) -> Profile:
    """Read a table to its end.

    Raises:
        ConfigurationError: It cannot be read; the message names the line.
    """
    tallies = [Tally(name) for name in layout.columns]
    sample: list[Sequence[str]] = []
    rows, stride = 0, 1
    for batch in batches(path, layout):
        # Every so many rows, and half as many of them whenever they are too many.
        sample += islice(batch, -rows % stride, None, stride)
        rows += len(batch)
        while len(sample) > _SAMPLE:
            sample, stride = sample[::2], stride * 2
        for tally, cells in zip(tallies, zip(*batch, strict=True), strict=bool(batch)):
            tally.add(cells)
    columns = zip(*sample, strict=True) if sample else ([] for _ in tallies)
    by_name = zip(layout.columns, map(tuple, columns), strict=True)
    return Profile({each.name: each for each in tallies}, dict(by_name), rows, layout.delimiter)


def is_missing(text: str) -> bool:
    """Return whether a cell stands for a missing value, in whatever column."""
    return text.strip().lower() in _MARKERS


def kind_of(tally: Tally, delimiter: str = ",") -> Kind:
    """Return what a column is, as far as its cells and its name say.

    Args:
        tally: What was seen of it.
        delimiter: Between the cells: where it is a comma, none is in a number.
    """
    if not tally.values:
        return Kind.EMPTY
    if len(tally.counts) == 1 and not tally.missing:
        return Kind.CONSTANT
    kinds = tally.kinds - ({Kind.TEXT} if odd_markers(tally) else set())
    numbers = {Kind.WHOLE, Kind.NUMBER} if Kind.NUMBER in kinds or delimiter == "," else {
        Kind.WHOLE, "comma"}  # fmt: skip
    if kinds <= numbers:
        return _kind_of_numbers(tally, Kind.WHOLE if kinds == {Kind.WHOLE} else Kind.NUMBER)
    if kinds in ({Kind.DATE}, {Kind.BOOLEAN}):
        return Kind(*kinds)
    return _kind_of_texts(tally)


def odd_markers(tally: Tally) -> tuple[str, ...]:
    """Return the texts that alone keep a column from being numbers or days; none if it is texts.

    They are one or two, fewer than the values, and each of them more often than such a value.
    """
    others = tally.kinds - {Kind.TEXT}
    is_plain = others and others <= {Kind.WHOLE, Kind.NUMBER, "comma", Kind.DATE}
    few = 0 < tally.texts <= _MOST_MARKERS and tally.odd.total() < tally.values / 2
    enough = tally.has_many or len(tally.counts) >= _FEWEST
    return tuple(tally.odd) if is_plain and few and enough else ()


def dressed_number(tally: Tally) -> str:
    """Return a number of a column whose numbers are not plain, such as 12,345 or 7 %; or none."""
    texts = [*tally.odd, *(text for text in islice(tally.counts, _MOST_ODD) if "," in text)]
    is_other = tally.kinds - {Kind.WHOLE, Kind.NUMBER, Kind.TEXT, "comma"}
    return "" if is_other or not all(map(_DRESSED.fullmatch, texts)) else next(iter(texts), "")


def middle_day(tally: Tally) -> str:
    """Return the first day of the month in which the middle one of a column's days is."""
    form, days = form_of(tally), list[datetime]()
    for text in tally.counts:
        with suppress(ValueError):  # of a text that stands for a missing day
            days.append(datetime.strptime(text[:10], form))  # noqa: DTZ007
    return f"{sorted(days)[len(days) // 2]:%Y-%m-01}"


def form_of(tally: Tally) -> str:
    """Return how the days of a column are written, as strptime takes it."""
    return ISO if ISO in tally.formats else min(tally.formats)


def is_positive(tally: Tally) -> bool:
    """Return whether no number of a column can be below zero, as far as its cells and name say."""
    return tally.lowest >= 0 and not _LIKE_SIGNED.search(tally.name)


def find_sentinel(tally: Tally) -> str:
    """Return the number that seems to stand for a missing one, such as -999; or nothing."""
    lowest = next((text for text in _SENTINELS if tally.counts[text] >= _FEWEST_SENTINELS), "")
    return lowest if lowest and float(lowest) == tally.lowest else ""


def decimal_of(numbers: Sequence[Tally]) -> str:
    """Return the decimal point of all columns that are numbers.

    Raises:
        ConfigurationError: They have not the same, or one has numbers too large to compute with.
    """
    for each in numbers:
        if max(-each.lowest, each.highest) > _HUGE:
            message = f"{each.name} has numbers that are too large to compute with"
            hint = f"leave it out: --drop {shlex.quote(each.name)}"
            raise ConfigurationError(message, hint=hint)
    points = [each.name for each in numbers if Kind.NUMBER in each.kinds]
    commas = [each.name for each in numbers if "comma" in each.kinds]
    if points and commas:
        message = f"{commas[0]} has a decimal comma in its numbers, and {points[0]} a decimal point"
        raise ConfigurationError(message, hint="write the table with one of them")
    return "," if commas else "."


def _kind_of_numbers(tally: Tally, kind: Kind) -> Kind:
    if kind is Kind.NUMBER:
        return kind
    if _LIKE_CODE.search(tally.name):
        return Kind.CATEGORY
    is_named = bool(LIKE_ID.search(tally.name)) or not tally.name
    is_unique = not tally.repeats and tally.values >= _FEWEST
    is_counted = tally.highest - tally.lowest == tally.values - 1
    return Kind.KEY if is_named or (is_unique and is_counted) else kind


def _kind_of_texts(tally: Tally) -> Kind:
    if not tally.repeats and tally.values >= _FEWEST and tally.words < _WORDY * tally.texts:
        return Kind.KEY
    if tally.texts >= _FEWEST and tally.words >= _WORDY * tally.texts:
        return Kind.TEXT
    is_mostly_unique = tally.has_many or len(tally.counts) > _MOST_UNIQUE * tally.values
    return Kind.KEY if is_mostly_unique and tally.values >= _FEWEST else Kind.CATEGORY


def _is_code(text: str) -> bool:
    """Return whether a text of digits is not a number: 007."""
    return _CODE.fullmatch(text) is not None


def _is_day(text: str, form: str) -> bool:
    try:
        datetime.strptime(text, form)  # noqa: DTZ007 - a day is in no zone
    except ValueError:
        return False
    return True
