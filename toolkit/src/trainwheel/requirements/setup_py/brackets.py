"""The text between the items of a list or a call, and adding an item to it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from trainwheel.requirements.setup_py.source import Source

__all__ = [
    "Item",
    "append_item",
    "comma_after",
    "is_own_line",
    "item_through",
    "rest_of_line",
    "tokens_between",
    "write_list",
]

_TOKEN = re.compile(
    r"(?P<comma>,)|(?P<bracket>\))|(?P<comment>#[^\r\n]*)|(?P<blank>[ \t\f]+|\\?(?:\r\n|\r|\n))"
)
_REST = re.compile(r"[ \t\f]*(?:#[^\r\n]*)?(?=[\r\n]|\Z)")


@dataclass(frozen=True, slots=True)
class Item:
    """The position of an element or an argument in the text."""

    start: int
    end: int


def tokens_between(text: str, start: int, end: int) -> list[re.Match[str]] | None:
    """Return the commas, comments, blanks and brackets between two items; None for other text."""
    tokens = []
    while start < end:
        match = _TOKEN.match(text, start, end)
        if match is None:
            return None
        tokens.append(match)
        start = match.end()
    return tokens


def comma_after(text: str, item: Item, limit: int) -> int | None:
    """Return the position of the comma after an item, before `limit`; None without one."""
    for match in tokens_between(text, item.end, limit) or ():
        if match.lastgroup == "comma":
            return match.start()
    return None


def item_through(text: str, start: int, end: int, limit: int) -> Item:
    """Return the item from `start`, with the brackets that close after its value."""
    tokens = tokens_between(text, end, limit) or []
    return Item(start, max([end, *(t.end() for t in tokens if t.lastgroup == "bracket")]))


def is_own_line(source: Source, position: int) -> bool:
    """Return whether there are only blanks before `position` on its line."""
    return not source.text[source.line_start(position) : position].strip()


def rest_of_line(text: str, position: int) -> int:
    """Return the end of the line if only a comment follows `position`, else `position`."""
    match = _REST.match(text, position)
    return match.end() if match else position


def append_item(source: Source, last: Item, limit: int, *new: str) -> str:
    """Return the text with `new` after the `last` item, in the same layout.

    Args:
        source: The file.
        last: The last item before the closing bracket.
        limit: The position of the closing bracket.
        new: The texts of the new items.
    """
    text = source.text
    comma = comma_after(text, last, limit)
    own_line = is_own_line(source, last.start)
    before = source.newline() + source.indent(last.start) if own_line else " "
    if comma is not None:
        at = rest_of_line(text, comma + 1) if own_line else comma + 1
        return text[:at] + "".join(f"{before}{item}," for item in new) + text[at:]
    at = rest_of_line(text, last.end) if own_line else last.end
    items = ",".join(f"{before}{item}" for item in new)
    return f"{text[: last.end]},{text[last.end : at]}{items}{text[at:]}"


def write_list(items: list[str], brackets: str, indent: str | None, source: Source) -> str:
    """Return a list or tuple: several items one a line, a single item without line ends.

    Args:
        items: Their texts.
        brackets: ``[]`` or ``()``.
        indent: That of the line on which the list starts; None to write it on one line.
        source: The file, for its line ends and the depth of its indents.
    """
    opening, closing = brackets[0], brackets[1]
    if indent is None or len(items) == 1:
        comma = "," if opening == "(" and len(items) == 1 else ""
        return f"{opening}{', '.join(items)}{comma}{closing}"
    line = source.newline() + indent
    return opening + "".join(f"{line}{source.unit()}{item}," for item in items) + line + closing
