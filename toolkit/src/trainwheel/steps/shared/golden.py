"""The golden rows: predicted, and compared with the hold-out and the data that can be read."""

from __future__ import annotations

import csv
import functools
import gzip
import json
import math
import re
import zlib
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict
from pathlib import Path
from typing import Any

from trainwheel.engine.run import Run
from trainwheel.errors import RefusedError
from trainwheel.evaluation.golden import parse_golden, parse_inputs
from trainwheel.steps.shared.prove import Model, ask
from trainwheel.steps.shared.staging import stage_package

__all__ = [
    "LIMIT",
    "GoldenIndex",
    "find_real_rows",
    "normalise",
    "record_golden",
    "refuse_real_rows",
]

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


def record_golden(run: Run, artefact: Path, report: Path, scratch: Path) -> tuple[str, ...]:
    """Add predictions to the golden inputs; return the estimators that contain training rows."""
    path = report / "golden.jsonl"
    if not path.exists():
        run.console.notice(
            "training wrote no golden.jsonl, so no prediction of the wheel will be checked"
        )
        path.touch()
    inputs = parse_inputs(path.read_bytes(), "golden.jsonl")
    source = scratch / "source"
    stage_package(run.workspace, source, artefact.parent)
    model = Model(
        run.workspace.config.predict,
        run.tools.python("train"),
        run.environment,
        log=run.workspace.layout.log("train"),
        variables={**run.tools.variables("train"), "PYTHONPATH": str(source)},
    )
    carriers: list[str] = []
    rows = ask(
        model,
        inputs,
        scratch / "golden",
        notice=run.console.notice,
        carries=carriers.append,
        artefact=artefact,
    )
    path.write_text("".join(f"{json.dumps(asdict(row))}\n" for row in rows), encoding="utf-8")
    return tuple(carriers)


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


def refuse_real_rows(run: Run, places: str) -> None:
    """Refuse a model whose golden rows are rows of the data, unless that is allowed.

    Args:
        run: This run.
        places: What `find_real_rows` returned.

    Raises:
        RefusedError: A golden row is a real one.
    """
    if run.workspace.config.real_rows != "allowed":
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
        for path in run.workspace.files(root / place):
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


_MISSING = frozenset({"", "na", "n/a", "nan", "none", "null"})
_TRUTHS = {"true": 1.0, "false": 0.0}
_LONG_TEXT = 20
"""Letters from which on a text is as telling as several numbers."""


@functools.lru_cache(1 << 12)
def normalise(name: str) -> str:
    """Return a column's name without what spellings differ in: ``Mean Radius``, ``mean_radius``."""
    return re.sub(r"[\W_]+", "_", name.casefold()).strip("_")


class GoldenIndex:
    """Golden rows that say enough to be somebody's, by one value of each.

    A row with a single number, truth value or short text is left out: it equals many real ones by
    chance.

    Args:
        rows: The golden inputs.
        columns: The normalised names of the only columns that there are; None if that is not known.
    """

    def __init__(
        self, rows: Sequence[Mapping[str, Any]], columns: AbstractSet[str] | None = None
    ) -> None:
        numbered = enumerate(map(_canonical_row, rows), 1)
        self._rows = {
            number: row
            for number, row in numbered
            if sum(map(_weight, row.values())) > 1 and (columns is None or row.keys() <= columns)
        }
        self._index: dict[str, dict[Hashable, list[int]]] = {}
        waiting = set(self._rows)
        while waiting:
            column = self._most_telling(waiting)
            place = self._index.setdefault(column, {})
            for number in sorted(number for number in waiting if column in self._rows[number]):
                place.setdefault(self._rows[number][column], []).append(number)
                waiting.discard(number)

    def __bool__(self) -> bool:
        """Whether there is any row to be found."""
        return bool(self._rows)

    def _most_telling(self, numbers: Iterable[int]) -> str:
        """Return the column with the most different values, the first by name of several."""
        values: dict[str, set[Hashable]] = {}
        for number in numbers:
            for column, value in self._rows[number].items():
                values.setdefault(column, set()).add(value)
        return min(values, key=lambda column: (-len(values[column]), column))

    def equal_to(self, read: Callable[[str], Any]) -> list[int]:
        """Return the numbers of the golden rows all of whose values a real row has.

        Args:
            read: Returns the real row's value in a column, by normalised name; None for none.
        """
        return [
            number
            for column, place in self._index.items()
            for number in place.get(_canonical(read(column)), ())
            if all(_canonical(read(name)) == value for name, value in self._rows[number].items())
        ]


def _canonical_row(row: Mapping[str, Any]) -> dict[str, Hashable]:
    """Return the values by normalised name; None for a missing one, which equals no other."""
    return {normalise(name): _canonical(value) for name, value in row.items()}


def _canonical(value: Any) -> Hashable:
    """Return a value such that spellings of the same one are equal; None for a missing one."""
    if isinstance(value, str):
        return _canonical_text(value.strip())
    if isinstance(value, int | float):
        return _canonical_number(value)
    if isinstance(value, Mapping):
        return tuple(sorted(_canonical_row(value).items(), key=repr))
    return tuple(map(_canonical, value)) if isinstance(value, list | tuple) else None


def _canonical_text(text: str) -> Hashable:
    folded = text.casefold()
    if folded in _MISSING or folded in _TRUTHS:
        return _TRUTHS.get(folded)
    try:
        return _canonical_number(float(text.replace(",", ".")))
    except ValueError:
        return folded


def _canonical_number(value: float) -> Hashable:
    """Return a number in seven digits, as many as are left of one that was once a float32."""
    try:
        number = float(value)
    except OverflowError:
        return str(value)
    if math.isnan(number):
        return None
    return number if number.is_integer() else float(f"{number:.7g}")


def _weight(value: Hashable) -> int:
    """Return how much a value says: 1, 2 for a long text, 0 for none, and the sum of a list."""
    if value is None:
        return 0
    if isinstance(value, tuple):
        return sum(map(_weight, value))
    return 2 if isinstance(value, str) and len(value) >= _LONG_TEXT else 1
