"""Batches: records in any form become one matrix that is checked as a whole."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from oncology_model.kinds import Category, Day, Field, Flag, Number, shorten
from oncology_model.ranges import Categories, Days, Held, Range, Ranges
from oncology_model.record import (
    WHOLE,
    InvalidRecordError,
    Layout,
    Record,
    Records,
    layout_of,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PLAIN = {float, int}
_ANY_NUMBER = 1.0


@dataclass
class Batch:
    """Some records of a batch, and what is wrong with them.

    Attributes:
        start: position of the first record.
        rows: the values of each sound record, in the order of its names.
        places: position of each sound record, from *start* on.
        faults: what is wrong with each other record, by its position from *start* on.
        remarks: for each sound record that is outside the ranges of training, field and problem.
        matrix: the sound records, one a row: of float64 if all fields are numbers, else of objects.
    """

    start: int
    rows: list[Sequence[Any]] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    faults: dict[int, InvalidRecordError] = field(default_factory=dict)
    remarks: dict[int, list[tuple[str, str]]] = field(default_factory=dict)
    matrix: "NDArray[Any]" = field(default_factory=lambda: np.empty((0, 0)))

    def refuse(self, index: int, error: InvalidRecordError) -> None:
        """Note what is wrong with the sound record at an index; `drop` then removes it."""
        place = self.places[index]
        self.faults.setdefault(place, error.at(self.start + place))

    def merge(self, answers: Sequence[Any]) -> list[Any]:
        """Put the answers to the sound records and the errors of the others in their places."""
        if not self.faults:
            return list(answers)
        merged = {**dict(zip(self.places, answers, strict=True)), **self.faults}
        return [merged[place] for place in range(len(merged))]

    def drop(self) -> None:
        """Remove what was refused from the sound records."""
        stay = [index for index, place in enumerate(self.places) if place not in self.faults]
        if len(stay) < len(self.places):
            self.rows = [self.rows[index] for index in stay]
            self.places = [self.places[index] for index in stay]
            if len(self.matrix):
                self.matrix = self.matrix[stay]


class Reader:
    """Reads batches of one class of records, with the ranges of one model."""

    def __init__(self, record: type[Record], ranges: Ranges) -> None:
        """Prepare the bounds of the columns."""
        self.layout: Layout = layout_of(record)
        layout = self.layout
        numbers = [
            (i, each) for i, each in enumerate(layout.fields) if isinstance(each.kind, Number)
        ]
        self._numeric = [index for index, _ in numbers]
        self._low, self._high = np.array(layout.lowest), np.array(layout.highest)
        self._whole = np.array([getattr(each.kind, "whole", False) for _, each in numbers], bool)
        self._may_miss = np.array([each.may_miss for _, each in numbers], bool)
        unbounded = Range(-np.inf, np.inf)
        bounds = [ranges.get(each.name, unbounded) for _, each in numbers]
        self._ranges = [each if isinstance(each, Range) else unbounded for each in bounds]
        self._lowest = np.array([each.lowest for each in self._ranges])
        self._highest = np.array([each.highest for each in self._ranges])
        far = [
            (each.lowest, each.highest) if each is unbounded else each.far(is_count=bool(whole))
            for each, whole in zip(self._ranges, self._whole, strict=True)
        ]
        self._too_low = np.array([low for low, _ in far])
        self._too_high = np.array([high for _, high in far])
        self._categories = {
            index: set(texts.categories)
            for index, each in enumerate(layout.fields)
            if isinstance(texts := ranges.get(each.name), Categories)
        }
        self._days = {
            index: held
            for index, each in enumerate(layout.fields)
            if isinstance(each.kind, Day) and isinstance(held := ranges.get(each.name), Days)
        }

    def read_one(self, row: Sequence[Any], *, strict: bool = False) -> Batch:
        """Check the values of a single record, as a batch."""
        return self.read(Batch(0, [row], [0]), strict=strict)

    def read(self, batch: Batch, *, strict: bool) -> Batch:
        """Check the rows of a batch and set its matrix and its remarks.

        Args:
            batch: with rows as they were picked; it is changed.
            strict: whether to refuse what is outside the ranges of training.
        """
        self._take_unusual(batch)
        numbers = self._stack(batch)
        suspects = ~self._are_possible(numbers)
        if suspects.any():
            self._take(batch, np.flatnonzero(suspects).tolist())
            numbers = self._stack(batch)
        is_plain = self.layout.are_numbers and not self.layout.has_features
        batch.matrix = numbers if is_plain else self._mix(batch, numbers)
        self._compare(batch, numbers)
        for index, place in enumerate(batch.places):
            if strict and place in batch.remarks:
                batch.refuse(index, self.layout.record.error(*batch.remarks[place][0]))
        batch.drop()
        return batch

    def make_typical(self) -> Sequence[Any] | None:
        """Make the values of a record from the middle of the ranges; None if that cannot be."""
        values: list[Any] = []
        ranges: dict[int, Held] = dict(zip(self._numeric, self._ranges, strict=True))
        ranges |= self._days
        for index, each in enumerate(self.layout.fields):
            value = _pick_typical(each, ranges.get(index), self._categories.get(index))
            if value is None and not each.may_miss:
                return None
            values.append(value)
        return values

    def _take_unusual(self, batch: Batch) -> None:
        rows = batch.rows
        if not self.layout.are_numbers:
            self._take(batch, range(len(rows)))
        elif not {*map(type, chain.from_iterable(rows))} <= _PLAIN:
            unusual = [i for i, row in enumerate(rows) if not {*map(type, row)} <= _PLAIN]
            self._take(batch, unusual)

    def _take(self, batch: Batch, indices: Iterable[int]) -> None:
        for index in indices:
            try:
                batch.rows[index] = self.layout.take(batch.rows[index])
            except InvalidRecordError as error:
                batch.refuse(index, error)
        batch.drop()

    def _stack(self, batch: Batch) -> "NDArray[np.float64]":
        rows, width = batch.rows, len(self._numeric)
        try:
            if self.layout.are_numbers and not self._may_miss.any():
                # A stream of numbers, as a list of tuples takes half as long again.
                values = chain.from_iterable(rows)
                stacked = np.fromiter(values, np.float64, len(rows) * width)
            else:  # where None becomes NaN
                numbers = [[row[index] for index in self._numeric] for row in rows]
                stacked = np.array(numbers, dtype=np.float64)
        except OverflowError:  # an integer that no float can hold
            self._take(batch, range(len(rows)))
            return self._stack(batch)
        return stacked.reshape(len(batch.rows), width) + 0.0  # see Number.take

    def _are_possible(self, numbers: "NDArray[np.float64]") -> "NDArray[np.bool_]":
        possible = (numbers >= self._low) & (numbers <= self._high)
        if self._may_miss.any():
            possible |= np.isnan(numbers) & self._may_miss
        if self._whole.any():
            possible &= ~self._whole | np.isnan(numbers) | (numbers == np.floor(numbers))
        return np.all(possible, axis=1)

    def _mix(self, batch: Batch, numbers: "NDArray[np.float64]") -> "NDArray[np.object_]":
        columns: dict[str, Sequence[Any]] = {
            each.name: [row[index] for row in batch.rows]
            for index, each in enumerate(self.layout.fields)
        }
        for place, index in enumerate(self._numeric):
            columns[self.layout.names[index]] = numbers[:, place].tolist()
        features = self.layout.record.to_features(columns)
        matrix = np.empty((len(batch.rows), len(features)), dtype=object)
        for index, values in enumerate(features.values()):
            # As pandas has it, so that imputers and encoders know it.
            matrix[:, index] = [np.nan if value is None else value for value in values]
        return matrix

    def _compare(self, batch: Batch, numbers: "NDArray[np.float64]") -> None:
        outside = (numbers < self._lowest) | (numbers > self._highest)
        if outside.any():
            for index, column in np.argwhere(outside).tolist():
                self._remark_number(batch, index, column, float(numbers[index, column]))
        for column, known in self._categories.items():
            for index, row in enumerate(batch.rows):
                if row[column] is not None and row[column] not in known:
                    name = self.layout.fields[column].name
                    problem = f"{shorten(repr(row[column]))} was not in the training data"
                    self._remark(batch, index, name, problem)
        for column, days in self._days.items():
            first, last = days.lowest, days.highest
            for index, row in enumerate(batch.rows):
                if (day := row[column]) is not None and not first <= day <= last:
                    self._remark_day(batch, index, column, day)

    def _remark_number(self, batch: Batch, index: int, column: int, number: float) -> None:
        each, held = self.layout.fields[self._numeric[column]], self._ranges[column]
        unit = f" {each.kind.unit}" if isinstance(each.kind, Number) and each.kind.unit else ""
        outside = f"outside the range of training, {held}{unit}"
        if self._too_low[column] <= number <= self._too_high[column]:
            self._remark(batch, index, each.name, f"{number:g} is {outside}")
        else:
            problem = f"{number:g} is far {outside}: check its unit"
            batch.refuse(index, self.layout.record.error(each.name, problem))

    def _remark_day(self, batch: Batch, index: int, column: int, day: date) -> None:
        name, held = self.layout.fields[column].name, self._days[column]
        outside = f"outside the range of training, {held}"
        if held.is_far(day):
            problem = f"{day} is far {outside}: check its year"
            batch.refuse(index, self.layout.record.error(name, problem))
        else:
            self._remark(batch, index, name, f"{day} is {outside}")

    def _remark(self, batch: Batch, index: int, name: str, problem: str) -> None:
        batch.remarks.setdefault(batch.places[index], []).append((name, problem))


def pick_batches(layout: Layout, records: Records, size: int) -> Iterator[Batch]:
    """Split records into batches.

    Args:
        layout: of the class of the records.
        records: an iterable of them, or a table: a DataFrame of pandas or polars, a Table or a
            RecordBatch of Arrow. A table must have the columns of the record, and no others.
        size: the most that a batch may hold.

    Raises:
        InvalidRecordError: it is not several records, or a table has other columns.
    """
    if (table := _open_table(records)) is not None:
        _check_columns(layout, table.names, records)
        yield from _cut(layout, table, size)
        return
    problem = f"must be several records, such as a list of them, not {type(records).__name__}"
    if isinstance(records, Mapping | str | bytes | Record):
        raise layout.record.error(WHOLE, problem)
    try:
        stream, start = iter(cast("Iterable[object]", records)), 0
    except TypeError:
        raise layout.record.error(WHOLE, problem) from None
    while items := list(islice(stream, size)):
        yield _pick(layout, items, start)
        start += len(items)


def _pick(layout: Layout, items: Sequence[object], start: int) -> Batch:
    if (rows := layout.pick_many(items)) is not None:
        return Batch(start, rows, list(range(len(rows))))
    batch = Batch(start)
    for place, item in enumerate(items):
        try:
            batch.rows.append(layout.pick_checked(item))
            batch.places.append(place)
        except InvalidRecordError as error:
            batch.faults[place] = error.at(start + place)
    return batch


def _pick_typical(each: Field, held: Held | None, known: Iterable[str] | None) -> Any:  # noqa: ANN401
    kind = each.kind
    if isinstance(kind, Number):
        low, high = kind.bounds
        middle = _ANY_NUMBER
        if isinstance(held, Range) and held.lowest > -np.inf:
            middle = (held.lowest + held.highest) / 2
        number = min(max(middle, low), high)
        return float(np.ceil(number)) if kind.whole else number
    if isinstance(kind, Category):
        return next(iter(sorted(known or kind.choices or ())), None)
    if isinstance(held, Days):
        return held.lowest + (held.highest - held.lowest) // 2
    return False if isinstance(kind, Flag) else date(2000, 1, 1)


@dataclass
class _Table:
    """A table of whichever library: its columns, and how to list some rows of one."""

    names: list[Any]
    count: int
    list_column: Callable[[str, int, int], list[Any]]


def _open_table(records: Any) -> _Table | None:  # noqa: ANN401 - of any library
    kind = type(records)
    if hasattr(kind, "to_pylist") and hasattr(kind, "schema"):  # Arrow
        names = list(records.schema.names)

        def list_arrow(name: str, start: int, count: int) -> list[Any]:
            values: list[Any] = records.slice(start, count).column(names.index(name)).to_pylist()
            return values

        return _Table(names, len(records), list_arrow)
    if hasattr(kind, "columns") and hasattr(kind, "shape"):  # pandas, polars

        def list_column(name: str, start: int, count: int) -> list[Any]:
            series = records[name]
            part = series.iloc if hasattr(series, "iloc") else series
            values: list[Any] = part[start : start + count].to_list()
            return values

        return _Table(list(records.columns), len(records), list_column)
    return None


def _check_columns(layout: Layout, names: Sequence[object], records: object) -> None:
    try:
        layout.check_names(names)
    except InvalidRecordError as error:
        index = getattr(records, "index", None)
        if error.problem == "missing" and error.field in getattr(index, "names", ()):
            problem = "missing: it is the table's index, so give table.reset_index()"
            raise type(error)(error.field, problem) from None
        raise


def _cut(layout: Layout, table: _Table, size: int) -> Iterator[Batch]:
    for start in range(0, table.count, size):
        count = min(size, table.count - start)
        columns = [
            table.list_column(each.name, start, count)
            if each.name in table.names
            else [each.default] * count
            for each in layout.fields
        ]
        rows: list[Any] = list(zip(*columns, strict=True))
        if layout.is_checked_by_class:
            rows = [dict(zip(layout.names, row, strict=True)) for row in rows]
            yield _pick(layout, rows, start)
        else:
            yield Batch(start, rows, list(range(count)))
