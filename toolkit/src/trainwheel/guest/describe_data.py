"""Describe a snapshot: ``python -P describe_data.py FOLDER ANSWER [MARKERS [IGNORED PLACE]]``.

The answer is JSON: path → ``rows`` and ``columns`` of each file; a column is its type, or an object
with ``type``, how many values are ``absent``, the ``first`` row of those, and ``strays``: the few
texts among numbers. ``MARKERS`` is JSON, path → column → texts for a missing value beside an empty
cell; the column "" stands for all. ``IGNORED`` is a regular expression of names that are skipped,
each with ``PLACE`` before it. CSV and JSON lines are read here; Parquet where pyarrow is
installed. Other files are listed without rows and columns.
"""

from __future__ import annotations

import csv
import importlib
import json
import math
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

_Markers: TypeAlias = Mapping[str, Iterable[str]]

_MOST_STRAYS = 3
"""As many texts in a column of numbers may stand for a missing value."""


def main(
    folder: str, answer: str, markers: str = "{}", ignored: str = "(?!)", place: str = ""
) -> None:
    """Describe every file below ``folder`` in the file ``answer``."""
    root, texts, is_ignored = Path(folder), json.loads(markers), re.compile(ignored).fullmatch
    files = sorted(path for path in root.rglob("*") if path.is_file())
    names = {path.relative_to(root).as_posix(): path for path in files}
    names = {name: path for name, path in names.items() if not is_ignored(place + name)}
    shapes = {name: _describe(path, texts.get(name, {})) for name, path in names.items()}
    Path(answer).write_text(json.dumps(shapes), encoding="utf-8")


def _describe(path: Path, markers: _Markers) -> dict[str, Any]:
    readers: Mapping[str, Callable[[Path, _Markers], dict[str, Any]]] = {
        ".csv": _csv,
        ".tsv": _csv,
        ".jsonl": _json_lines,
        ".ndjson": _json_lines,
        ".parquet": _parquet,
    }
    try:
        return readers.get(path.suffix.lower(), _unknown)(path, markers)
    except UnicodeDecodeError:
        sys.stderr.write(f"{path.name} is not UTF-8\n")
        sys.exit(2)
    except (ValueError, csv.Error) as error:
        sys.stderr.write(f"{path.name}: {error}\n")
        sys.exit(2)


class _Column:
    """A column, as far as it has been read."""

    def __init__(self, markers: Iterable[str], absent: int = 0) -> None:
        self._markers = frozenset(markers)
        self._kind = self._other = ""
        self._strays: set[str] = set()
        self._absent, self._first = absent, int(absent > 0)

    def add(self, value: Any, kind_of: Callable[[Any], str], row: int) -> None:
        """Add a value; None where it is missing."""
        if value is None or (isinstance(value, str) and value in self._markers):
            self._absent += 1
            self._first = self._first or row
        elif len(self._strays) <= _MOST_STRAYS:  # with more it is text, whatever follows
            kind = kind_of(value)
            self._kind = _wider(self._kind, kind)
            if kind == "text":
                self._strays.add(value if isinstance(value, str) else json.dumps(value))
            else:
                self._other = _wider(self._other, kind)

    def describe(self) -> Any:
        """Return its type alone, or an object with what is missing too."""
        is_number = self._other in {"integer", "number"} and len(self._strays) <= _MOST_STRAYS
        facts = {
            "type": self._kind or "empty",
            "absent": self._absent,
            "first": self._first,
            "strays": sorted(self._strays) if is_number else [],
        }
        given = {name: value for name, value in facts.items() if value}
        return facts["type"] if len(given) == 1 else given


def _unknown(_: Path, __: _Markers) -> dict[str, Any]:
    return {"rows": None, "columns": {}}


def _column(name: str, markers: _Markers, absent: int = 0) -> _Column:
    return _Column([*markers.get("", ()), *markers.get(name, ())], absent)


def _csv(path: Path, markers: _Markers) -> dict[str, Any]:
    with path.open(newline="", encoding="utf-8-sig") as stream:
        first = stream.readline()
        stream.seek(0)
        likely = "\t" if path.suffix.lower() == ".tsv" else ","
        csv.field_size_limit(sys.maxsize)
        reader = csv.reader(stream, delimiter=max(likely, *",;\t|", key=_cells_in(first)))
        header = next(reader, [])
        columns = {name: _column(name, markers) for name in header}
        if len(columns) != len(header):
            name = next(name for name in header if header.count(name) > 1)
            message = f"two columns have one name, {name!r}"
            raise ValueError(message)
        rows = 0
        for rows, row in enumerate((row for row in reader if row), 1):
            if len(row) != len(header):
                message = f"row {rows} has {len(row)} cells, the header {len(header)}"
                raise ValueError(message)
            for column, cell in zip(columns.values(), row, strict=True):
                column.add(cell or None, _kind_of_text, rows)
    return {"rows": rows, "columns": {n: column.describe() for n, column in columns.items()}}


def _cells_in(line: str) -> Callable[[str], int]:
    return lambda delimiter: len(next(csv.reader([line], delimiter=delimiter), ()))


def _json_lines(path: Path, markers: _Markers) -> dict[str, Any]:
    columns: dict[str, _Column] = {}
    rows = 0
    with path.open(encoding="utf-8-sig") as stream:
        for rows, line in enumerate(stream, 1):
            record = json.loads(line)
            if not isinstance(record, dict):
                message = f"line {rows} is not a JSON object"
                raise ValueError(message)  # noqa: TRY004 - one kind of trouble
            for name in [name for name in record if name not in columns]:
                columns[name] = _column(name, markers, rows - 1)
            for name, column in columns.items():
                column.add(record.get(name), _kind_of_value, rows)
    return {"rows": rows, "columns": {n: column.describe() for n, column in columns.items()}}


def _parquet(path: Path, markers: _Markers) -> dict[str, Any]:
    try:
        parquet = importlib.import_module("pyarrow.parquet")
    except ImportError:
        return _unknown(path, markers)
    file = parquet.ParquetFile(path)
    fields: Iterable[Any] = file.schema_arrow
    return {"rows": file.metadata.num_rows, "columns": {f.name: str(f.type) for f in fields}}


def _kind_of_text(cell: str) -> str:
    try:
        return _kind_of_value(float(cell)) if "_" not in cell else "text"
    except ValueError:
        return "boolean" if cell.lower() in {"true", "false"} else "text"


def _kind_of_value(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if not isinstance(value, float) or not math.isfinite(value):
        # NaN and its like are how somebody writes that there is no number.
        return "text"
    # pandas writes the whole numbers of a column with gaps as 2.0.
    return "integer" if value.is_integer() else "number"


def _wider(one: str, other: str) -> str:
    """Return the type that holds the values of both."""
    if not one or not other or one == other:
        return one or other
    return "number" if {one, other} == {"integer", "number"} else "text"


if __name__ == "__main__":
    main(*sys.argv[1:])
