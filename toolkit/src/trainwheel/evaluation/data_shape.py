"""The shape of a snapshot of data: its files, their rows, columns and types.

Pure: two shapes come in, their differences go out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from trainwheel.errors import ConfigurationError
from trainwheel.system.digest import digest_json

__all__ = ["FileShape", "changes", "columns_digest", "parse_shape", "render_shape", "rows_of"]


@dataclass(frozen=True)
class FileShape:
    """A file of a snapshot: its number of rows and its columns.

    Args:
        rows: Their number, None for a format that cannot be read.
        columns: Name → ``integer``, ``number``, ``boolean``, ``text``, or a type of its format.
    """

    rows: int | None
    columns: Mapping[str, str]


Shape = Mapping[str, FileShape]


def parse_shape(text: str | bytes, source: str) -> dict[str, FileShape]:
    """Return the shape of each file from JSON, by its path in the snapshot.

    Raises:
        ConfigurationError: The text is not JSON of such shapes.
    """
    try:
        document: Any = json.loads(text)
        shape = {
            str(name): FileShape(entry["rows"], dict(entry["columns"]))
            for name, entry in document.items()
        }
        is_valid = all(isinstance(file.rows, int | None) for file in shape.values())
    except (ValueError, AttributeError, KeyError, TypeError):
        is_valid = False
    if not is_valid:
        message = f"{source} does not hold columns and rows of data"
        raise ConfigurationError(message, hint="write it anew: nox -s data -- --accept")
    return shape


def render_shape(shape: Shape) -> str:
    """Return a shape as JSON text."""
    return json.dumps({name: asdict(file) for name, file in shape.items()}, indent=1) + "\n"


def rows_of(shape: Shape) -> int | None:
    """Return the rows of all files together; None where one file cannot be read."""
    counts = [file.rows for file in shape.values()]
    return None if None in counts or not counts else sum(rows or 0 for rows in counts)


def columns_digest(shape: Shape) -> str:
    """Return one digest of the files, their columns and types."""
    return digest_json({name: list(file.columns.items()) for name, file in shape.items()})


def changes(before: Shape, now: Shape, most: float | None) -> Iterator[str]:
    """Yield a clause for each difference.

    Args:
        before: The shape that was accepted.
        now: The shape of the data that was fetched.
        most: The share by which the number of rows may differ; None for any.
    """
    for name in sorted({*before, *now}):
        if name not in now or name not in before:
            yield f"{name} is {'gone' if name not in now else 'new'}"
            continue
        old, new = before[name].columns, now[name].columns
        for column in dict.fromkeys([*old, *new]):
            if column not in new or column not in old:
                yield f"column {column} of {name} is {'gone' if column not in new else 'new'}"
            elif old[column] != new[column]:
                yield f"column {column} of {name} was {old[column]}, is {new[column]}"
        if [*old] != [*new] and {*old} == {*new}:
            yield f"the columns of {name} have another order"
    then, rows = rows_of(before), rows_of(now)
    if most is None or then is None or rows is None:
        return
    if abs(rows - then) > most * then:
        yield f"there are {rows} rows and were {then}, more than {most:.0%} off"
