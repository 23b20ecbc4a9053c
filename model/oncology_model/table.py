"""Rows in the shell: read one at a time, and written with what the model answers.

They stand in a table with a header, or in JSON lines (`jsonlines`). Columns that the model does not
read are handed through. Nothing here needs the model, or a package beside Python's own.
"""

import csv
import difflib
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, count, islice
from typing import BinaryIO, Protocol, cast

BATCH = 1000
"""How many rows are predicted at a time, and looked at to tell the decimal sign of a table."""

_DELIMITERS = ",;\t|"
_LONGEST = 2**24  # characters of a line: whoever has more has no table
_UTF_16 = ("\udcff\udcfe", "\udcfe\udcff")  # its byte-order marks, as PEP 383 reads them
_SAVE = "save it as UTF-8"


class TableError(ValueError):
    """A table cannot be read; the message says in which row and column.

    Rows are counted as a text editor counts lines: the header is row 1.
    """


@dataclass(frozen=True, slots=True)
class Columns:
    """What the model reads.

    Attributes:
        required: names of the columns that a table must have.
        optional: names of those that it may have.
        numbers: those of both that hold numbers.
    """

    required: Sequence[str]
    optional: Sequence[str] = ()
    numbers: frozenset[str] = frozenset()

    @property
    def names(self) -> tuple[str, ...]:
        """Those that a table must have, then those that it may have."""
        return (*self.required, *self.optional)


@dataclass(slots=True)
class Row:
    """A row of a table.

    Attributes:
        number: of the line that it begins on, from 1.
        values: what the model reads, by name: texts of a table, or JSON values.
        others: the rest, which is handed through; of a table the cells alone.
        problem: the column, or an empty text, and why it cannot be read; None if it can.
    """

    number: int
    values: dict[str, object]
    others: Sequence[str] | Mapping[str, object]
    problem: tuple[str, str] | None = None


class Table(Protocol):
    """Rows to read, in a format that they are written in as well."""

    notes: Sequence[str]

    def rows(self) -> Iterator[Row]:
        """Read the rows; blank ones are passed over.

        Raises:
            TableError: what follows cannot be told apart into rows.
        """

    def begin(self, columns: Mapping[str, bool]) -> str:
        """Give what stands before the first row.

        Args:
            columns: names of those that are added to each row, and whether each is a number.

        Raises:
            TableError: a column that is handed through has the same name as one of them.
        """

    def render(self, rows: Iterable[tuple[Row, Mapping[str, object]]]) -> str:
        """Give rows, each with what is added to it.

        Raises:
            TableError: as `begin`.
        """


def read_lines(stream: BinaryIO) -> Iterator[str]:
    r"""Read UTF-8, with or without a byte-order mark, line by line.

    Lines end with ``\n``, ``\r\n`` or ``\r``, and keep that.

    Raises:
        TableError: it is not such text; the message names the row.
    """
    # What is not UTF-8 becomes lone surrogates (PEP 383), so that its row is known.
    text = io.TextIOWrapper(stream, "utf-8-sig", errors="surrogateescape", newline="")
    try:
        for number in count(1):
            line = text.readline(_LONGEST)
            if not line:
                return
            if problem := _find_foreign(line):
                message = f"row {number}: {problem}"
                raise TableError(message)
            yield line
    finally:
        with suppress(ValueError):  # whoever gave the stream has closed it
            text.detach()  # else it is closed with the text


class CsvTable:
    """A table whose cells stand between commas, semicolons, tabs or bars.

    Attributes:
        notes: what the user may have overlooked.
        delimiter: what stands between cells.
        decimal: the decimal sign of numbers; known when the first row was read.
    """

    def __init__(
        self,
        lines: Iterator[str],
        columns: Columns,
        *,
        delimiter: str | None = None,
        decimal: str | None = None,
    ) -> None:
        """Read the header.

        Args:
            lines: with their ends, as `read_lines` gives them.
            columns: what the header must have, beside other columns, in whatever order.
            delimiter: None for the one that makes most of those names in the header.
            decimal: None for a point, or a comma where cells stand between semicolons and numbers
                of the first rows have commas.

        Raises:
            TableError: there is no header, or it does not fit.
        """
        head = _peek_header(lines)
        self.delimiter: str = delimiter or _choose_delimiter(head, columns.names)
        self.decimal = decimal
        self._rows = self._read(chain(head, lines))
        number, header = next(self._rows, (0, [""]))
        if not number:
            message = f"empty: a header with {len(columns.required)} columns is needed"
            raise TableError(message)
        names = [cell.strip() for cell in header]
        self.notes: Sequence[str] = _check_header(number, names, columns)
        self._width = len(names)
        self._places = {name: names.index(name) for name in columns.names if name in names}
        self._numbers = [name for name in self._places if name in columns.numbers]
        own = set(self._places.values())
        self._others = [place for place in range(len(names)) if place not in own]
        self._header = self._pick_others(header)

    def rows(self) -> Iterator[Row]:
        """Read the rows, one after the other; see `Table`."""
        rows = (self._to_row(number, cells) for number, cells in self._rows)
        first = list(islice(rows, BATCH))
        if self.decimal is None:
            has_comma = self.delimiter == ";" and any(map(self._has_comma, first))
            self.decimal = "," if has_comma else "."
        for row in chain(first, rows):
            if self.decimal == ",":
                self._replace_commas(row)
            yield row

    def begin(self, columns: Mapping[str, bool]) -> str:
        """Give the header; see `Table`."""
        clash = next((name.strip() for name in self._header if name.strip() in columns), None)
        if clash is not None:
            raise describe_clash(1, clash)
        self._columns = columns
        return self._format([[*self._header, *columns]])

    def render(self, rows: Iterable[tuple[Row, Mapping[str, object]]]) -> str:
        """Give a line for each row; see `Table`."""
        return self._format(
            [*row.others, *(self._show(name, answer.get(name, "")) for name in self._columns)]
            for row, answer in rows
        )

    def _read(self, lines: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
        reader, width = csv.reader(lines, delimiter=self.delimiter, strict=True), 0
        while True:
            number = reader.line_num + 1
            try:
                cells = next(reader, None)
            except csv.Error as error:
                problem = "its quotation marks do not match, or a cell is too long"
                message = f"row {number}: {problem} ({error})"
                raise TableError(message) from None
            if cells is None:
                return
            # Of a single column, "" is a missing value, as pandas writes it.
            if len(cells) > 1 or (cells and (width == 1 or cells[0].strip())):
                width = width or len(cells)
                yield number, cells

    def _to_row(self, number: int, cells: list[str]) -> Row:
        if len(cells) != self._width:
            problem = f"{len(cells)} cells, but the header has {self._width}"
            cells = [*cells, *[""] * self._width][: self._width]
            return Row(number, {}, self._pick_others(cells), ("", problem))
        values: dict[str, object] = {name: cells[place] for name, place in self._places.items()}
        return Row(number, values, self._pick_others(cells))

    def _pick_others(self, cells: Sequence[str]) -> list[str]:
        return [cells[place] for place in self._others]

    def _has_comma(self, row: Row) -> bool:
        return any("," in cast("str", row.values.get(name, "")) for name in self._numbers)

    def _replace_commas(self, row: Row) -> None:
        for name in self._numbers if row.values else ():
            cell = cast("str", row.values[name])
            if "." in cell:
                problem = f"a point in {shorten(cell)!r}, but the decimal sign here is the comma"
                row.problem = (name, f"{problem}; say --decimal . if it is not")
                return
            row.values[name] = cell.replace(",", ".")

    def _show(self, name: str, value: object) -> object:
        is_local = self.decimal == "," and self._columns[name]
        return str(value).replace(".", ",") if is_local else value

    def _format(self, rows: Iterable[Sequence[object]]) -> str:
        text = io.StringIO(newline="")
        csv.writer(text, delimiter=self.delimiter, lineterminator="\n").writerows(rows)
        return text.getvalue()


def shorten(text: str, limit: int = 40) -> str:
    """Cut a text that is too long for a message."""
    return text if len(text) <= limit else f"{text[:limit]}…"


def describe_clash(row: int, column: str) -> TableError:
    """Say that a column that is handed through has the name of one that is added."""
    problem = "is also the name of a column that is added; give those a --prefix"
    return TableError(f"row {row}, column {shorten(column)}: {problem}")


def _find_foreign(line: str) -> str | None:
    if line.startswith(_UTF_16):
        return f"UTF-16 text; {_SAVE}"
    if "\0" in line:
        return f"a NUL byte, as in UTF-16 or in what is not text; {_SAVE}"
    if len(line) >= _LONGEST:
        return f"longer than {_LONGEST:,} characters"
    try:
        line.encode()
    except UnicodeEncodeError:
        return f"not UTF-8 text; {_SAVE}"
    return None


def _peek_header(lines: Iterator[str]) -> list[str]:
    # The lines up to one that is not blank, and on to the end of its quotation marks.
    head, size, marks = [], 0, 0
    for line in lines:
        head.append(line)
        size, marks = size + len(line.strip()), marks + line.count('"')
        if size and (marks % 2 == 0 or size > csv.field_size_limit()):
            break
    return head


def _choose_delimiter(head: Sequence[str], names: Sequence[str]) -> str:
    def count_names(delimiter: str) -> int:
        try:
            cells = chain.from_iterable(csv.reader(head, delimiter=delimiter))
            return len({cell.strip() for cell in cells} & {*names})
        except csv.Error:
            return 0

    return max(_DELIMITERS, key=count_names)  # of several, the first


def _check_header(row: int, header: Sequence[str], columns: Columns) -> list[str]:
    twice = next((name for name in columns.names if header.count(name) > 1), None)
    missing = [name for name in columns.required if name not in header]
    if twice or missing:
        problem = "given twice" if twice else f"missing{_guess(missing[0], header, columns)}"
        more = f", as are {len(missing) - 1} others" if missing[1:] and not twice else ""
        more += "; what is between its cells? say --delimiter" if len(header) == 1 and more else ""
        message = f"row {row}, column {twice or missing[0]}: {problem}{more}"
        raise TableError(message)
    guesses = (
        (name, _guess(name, header, columns)) for name in columns.optional if name not in header
    )
    return [f"row {row}, column {name}: missing{guess}" for name, guess in guesses if guess]


def _guess(name: str, header: Sequence[str], columns: Columns) -> str:
    others = [other for other in header if other not in columns.names]
    close = difflib.get_close_matches(name, others, n=1)
    return f"; is it what the table calls {shorten(close[0])}?" if close else ""
