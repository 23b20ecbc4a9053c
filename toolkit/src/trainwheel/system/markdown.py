"""Text of others in the Markdown that we write: it is shown as it is, and changes no structure.

Pure. CommonMark, with the tables of GitHub; what is put in is one line, for a table's row and a
heading end with theirs.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator

__all__ = ["block", "code", "inline", "paragraphs", "table"]

_SPECIAL = re.compile(r"[\\`*\[\]<>&|~]|(?<![^\W_])_|_(?![^\W_])")
"""Underscores within a word are text to every reader, and metrics are full of them."""
_START = re.compile(
    r"[-+](?=\s|$)|#(?=#{0,5}(?:\s|$))|[-=](?=[-=\s]*$)|\d{1,9}(?=[.)](?:\s|$))", re.ASCII
)
"""What makes a heading, a list or a rule of the line that it begins."""


def inline(text: object) -> str:
    """Return text so that it reads as it is wherever a paragraph, an item or a cell may stand."""
    line = " ".join(str(text).split())
    escaped = _SPECIAL.sub(r"\\\g<0>", line)
    if start := _START.match(escaped):
        mark = start[0]
        return f"{mark}\\{escaped[len(mark) :]}" if mark.isdigit() else f"\\{escaped}"
    return escaped


def code(text: object) -> str:
    """Return text as a code span; outside a table, where a pipe in it would part two cells."""
    line = " ".join(str(text).split())
    longest = max(map(len, re.findall("`+", line)), default=0)
    fence = "`" * (longest + 1)
    space = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{space}{line}{space}{fence}"


def paragraphs(text: str) -> list[list[str]]:
    """Return the lines of each paragraph; an empty line ends one."""
    groups = itertools.groupby(map(str.strip, text.splitlines()), key=bool)
    return [list(lines) for has_text, lines in groups if has_text]


def block(text: str) -> str:
    """Return a text of several lines as paragraphs; each line stays a line of its own."""
    return "\n\n".join("\\\n".join(map(inline, lines)) for lines in paragraphs(text))


def table(heads: Iterable[str], rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """Yield the lines of a table, and the empty one without which what follows is a row of it."""
    cells = [*map(inline, heads)]
    yield f"| {' | '.join(cells)} |"
    yield f"|{'---|' * len(cells)}"
    for row in rows:
        yield f"| {' | '.join(map(inline, row))} |"
    yield ""
