"""Tumours in CSV tables: a header with the names of the measurements, a tumour a row."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence

from oncology_model.datamodel import MEASUREMENTS, InvalidTumorError, Tumor
from oncology_model.record import find_misnamed


class TableError(ValueError):
    """A table cannot be read; the message says in which row and column.

    Rows are counted as a text editor counts lines: the header is row 1.
    """


def decode(content: bytes) -> str:
    """Decode the bytes of a table: UTF-8, with or without a byte-order mark.

    Raises:
        TableError: the bytes are not UTF-8.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = content.count(b"\n", 0, error.start) + 1
        message = f"row {row}: not UTF-8 text"
        raise TableError(message) from None


def read_rows(text: str, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    r"""Read the rows of a comma-separated table with a header; blank rows are passed over.

    Args:
        text: the table, its rows ended by ``\n``, ``\r\n`` or ``\r``.
        columns: the names that the header must have, in whatever order, and no others.

    Yields:
        The number of the row and its cells by the name of their column.

    Raises:
        TableError: the table is empty, or a header or a row does not fit.
    """
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        rows = ((reader.line_num, cells) for cells in reader if cells)
        header = _read_header(next(rows, None), columns)
        for number, cells in rows:
            yield number, dict(zip(header, _check_width(number, cells, header), strict=True))
    except csv.Error as error:
        message = f"row {reader.line_num}: {error}"
        raise TableError(message) from None


def parse_tumor(row: int, cells: Mapping[str, str]) -> Tumor:
    """Make a tumour of the cells of one row.

    Args:
        row: the number of the row, for the message of an error.
        cells: the texts of the thirty measurements by name; others are passed over.

    Raises:
        TableError: a cell is not a number, or not a possible measurement.
    """
    numbers = {name: _parse_number(row, name, cells[name]) for name in MEASUREMENTS}
    try:
        return Tumor.from_mapping(numbers)
    except InvalidTumorError as error:
        message = f"row {row}, column {error.field}: {error.problem}"
        raise TableError(message) from None


def _read_header(first: tuple[int, list[str]] | None, columns: Sequence[str]) -> list[str]:
    if first is None:
        message = f"empty: a header with {len(columns)} columns is needed"
        raise TableError(message)
    number, cells = first
    header = [cell.strip() for cell in cells]
    twice = next((name for name in header if header.count(name) > 1), None)
    fault = (twice, "given twice") if twice else find_misnamed(header, columns)
    if fault:
        name, problem = fault
        message = f"row {number}, column {_shorten(name)}: {problem}"
        raise TableError(message)
    return header


def _check_width(row: int, cells: list[str], header: list[str]) -> list[str]:
    if len(cells) != len(header):
        message = f"row {row}: {len(cells)} cells, but the header has {len(header)}"
        raise TableError(message)
    return cells


def _parse_number(row: int, column: str, cell: str) -> float:
    try:
        # float() reads Python's "1_000" too, which no other tool takes for a number.
        return float("" if "_" in cell else cell)
    except ValueError:
        message = f"row {row}, column {column}: not a number: {_shorten(cell)!r}"
        raise TableError(message) from None


def _shorten(text: str, limit: int = 40) -> str:
    return text if len(text) <= limit else f"{text[:limit]}…"
