"""Compare the golden rows with the hold-out and, where it can be read, with the data."""

from __future__ import annotations

import csv
import gzip
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from trainwheel.engine.records import Record
from trainwheel.engine.run import Run
from trainwheel.errors import RefusedError
from trainwheel.evaluation.golden import parse_golden
from trainwheel.evaluation.real_rows import GoldenIndex, normalise
from trainwheel.system.files import everything_below

__all__ = ["LIMIT", "REAL_ROWS", "find_real_rows", "refuse_real_rows"]

REAL_ROWS = "real_rows"
"""The fact of the record that says which golden rows are real; empty for none."""

LIMIT = 200_000_000
"""How much of the data is read, in bytes without compression: 200 MB of CSV take some 3 s."""

_LONGEST_LINE = 1 << 20
_TABLES = frozenset({".csv", ".tsv", ".tab", ".txt", ".dat", ".data"})
_LINES = frozenset({".jsonl", ".ndjson", ".json"})
_CLOSED = frozenset({".parquet", ".feather", ".arrow", ".xlsx", ".xls", ".sqlite", ".db"})

_Match = tuple[int, int]
"""The number of a golden row, and the line of the real row that it equals."""


class _LimitReachedError(Exception):
    """More of the data was read than is allowed."""


def find_real_rows(run: Run, report: Path, limit: int = LIMIT) -> str:
    """Return a clause about the golden rows that are real; empty for none.

    Args:
        run: This run.
        report: The folder of what training wrote.
        limit: How much of the data is read, in bytes.
    """
    golden = parse_golden((report / "golden.jsonl").read_text(encoding="utf-8"))
    inputs = [row.input for row in golden]
    places: dict[int, str] = {}
    if not GoldenIndex(inputs):
        return ""
    budget, unread = _Budget(limit), list[str]()
    for path, name in ((report / "holdout.jsonl", "holdout.jsonl"), *_data(run)):
        try:
            for number, line in _matches(inputs, path, budget):
                places.setdefault(number, f"golden row {number} is line {line} of {name}")
        except _LimitReachedError:
            unread.append(name)
    if unread:
        more = f" and {len(unread) - 1} more" if len(unread) > 1 else ""
        run.console.notice(
            f"whether golden rows are real was not compared with all of {unread[0]}{more}: "
            f"{limit // 1_000_000} MB of CSV and JSON lines are read"
        )
    if not places:
        return ""
    more = f" (one of {len(places)} real ones)" if len(places) > 1 else ""
    return f"{places[min(places)]}{more}"


def refuse_real_rows(run: Run, record: Record) -> None:
    """Refuse a model whose golden rows are rows of the data, unless that is allowed.

    Raises:
        RefusedError: A golden row is a real one.
    """
    places = record.facts.get(REAL_ROWS, "")
    if places and run.workspace.config.real_rows != "allowed":
        message = f"{places}, and golden rows are published with the wheel"
        hint = (
            "let training write made-up ones; if the data is public, or any row is bound to be "
            'real, set golden.real-rows = "allowed" in [tool.trainwheel]'
        )
        raise RefusedError(message, hint=hint)


def _data(run: Run) -> Iterator[tuple[Path, str]]:
    """Yield each file of the data that may hold rows, but for those with golden ones."""
    root = run.workspace.layout.root
    for place in run.workspace.config.training_data:
        for path in map(Path, everything_below(root / place)):
            if not path.name.startswith("golden"):
                yield path, path.relative_to(root).as_posix()


class _Budget:
    """How much may still be read, in bytes."""

    def __init__(self, left: int) -> None:
        self._left = left

    def lines(self, path: Path) -> Iterator[str]:
        """Yield the lines of a file, decompressed."""
        is_packed = path.suffix.lower() == ".gz"
        if not is_packed and path.stat().st_size > self._left:
            raise _LimitReachedError
        with gzip.open(path) if is_packed else path.open("rb") as stream:
            while line := stream.readline(_LONGEST_LINE):
                self._left -= len(line)
                if self._left < 0:
                    raise _LimitReachedError
                yield line.decode("utf-8", "replace").removeprefix("\ufeff")


def _matches(inputs: Sequence[Mapping[str, Any]], path: Path, budget: _Budget) -> Iterator[_Match]:
    """Yield the matches in a file; none in one that cannot be read as its name says.

    Raises:
        _LimitReachedError: It was not read to its end, or is of a format that is not read at all.
    """
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() != ".gz"] or [""]
    try:
        if suffixes[-1] in _TABLES:
            yield from _in_table(inputs, budget.lines(path))
        elif suffixes[-1] in _LINES:
            yield from _in_lines(inputs, budget.lines(path))
    except (OSError, EOFError, zlib.error, csv.Error, ValueError, RecursionError):
        return
    if suffixes[-1] in _CLOSED:
        raise _LimitReachedError


def _in_table(inputs: Sequence[Mapping[str, Any]], lines: Iterator[str]) -> Iterator[_Match]:
    """Yield the matches in CSV, whose header decides what is between two cells."""
    header = next(lines, "")
    for delimiter in ",;\t|":
        names = [normalise(name) for name in next(csv.reader([header], delimiter=delimiter), [])]
        columns = {name: place for place, name in reversed([*enumerate(names)])}
        if index := GoldenIndex(inputs, columns.keys()):
            break
    else:
        return
    reader = csv.reader(lines, delimiter=delimiter)
    for cells in reader:
        yield from _pairs(index, _reader_of(columns, cells), reader.line_num + 1)


def _reader_of(columns: Mapping[str, int], cells: Sequence[str]) -> Callable[[str], Any]:
    def read(name: str) -> str | None:
        place = columns.get(name, len(cells))
        return cells[place] if place < len(cells) else None

    return read


def _in_lines(inputs: Sequence[Mapping[str, Any]], lines: Iterable[str]) -> Iterator[_Match]:
    """Yield the matches in JSON lines: objects, or objects in them such as ``input``."""
    index = GoldenIndex(inputs)
    for number, line in enumerate(lines, 1):
        record = json.loads(line)
        if not isinstance(record, dict):
            return
        for each in (record, *(value for value in record.values() if isinstance(value, dict))):
            row = {normalise(name): value for name, value in each.items()}
            yield from _pairs(index, row.get, number)


def _pairs(index: GoldenIndex, read: Callable[[str], Any], line: int) -> Iterator[_Match]:
    return ((number, line) for number in index.equal_to(read))
