"""Describe a snapshot of data: ``python -P describe_data.py FOLDER ANSWER``.

The answer is JSON: path → ``rows`` and ``columns`` (name → type) of each file. CSV and JSON lines
are read here; Parquet where pyarrow is installed. Other files are listed without rows and columns.
"""

from __future__ import annotations

import csv
import importlib
import json
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any


def main(folder: str, answer: str) -> None:
    """Describe every file below ``folder`` in the file ``answer``."""
    root = Path(folder)
    files = sorted(path for path in root.rglob("*") if path.is_file())
    shapes = {path.relative_to(root).as_posix(): _describe(path) for path in files}
    Path(answer).write_text(json.dumps(shapes), encoding="utf-8")


def _describe(path: Path) -> dict[str, Any]:
    readers: Mapping[str, Callable[[Path], dict[str, Any]]] = {
        ".csv": _csv,
        ".tsv": _csv,
        ".jsonl": _json_lines,
        ".ndjson": _json_lines,
        ".parquet": _parquet,
    }
    try:
        return readers.get(path.suffix.lower(), _unknown)(path)
    except (ValueError, csv.Error) as error:
        sys.stderr.write(f"{path.name}: {error}\n")
        sys.exit(2)


def _unknown(_: Path) -> dict[str, Any]:
    return {"rows": None, "columns": {}}


def _csv(path: Path) -> dict[str, Any]:
    with path.open(newline="", encoding="utf-8-sig") as stream:
        delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
        reader = csv.reader(stream, delimiter=delimiter)
        header = next(reader, [])
        kinds = [""] * len(header)
        rows = 0
        for rows, row in enumerate(reader, 1):
            if len(row) != len(header):
                message = f"row {rows} has {len(row)} cells, the header {len(header)}"
                raise ValueError(message)
            for number, cell in enumerate(row):
                if cell and kinds[number] != "text":
                    kinds[number] = _wider(kinds[number], _kind_of_text(cell))
    columns = dict(zip(header, (kind or "empty" for kind in kinds), strict=True))
    if len(columns) != len(header):
        message = "two columns have one name"
        raise ValueError(message)
    return {"rows": rows, "columns": columns}


def _json_lines(path: Path) -> dict[str, Any]:
    columns: dict[str, str] = {}
    rows = 0
    with path.open(encoding="utf-8") as stream:
        for rows, line in enumerate(stream, 1):
            record = json.loads(line)
            if not isinstance(record, dict):
                message = f"line {rows} is not a JSON object"
                raise ValueError(message)  # noqa: TRY004 - one kind of trouble
            for name, value in record.items():
                columns[name] = _wider(columns.get(name, ""), _kind_of_value(value))
    return {"rows": rows, "columns": {name: kind or "empty" for name, kind in columns.items()}}


def _parquet(path: Path) -> dict[str, Any]:
    try:
        parquet = importlib.import_module("pyarrow.parquet")
    except ImportError:
        return _unknown(path)
    file = parquet.ParquetFile(path)
    fields: Iterable[Any] = file.schema_arrow
    return {"rows": file.metadata.num_rows, "columns": {f.name: str(f.type) for f in fields}}


def _kind_of_text(cell: str) -> str:
    try:
        int(cell)
    except ValueError:
        pass
    else:
        return "integer"
    try:
        float(cell)
    except ValueError:
        return "boolean" if cell.lower() in {"true", "false"} else "text"
    return "number"


def _kind_of_value(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    return "number" if isinstance(value, float) else "text"


def _wider(one: str, other: str) -> str:
    """Return the type that holds the values of both."""
    if not one or not other or one == other:
        return one or other
    return "number" if {one, other} == {"integer", "number"} else "text"


if __name__ == "__main__":
    main(*sys.argv[1:])
