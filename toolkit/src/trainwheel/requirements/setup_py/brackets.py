"""Between the items of a list or a call: commas, comments and line ends, and room for one more."""

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
    """Where an element or an argument stands in the text."""

    start: int
    end: int


def tokens_between(text: str, start: int, end: int) -> list[re.Match[str]] | None:
    """Return what stands between two items, or None where it is more than commas and blanks."""
    found = []
    while start < end:
        match = _TOKEN.match(text, start, end)
        if match is None:
            return None
        found.append(match)
        start = match.end()
    return found


def comma_after(text: str, item: Item, limit: int) -> int | None:
    """Return where the comma after `item` stands, searching up to `limit`."""
    for match in tokens_between(text, item.end, limit) or ():
        if match.lastgroup == "comma":
            return match.start()
    return None


def item_through(text: str, start: int, end: int, limit: int) -> Item:
    """Return the item from `start` with the brackets that close after the end of its value."""
    tokens = tokens_between(text, end, limit) or []
    return Item(start, max([end, *(t.end() for t in tokens if t.lastgroup == "bracket")]))


def is_own_line(source: Source, position: int) -> bool:
    """Return whether only blanks stand before `position` on its line."""
    return not source.text[source.line_start(position) : position].strip()


def rest_of_line(text: str, position: int) -> int:
    """Return where the line of `position` ends if only a comment follows, else `position`."""
    match = _REST.match(text, position)
    return match.end() if match else position


def append_item(source: Source, last: Item, limit: int, *new: str) -> str:
    """Return the text with `new` after the `last` item, laid out as that one is.

    Args:
        source: The file.
        last: The last item before the closing bracket.
        limit: Where the closing bracket stands.
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


def write_list(items: list[str], brackets: str, indent: str, source: Source) -> str:
    """Return a list or tuple with one item a line, or with one item in the line it stands in.

    Args:
        items: Their texts.
        brackets: ``[]`` or ``()``.
        indent: Of the line that the list starts on.
        source: Gives line ends and the depth of an indent.
    """
    opening, closing = brackets[0], brackets[1]
    if len(items) == 1:
        return f"{opening}{items[0]}{',' if opening == '(' else ''}{closing}"
    line = source.newline() + indent
    return opening + "".join(f"{line}{source.unit()}{item}," for item in items) + line + closing
