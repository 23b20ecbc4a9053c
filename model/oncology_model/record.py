"""Records: what the model reads, field by field, and what is refused.

A model's own record is a dataclass whose fields say what they may hold::

    @dataclass(frozen=True, kw_only=True)
    class Passenger(Record):
        age: Annotated[float, Number(unit="years", at_least=0)]
        city: Annotated[str | None, Category(choices=("Bern", "Basel"))] = None

Nothing here needs numpy or scikit-learn: to make and check records costs no import of them.
"""

import difflib
import math
import operator
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from typing import Any, ClassVar, Protocol, Self

from oncology_model.kinds import (
    LARGEST,
    Category,
    Day,
    Field,
    Flag,
    Number,
    read_field,
    shorten,
)

__all__ = [
    "WHOLE",
    "AnyRecord",
    "Category",
    "Day",
    "Flag",
    "InvalidRecordError",
    "Layout",
    "Named",
    "Number",
    "Record",
    "Records",
    "find_misnamed",
    "layout_of",
]

WHOLE = ""
"""The field of an error that is about a whole record."""


class InvalidRecordError(ValueError):
    """A record is incomplete, or holds what the model does not know or what is impossible.

    Attributes:
        field: name of the field at fault; empty if it is the whole record.
        problem: what is wrong with it, for a person to read.
        row: position of the record in its batch, from 0; None if it was asked for alone.
    """

    def __init__(self, field: str, problem: str, row: int | None = None) -> None:
        """Keep the parts, for callers that point at a form field or a table cell."""
        super().__init__(field, problem, row)
        self.field = field
        self.problem = problem
        self.row = row

    def __str__(self) -> str:
        """Give one line: the row, the field and the problem."""
        place = [] if self.row is None else [f"row {self.row}"]
        place += [self.field] if self.field else []
        return f"{', '.join(place)}: {self.problem}" if place else self.problem

    def at(self, row: int) -> Self:
        """Return the same error of the record at a position of a batch."""
        return type(self)(self.field, self.problem, row)


class Named(Protocol):
    """Values by name: a mapping, a pandas Series or a row of sqlite3 (``sqlite3.Row``)."""

    def keys(self) -> Iterable[Any]:
        """List the names."""

    def __getitem__(self, name: Any, /) -> Any:  # noqa: ANN401 - whatever it holds
        """Return the value of a name."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """What the model reads. Whoever derives from it says which fields there are."""

    error: ClassVar[type[InvalidRecordError]] = InvalidRecordError
    """What is raised for a record that is refused."""

    missing: ClassVar[tuple[str, ...]] = ()
    """What stands for a missing value in the cells of a table, beside a blank one."""

    def __post_init__(self) -> None:
        """Check every value and keep it in its plain type."""
        layout = layout_of(type(self))
        values = layout.read(self)
        taken = layout.take(values)
        if taken is not values:
            for field, value in zip(layout.fields, taken, strict=True):
                object.__setattr__(self, field.attribute, value)

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """List the names of the columns, in the order in which the model reads them."""
        return layout_of(cls).names

    @classmethod
    def from_mapping(cls, values: Named) -> Self:
        """Make a record from values by name, such as a parsed JSON object.

        Args:
            values: a mapping, a pandas Series or a ``sqlite3.Row`` with exactly the names of
                `names`, in any order; those with a default may be left out.

        Raises:
            InvalidRecordError: a name is unknown or missing, or a value is refused.
        """
        layout = layout_of(cls)
        picked = layout.pick(values)
        if layout.is_alike and type(values) is dict and layout.take(picked) is picked:
            # Nearly always: sound values by the very names of the attributes.
            made = object.__new__(cls)
            object.__setattr__(made, "__dict__", values.copy())
            return made
        return layout.make(cls, picked)

    @classmethod
    def from_cells(cls, cells: Mapping[str, str]) -> Self:
        """Make a record from the cells of a table; those of other columns are passed over.

        Args:
            cells: text by the name of its column; a blank one is a missing value.

        Raises:
            InvalidRecordError: a cell is missing or refused.
        """
        values: dict[str, object] = {}
        for field in layout_of(cls).fields:
            text = (cells.get(field.name) or "").strip()
            try:
                if text and text not in cls.missing:
                    values[field.name] = field.kind.parse(text)
            except ValueError as error:
                raise cls.error(field.name, str(error)) from None
        return cls.from_mapping(values)

    @staticmethod
    def to_features(columns: Mapping[str, Sequence[Any]]) -> Mapping[str, Sequence[Any]]:
        """Make the columns that the estimator gets; override it, and let the training call it too.

        Args:
            columns: the values of some records by the name of their column; a missing one is None,
                of numbers NaN.

        Returns:
            As many values for each column of the estimator, by its name.
        """
        return columns

    def values(self) -> tuple[Any, ...]:
        """List the values in the order of `names`."""
        return layout_of(type(self)).read(self)


class Layout:
    """The fields of a record, prepared so that sound records cost little.

    Attributes:
        fields: in order.
        names: of the columns.
        are_numbers: whether each field is a number.
        is_alike: whether a mapping has the names of the attributes, all of them.
    """

    def __init__(self, record: type[Record]) -> None:
        """Read the annotations of a record's class."""
        hints = typing.get_type_hints(record, include_extras=True)
        self.record = record
        self.fields: tuple[Field, ...] = tuple(
            read_field(each, hints[each.name]) for each in fields(record)
        )
        self.names: tuple[str, ...] = tuple(field.name for field in self.fields)
        kinds = [field.kind for field in self.fields]
        self.are_numbers: bool = all(isinstance(kind, Number) for kind in kinds)
        bounds = [kind.bounds for kind in kinds if isinstance(kind, Number)]
        self.lowest: tuple[float, ...] = tuple(low for low, _ in bounds)
        self.highest: tuple[float, ...] = tuple(high for _, high in bounds)
        # Numbers between are fine, and none is a zero.
        self._above, self._below = max((*self.lowest, 0.0)), min((*self.highest, LARGEST))
        self._attributes = tuple(field.attribute for field in self.fields)
        self.read: Callable[[Any], Any] = _getter(operator.attrgetter, self._attributes)
        self._get = _getter(operator.itemgetter, self.names)
        self._is_plain = self.are_numbers and not any(
            isinstance(field.kind, Number) and field.kind.whole for field in self.fields
        )
        # A class may check how its fields go together, or keep them in slots.
        self.is_checked_by_class: bool = record.__post_init__ is not Record.__post_init__
        is_direct = self._is_direct = not (self.is_checked_by_class or "__slots__" in vars(record))
        needs_all = all(each.default is MISSING for each in self.fields)
        self.is_alike: bool = is_direct and needs_all and self._attributes == self.names
        self.has_features: bool = record.to_features is not Record.to_features

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the columns that the estimator gets."""
        return tuple(self.record.to_features(dict.fromkeys(self.names, ())))

    def take(self, values: Sequence[Any]) -> Sequence[Any]:
        """Return the values of a record as they are kept.

        Raises:
            InvalidRecordError: one is refused.
        """
        # Nearly all are fine as they are. The hypotenuse is NaN or too large where one of them is.
        if (
            self._is_plain
            and operator.countOf(map(type, values), float) == len(values)
            and math.hypot(*values) <= LARGEST
        ):
            if self._above < min(values) and max(values) < self._below:
                return values
            if all(map(operator.le, self.lowest, values)) and all(
                map(operator.ge, self.highest, values)
            ):
                return tuple([value + 0.0 for value in values])  # as Number.take does
        return self._take_carefully(values)

    def _take_carefully(self, values: Sequence[object]) -> tuple[object, ...]:
        taken: list[object] = []
        for field, value in zip(self.fields, values, strict=True):
            try:
                taken.append(field.take(value))
            except ValueError as error:
                raise self.record.error(field.name, str(error)) from None
        return tuple(taken)

    def make(self, record: "type[AnyRecord]", values: Sequence[object]) -> "AnyRecord":
        """Make a record of values that `pick` returned."""
        if not self._is_direct:
            return record(**dict(zip(self._attributes, values, strict=True)))
        made = object.__new__(record)
        given = dict(zip(self._attributes, self.take(values), strict=True))
        object.__setattr__(made, "__dict__", given)
        return made

    def pick_checked(self, record: object) -> Sequence[Any]:
        """As `pick`, and where the record's class has checks of its own, checked by it."""
        row = self.pick(record)
        if not self.is_checked_by_class or isinstance(record, self.record):
            return row
        made: Sequence[Any] = self.read(self.make(self.record, row))
        return made

    def pick(self, values: object) -> Sequence[Any]:
        """List the values of a record, unchecked, in the order of `names`.

        Raises:
            InvalidRecordError: it is not a record, or a name is unknown, missing or given twice.
        """
        if type(values) is dict and len(values) == len(self.names):
            try:
                picked: Sequence[Any] = self._get(values)
            except KeyError:
                return self._pick_carefully(values)
            return picked
        return self._pick_carefully(values)

    def pick_many(self, items: Sequence[Any]) -> "list[Sequence[Any]] | None":
        """As `pick_checked`, of many at once; None where they are not all of one usual kind."""
        kinds = {*map(type, items)}
        if kinds == {self.record}:
            return list(map(self.read, items))
        if self.is_checked_by_class or kinds != {dict} or {*map(len, items)} != {len(self.names)}:
            return None
        try:
            return list(map(self._get, items))
        except KeyError:
            return None

    def check_names(self, names: Sequence[object]) -> None:
        """Compare names with those of the record.

        Raises:
            InvalidRecordError: one is unknown, missing or given twice.
        """
        optional = {field.name for field in self.fields if field.default is not MISSING}
        needed = [name for name in self.names if name not in optional]
        if problem := find_misnamed(names, self.names, needed):
            raise self.record.error(*problem)

    def _pick_carefully(self, values: Any) -> Sequence[Any]:  # noqa: ANN401 - whatever was given
        if isinstance(values, self.record):
            picked: Sequence[Any] = self.read(values)
            return picked
        names = self._list_names(values)
        self.check_names(names)
        given = {name: values[name] for name in names}
        return [given.get(field.name, field.default) for field in self.fields]

    def _list_names(self, values: Any) -> list[object]:  # noqa: ANN401 - whatever was given
        kind = type(values)
        if hasattr(kind, "columns") or hasattr(kind, "column_names"):
            problem = f"is a table ({kind.__name__}), not one record"
            raise self.record.error(WHOLE, problem)
        if isinstance(values, type) or not hasattr(kind, "keys") or isinstance(values, Record):
            expected = f"a {self.record.__name__} or a mapping of names to values"
            raise self.record.error(WHOLE, f"must be {expected}, not {kind.__name__}")
        return list(values.keys())


AnyRecord = typing.TypeVar("AnyRecord", bound=Record)


class Frame(Protocol):
    """A table by its columns: a DataFrame of pandas or polars."""

    @property
    def columns(self) -> Iterable[Any]:
        """List the names."""

    @property
    def shape(self) -> tuple[int, int]:
        """Count the rows and the columns."""

    def __getitem__(self, name: Any, /) -> Any:  # noqa: ANN401 - a column of whichever library
        """Return the column of a name."""


class ArrowTable(Protocol):
    """A Table or a RecordBatch of Arrow."""

    @property
    def schema(self) -> Any:  # noqa: ANN401 - of Arrow
        """Tell the names of the columns."""

    def to_pylist(self) -> list[Any]:
        """List the rows."""


Records = Iterable[Record | Named] | Frame | ArrowTable
"""Several records: any iterable of them, or a table with their columns."""


_LAYOUTS: dict[type[Record], Layout] = {}


def layout_of(record: type[Record]) -> Layout:
    """Return the fields of a record's class, which are read once."""
    layout = _LAYOUTS.get(record)
    if layout is None:
        layout = _LAYOUTS[record] = Layout(record)
    return layout


def find_misnamed(
    header: Iterable[object], columns: Sequence[str], needed: Iterable[str] | None = None
) -> tuple[str, str] | None:
    """Find the first name that is unknown or given twice, else the first that is missing.

    Unknown names come first, because a misspelt name is both, and the misspelling is what
    its writer has to fix.

    Args:
        header: the names that are given.
        columns: all that are known.
        needed: those of them that must be given; all by default.

    Returns:
        The name and what is wrong with it, or None if the names match in whatever order.
    """
    known, names = set(columns), set()
    for name in header:
        if name not in known:
            close = difflib.get_close_matches(str(name), columns, n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            return shorten(str(name)), f"unknown name{hint}"
        if name in names:
            return str(name), "given twice"
        names.add(name)
    return next(
        (
            (name, "missing")
            for name in (columns if needed is None else needed)
            if name not in names
        ),
        None,
    )


def _getter(make: Callable[..., Any], names: Sequence[str]) -> Callable[[Any], Any]:
    # Of a single name, these give the value instead of a tuple.
    get = make(*names)
    return get if len(names) > 1 else lambda values: (get(values),)
