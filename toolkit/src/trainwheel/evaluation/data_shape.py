"""The shape of a snapshot of data: its files, their rows, columns and types.

Pure: what was declared and what was observed come in, their differences go out. A shape in a file
is a declaration: data may be narrower (whole numbers where numbers are declared, nothing missing
where a column is nullable), never wider.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from trainwheel.errors import ConfigurationError
from trainwheel.system.digest import digest_json

__all__ = [
    "Column",
    "FileShape",
    "changes",
    "columns_digest",
    "markers_of",
    "merge",
    "news",
    "parse_shape",
    "render_shape",
    "rows_of",
]

_SAME = {"string": "text", "float": "number", "int": "integer", "bool": "boolean"}
"""Other names of types, for whoever writes the file."""

EMPTY = "empty"
"""The type of a column all of whose values are missing."""


@dataclass(frozen=True)
class Column:
    """A column, as it is declared or as it was observed.

    Args:
        type: ``integer``, ``number``, ``boolean``, ``text``, ``empty``, or a type of its format.
        nullable: Whether values may be missing.
        missing: Texts that stand for a missing value, beside an empty cell.
        absent: How many values are missing in the data at hand.
        first: The first row of those, from 1.
        strays: The few texts that alone make an observed column text, and not numbers.
    """

    type: str
    nullable: bool = False
    missing: tuple[str, ...] = ()
    absent: int = 0
    first: int = 0
    strays: tuple[str, ...] = ()

    @classmethod
    def read(cls, value: Any) -> Column:
        """Return what a JSON value says: a type alone, or an object."""
        if isinstance(value, str):
            return cls(_SAME.get(value, value))
        entries = {**value, "type": _SAME.get(value["type"], value["type"])}
        for name in ("missing", "strays"):
            entries[name] = tuple(entries.get(name, ()))
        column = cls(**entries)
        texts = (column.type, *column.missing, *column.strays)
        if not all(isinstance(text, str) for text in texts) or column.nullable not in {True, False}:
            raise TypeError
        return column

    def as_json(self) -> Any:
        """Return its declaration, as `read` takes it."""
        declared = {"type": self.type, "nullable": self.nullable, "missing": list(self.missing)}
        given = {name: value for name, value in declared.items() if value}
        return self.type if len(given) == 1 else given

    @property
    def takes_missing(self) -> bool:
        """Whether values may be missing, which texts for them say too."""
        return self.nullable or bool(self.missing)

    def fits(self, observed: Column) -> bool:
        """Return whether values of an observed column are of the declared type."""
        pair = (self.type, observed.type)
        return pair[0] == pair[1] or EMPTY in pair or pair == ("number", "integer")


@dataclass(frozen=True)
class FileShape:
    """A file of a snapshot: its number of rows and its columns.

    Args:
        rows: Their number, None for a format that cannot be read.
        columns: By name, in the order of the file.
        missing: Texts that stand for a missing value in every column.
    """

    rows: int | None
    columns: Mapping[str, Column]
    missing: tuple[str, ...] = ()


Shape = Mapping[str, FileShape]


def parse_shape(text: str | bytes, source: str) -> dict[str, FileShape]:
    """Return the shape of each file from JSON, by its path in the snapshot.

    Raises:
        ConfigurationError: The text is not JSON of such shapes.
    """
    try:
        document: Any = json.loads(text)
        shape = {str(name): _read(entry) for name, entry in document.items()}
    except (ValueError, AttributeError, KeyError, TypeError):
        message = f"{source} does not hold columns and rows of data"
        raise ConfigurationError(message, hint="write it anew: nox -s data -- --accept") from None
    return shape


def _read(entry: Mapping[str, Any]) -> FileShape:
    columns = {str(name): Column.read(value) for name, value in entry["columns"].items()}
    missing = tuple(entry.get("missing", ()))
    if type(entry["rows"]) not in {int, type(None)} or not all(isinstance(t, str) for t in missing):
        raise TypeError
    return FileShape(entry["rows"], columns, missing)


def render_shape(shape: Shape) -> str:
    """Return a shape as JSON text."""
    document = {
        name: {
            "rows": file.rows,
            **({"missing": list(file.missing)} if file.missing else {}),
            "columns": {name: column.as_json() for name, column in file.columns.items()},
        }
        for name, file in shape.items()
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def rows_of(shape: Shape) -> int | None:
    """Return the rows of all files together; None where one file cannot be read."""
    counts = [file.rows for file in shape.values()]
    return None if None in counts or not counts else sum(rows or 0 for rows in counts)


def columns_digest(shape: Shape) -> str:
    """Return one digest of the files, their columns and types."""
    return digest_json({
        name: [(column, entry.as_json()) for column, entry in file.columns.items()]
        for name, file in shape.items()
    })  # fmt: skip


def markers_of(shape: Shape) -> dict[str, dict[str, list[str]]]:
    """Return the texts for a missing value: file → column → texts; "" stands for every column."""
    markers = {
        name: {"": file.missing, **{n: c.missing for n, c in file.columns.items()}}
        for name, file in shape.items()
    }
    given = {
        name: {column: list(texts) for column, texts in columns.items() if texts}
        for name, columns in markers.items()
    }
    return {name: columns for name, columns in given.items() if columns}


def merge(declared: Shape, observed: Shape) -> dict[str, FileShape]:
    """Return the declaration of observed data: what was declared stays as far as it holds."""
    return {name: _merge_file(declared.get(name), file) for name, file in observed.items()}


def _merge_file(declared: FileShape | None, file: FileShape) -> FileShape:
    declared = declared or FileShape(None, {})
    columns = {n: _merge_column(declared.columns.get(n), c) for n, c in file.columns.items()}
    return FileShape(file.rows, columns, declared.missing)


def _merge_column(declared: Column | None, column: Column) -> Column:
    if declared is None:
        # One month of whole numbers does not make them whole: that is for a person to declare.
        kind = "number" if column.type == "integer" else column.type
        return replace(column, type=kind, nullable=column.nullable or column.absent > 0)
    keeps_type = declared.fits(column) and declared.type != EMPTY
    kind = declared.type if keeps_type else column.type
    is_nullable = declared.nullable or (column.absent > 0 and not declared.missing)
    return replace(column, type=kind, nullable=is_nullable, missing=declared.missing)


def changes(
    before: Shape, now: Shape, most: float | None, *, markers_in: str = "data-schema.json"
) -> Iterator[str]:
    """Yield a clause for each difference that the declaration does not allow.

    Args:
        before: The shape that was declared or accepted.
        now: The shape of the data that was fetched.
        most: The share by which the number of rows may differ; None for any.
        markers_in: The files that name what stands for a missing value, for a person to read.
    """
    for name in sorted({*before, *now}):
        if name not in now or name not in before:
            yield f"{name} is {'gone' if name not in now else 'new'}"
        else:
            yield from _column_changes(name, before[name], now[name], markers_in)
    then, rows = rows_of(before), rows_of(now)
    if most is None or then is None or rows is None:
        return
    if abs(rows - then) > most * then:
        yield f"there are {rows} rows and were {then}, more than {most:.0%} off"


def _column_changes(name: str, before: FileShape, now: FileShape, markers_in: str) -> Iterator[str]:
    old, new = before.columns, now.columns
    if before.rows and now.rows == 0:
        yield f"{name} has no rows"
    for column in dict.fromkeys([*old, *new]):
        what = f"column {column} of {name}"
        if column not in new or column not in old:
            yield f"{what} is {'gone' if column not in new else 'new'}"
            continue
        if not old[column].fits(new[column]):
            strays = _strays(new[column], markers_in)
            yield f"{what} was {old[column].type}, is {new[column].type}{strays}"
        if new[column].absent and not (old[column].takes_missing or before.missing):
            count, row = new[column].absent, new[column].first
            values = "1 value" if count == 1 else f"{count} values"
            yield f"{what} is not nullable, and {values} are missing, the first in row {row}"
    if [*old] != [*new] and {*old} == {*new}:
        yield f"the columns of {name} have another order"


def _strays(column: Column, markers_in: str) -> str:
    texts = " and ".join(map(repr, column.strays))
    return f" for {texts}, which `missing` in {markers_in} can name" if texts else ""


def news(before: Shape, after: Shape, *, markers_in: str = "data-schema.json") -> Iterator[str]:
    """Yield a line for each change of a declaration, for the one who accepts it.

    Args:
        before: The shape that was accepted.
        after: The shape that is accepted now.
        markers_in: As of `changes`.
    """
    for name in sorted({*before, *after}):
        old = before.get(name, FileShape(None, {}))
        new = after.get(name, FileShape(None, {}))
        if name not in before or name not in after:
            yield f"{name} is {'new' if name in after else 'gone'}"
        for column in dict.fromkeys([*old.columns, *new.columns]):
            was, is_now = old.columns.get(column), new.columns.get(column)
            texts = [_spoken(each) for each in (was, is_now)]
            if texts[0] != texts[1]:
                strays = "" if is_now is None else _strays(is_now, markers_in)
                yield f"  {column}: {' → '.join(filter(None, texts))}{strays}" + (
                    "" if all(texts) else f" ({'new' if texts[1] else 'gone'})"
                )
        if old.rows != new.rows and name in before and name in after:
            yield f"  {name}: {new.rows} rows, were {old.rows}"


def _spoken(column: Column | None) -> str:
    if column is None:
        return ""
    return f"{column.type}{', nullable' if column.takes_missing else ''}"
