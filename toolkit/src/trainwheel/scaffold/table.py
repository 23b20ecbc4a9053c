"""Reads a table row by row, as texts: CSV however it is written, and Parquet.

However long it is, one batch of rows is in memory. What cannot be read is an error that names the
line.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import importlib
import io
import itertools
import math
import shlex
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NoReturn

from trainwheel.errors import ConfigurationError, StepFailedError
from trainwheel.system.command import Command
from trainwheel.system.environ import Environment
from trainwheel.system.process import run

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["BATCH", "Batch", "Layout", "batches", "copy_plainly", "find_layout", "print_table"]

Batch = Sequence[Sequence[str]]
"""Some rows: the cells of each, in the order of the columns; an empty text is a missing cell."""

BATCH = 10_000
_DELIMITERS = ",;\t|"
_PARQUET = frozenset({".parquet", ".pq"})
_NOT_TABLES = frozenset({".xls", ".xlsx", ".ods", ".json", ".jsonl", ".db", ".sqlite", ".feather"})
_PEEK = 100
"""Lines by which the delimiter is told."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LONGEST_CELL = 2**24


@dataclass(frozen=True)
class Layout:
    """How a table is written.

    Args:
        columns: The names in its header.
        is_parquet: Whether it is Parquet; the rest is about CSV.
        delimiter: Between two cells.
        encoding: As Python calls it.
        is_padded: Whether the header has spaces around names; they are no part of them.
    """

    columns: tuple[str, ...]
    is_parquet: bool = False
    delimiter: str = ","
    encoding: str = "utf-8"
    is_padded: bool = False


def find_layout(path: Path, encoding: str = "") -> Layout:
    """Find out how a table is written.

    Args:
        path: The file; ``.parquet`` and ``.pq`` are Parquet, anything else is CSV, which may be
            packed by gzip.
        encoding: Of a CSV file; empty for UTF-8, or what its first bytes say.

    Raises:
        ConfigurationError: It cannot be read, or has no header that names each column once.
    """
    if not path.is_file():
        message = f"{path} is {'a folder' if path.is_dir() else 'not there'}"
        raise ConfigurationError(message, hint="name a table: CSV, TSV or Parquet")
    if path.suffix.lower() in _NOT_TABLES:
        message = f"{path.name} is not CSV, TSV or Parquet"
        hint = "save it as CSV, or give --from-command a command that prints it as CSV"
        raise ConfigurationError(message, hint=hint)
    if path.suffix.lower() in _PARQUET:
        layout = Layout(_parquet_columns(path), is_parquet=True)
    else:
        layout = _layout_of_text(path, encoding)
    _check_header(path.name, layout.columns)
    return layout


def batches(path: Path, layout: Layout) -> Iterator[Batch]:
    """Yield the rows of a table, many at a time.

    Raises:
        ConfigurationError: A row cannot be read, or has another number of cells than the header.
    """
    if layout.is_parquet:
        yield from _parquet_batches(path)
        return
    with _open(path, layout.encoding) as stream, _explained(path, layout.encoding):
        reader = _reader(stream, layout.delimiter)
        next(reader)
        width = len(layout.columns)
        while rows := list(itertools.islice(reader, BATCH)):
            # csv gives an empty line as a row without cells.
            if not set(map(len, rows)) <= {width, 0}:
                _name_ragged(path, layout)
            yield [row for row in rows if row]


def print_table(command: str, folder: Path, environment: Environment) -> Path:
    """Write what a command prints into a file, and return it.

    Args:
        command: Split like a shell would, but run by none.
        folder: Where to write.
        environment: The variables of this run; the command sees all that the shell holds.

    Raises:
        StepFailedError: The command failed.
    """
    argv = tuple(shlex.split(command))
    result = run(Command(argv, is_open=True, is_private=True, drops_errors=True), environment)
    if result.failed:
        # Once more, with what it says.
        again = run(Command(argv, is_open=True), environment)
        message = f"--from-command {argv[0]}: {again.reason}"
        raise StepFailedError(message, hint="it has to print the table as CSV")
    path = folder / "rows.csv"
    path.write_text(result.output, encoding="utf-8", newline="")
    return path


def copy_plainly(path: Path, layout: Layout, target: Path) -> None:
    """Copy a table; CSV becomes UTF-8 that is not packed, as the steps read it."""
    if layout.is_parquet:
        shutil.copyfile(path, target)
        return
    with (
        _open(path, layout.encoding) as source,
        target.open("w", encoding="utf-8", newline="") as copy,
    ):
        shutil.copyfileobj(source, copy)


def _layout_of_text(path: Path, encoding: str) -> Layout:
    csv.field_size_limit(_LONGEST_CELL)
    with _explained(path, encoding):
        encoding = encoding or _encoding_of(path)
    with _explained(path, encoding), _open(path, encoding) as stream:
        lines = list(itertools.islice(stream, _PEEK))
        if not any(line.strip() for line in lines):
            message = f"{path.name} is empty"
            raise ConfigurationError(message, hint="its first line has to name the columns")
        if any("\0" in line for line in lines):
            message = f"{path.name} is not a text"
            raise ConfigurationError(message, hint="name a table: CSV, TSV or Parquet")
        delimiter = max(_DELIMITERS, key=lambda each: _fitness(lines, each))
        header = next(_reader(lines, delimiter))
    columns = tuple(cell.strip() for cell in header)
    is_padded = columns != tuple(header)
    return Layout(columns, delimiter=delimiter, encoding=encoding, is_padded=is_padded)


def _encoding_of(path: Path) -> str:
    with _unpacked(path) as stream:
        first = stream.read(4)
    return next((name for mark, name in _MARKS if first.startswith(mark)), "utf-8")


def _fitness(lines: Sequence[str], delimiter: str) -> tuple[bool, int]:
    """Return how well a delimiter divides the lines: into as many cells each, and into how many."""
    try:
        rows = [row for row in csv.reader(lines, delimiter=delimiter) if row]
    except csv.Error:
        return (False, 0)
    # The last one may have been cut in the middle of a quoted cell.
    widths = [len(row) for row in rows[:-1] or rows]
    return (len(set(widths)) == 1 and widths[0] > 1, widths[0])


def _check_header(name: str, columns: Sequence[str]) -> None:
    twice = [column for column in columns if column and columns.count(column) > 1]
    if twice:
        message = f"{name} has {columns.count(twice[0])} columns that are called {twice[0]!r}"
        raise ConfigurationError(message, hint="give each column a name of its own")
    if not any(columns):
        message = f"the first line of {name} names no column"
        raise ConfigurationError(message, hint="its first line has to name the columns")
    if all(_is_number(column) for column in columns if column):
        message = f"the first line of {name} has numbers, and no names of columns"
        raise ConfigurationError(message, hint="write a first line that names the columns")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _name_ragged(path: Path, layout: Layout) -> NoReturn:
    """Read a table again, up to the first row that has another number of cells than the header.

    Raises:
        ConfigurationError: Always; it names the line.
    """
    width = len(layout.columns)
    with _open(path, layout.encoding) as stream:
        reader = _reader(stream, layout.delimiter)
        cells, line = next(
            (len(row), reader.line_num) for row in reader if row and len(row) != width
        )
    message = f"{path.name} line {line} has {cells} cells, and the header has {width}"
    hint = "quote a cell that has the delimiter in it, and give every row all its cells"
    raise ConfigurationError(message, hint=hint)


def _reader(lines: Iterable[str], delimiter: str) -> Any:
    return csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=True)


def _unpacked(path: Path) -> IO[bytes] | gzip.GzipFile:
    try:
        return gzip.open(path) if path.suffix == ".gz" else path.open("rb")
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}"
        raise ConfigurationError(message, hint="name a table that you may read") from None


def _open(path: Path, encoding: str) -> io.TextIOWrapper:
    try:
        codecs.lookup(encoding)
    except LookupError:
        message = f"--encoding {encoding} is not an encoding that Python knows"
        raise ConfigurationError(message, hint="such as utf-8, cp1252 or utf-16") from None
    return io.TextIOWrapper(_unpacked(path), encoding=encoding, newline="")


class _explained:  # noqa: N801 - a context manager, which reads as a word
    """Says in one line why a table cannot be read."""

    def __init__(self, path: Path, encoding: str) -> None:
        self._path, self._encoding = path, encoding

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        name = self._path.name
        if isinstance(error, UnicodeError):
            message = f"{name} is not written in {self._encoding}"
            hint = "say how it is written, such as --encoding cp1252"
            raise ConfigurationError(message, hint=hint) from None
        if isinstance(error, csv.Error):
            message = f"{name} cannot be read: {error}"
            raise ConfigurationError(message, hint="save it as CSV anew") from None
        if isinstance(error, EOFError | gzip.BadGzipFile):
            message = f"{name} is not whole, or not packed by gzip: {error}"
            raise ConfigurationError(message, hint="pack it again") from None


def _find_pyarrow() -> ModuleType:
    try:
        return importlib.import_module("pyarrow.parquet")
    except ModuleNotFoundError:
        message = "a table in Parquet takes pyarrow, which is not installed beside this command"
        hint = "install it there (python -m pip install pyarrow), or save the table as CSV"
        raise ConfigurationError(message, hint=hint) from None


def _parquet_columns(path: Path) -> tuple[str, ...]:
    parquet = _find_pyarrow()
    try:
        schema = parquet.read_schema(path)
    except (OSError, ValueError) as error:
        message = f"{path.name} is not Parquet: {str(error).partition(chr(10))[0]}"
        raise ConfigurationError(message, hint="write it anew") from None
    nested = [each.name for each in schema if getattr(each.type, "num_fields", 0)]
    if nested:
        message = f"the column {nested[0]!r} of {path.name} has lists or structures in its cells"
        raise ConfigurationError(message, hint="write a table whose cells are single values")
    return tuple(schema.names)


def _parquet_batches(path: Path) -> Iterator[Batch]:
    with _find_pyarrow().ParquetFile(path) as file:
        for batch in file.iter_batches(BATCH):
            columns = [list(_texts(column.to_pylist())) for column in batch.columns]
            yield list(zip(*columns, strict=True))


def _texts(values: Iterable[Any]) -> Iterator[str]:
    for value in values:
        is_missing = value is None or (isinstance(value, float) and math.isnan(value))
        yield "" if is_missing else str(value)
