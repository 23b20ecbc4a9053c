"""JSON lines in the shell: an object a line, read and written as `CsvTable` does a table."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import cast

from oncology_model.table import Columns, Row, describe_clash, shorten


class JsonLines:
    """A JSON object a line, whose names may differ from line to line."""

    notes: Sequence[str] = ()

    def __init__(self, lines: Iterator[str], columns: Columns) -> None:
        """Take lines, as `read_lines` gives them; a row has what it has of the columns."""
        self._lines = lines
        self._names = frozenset(columns.names)

    def rows(self) -> Iterator[Row]:
        """Read the rows, one after the other; see `Table`."""
        for number, line in enumerate(self._lines, 1):
            if line.strip():
                yield self._parse(number, line)

    def begin(self, columns: Mapping[str, bool]) -> str:
        """Give nothing; see `Table`."""
        return ""

    def render(self, rows: Iterable[tuple[Row, Mapping[str, object]]]) -> str:
        """Give an object for each row; see `Table`."""
        return "".join(map(_to_json, rows))

    def _parse(self, number: int, line: str) -> Row:
        try:
            document = json.loads(
                line, object_pairs_hook=_to_object, parse_float=_parse, parse_constant=_parse
            )
        except (ValueError, RecursionError) as error:
            return Row(number, {}, {}, ("", f"not a JSON object ({error})"))
        if not isinstance(document, dict):
            return Row(number, {}, {}, ("", "not a JSON object; write one in each line"))
        others = {name: document[name] for name in document if name not in self._names}
        return Row(number, {name: document[name] for name in document.keys() - others}, others)


def _to_object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    document = dict(pairs)
    if len(document) < len(pairs):
        message = "a name is given twice"
        raise ValueError(message)
    return document


def _parse(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        message = f"{shorten(text)} is not a finite number; a missing one is null"
        raise ValueError(message)
    return number


def _to_json(row: tuple[Row, Mapping[str, object]]) -> str:
    others, answer = cast("Mapping[str, object]", row[0].others), row[1]
    clash = min(others.keys() & answer.keys(), default=None)
    if clash is not None:
        raise describe_clash(row[0].number, clash)
    return f"{json.dumps({**others, **answer})}\n"
