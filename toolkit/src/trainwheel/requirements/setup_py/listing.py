"""The list of requirements in a setup() call: where it is, its elements, and removing some.

With a removed element go the lines and comments that belong to it.
"""

from __future__ import annotations

import ast
import re
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

from trainwheel.requirements.setup_py.brackets import (
    Item,
    comma_after,
    is_own_line,
    rest_of_line,
    tokens_between,
)
from trainwheel.requirements.setup_py.call import SetupCall, find_setup_call
from trainwheel.requirements.setup_py.source import Source

__all__ = ["Listing", "Place", "collapse", "remove_elements"]

_COMMENT_LINE = re.compile(r"[ \t\f]*#[^\r\n]*(?:\r\n|\r|\n)")
_LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True)
class Listing:
    """A list whose elements can be edited.

    Attributes:
        opening: The position after the opening bracket.
        closing: The position of the closing one.
    """

    source: Source
    node: ast.List | ast.Tuple
    opening: int
    closing: int
    items: tuple[Item, ...]

    @classmethod
    def read(cls, source: Source, node: ast.expr | None, label: str) -> Self:
        """Find the brackets and elements of a list or tuple, which messages call `label`.

        Raises:
            SetupPyError: Not a list or tuple, without brackets, or with brackets around an element.
        """
        hint = f"write {label} as a plain list of strings"
        if not isinstance(node, (ast.List, ast.Tuple)):
            raise source.error(node, f"{label} is not written as a list", hint)
        start, end = source.span(node)
        items = tuple(Item(*source.span(element)) for element in node.elts)
        limits = [*(item.start for item in items[1:]), end - 1]
        gaps = [(start + 1, items[0].start if items else end - 1)]
        gaps += [(item.end, limit) for item, limit in zip(items, limits, strict=False)]
        if source.text[start] not in "[(" or not all(_is_plain(source.text, *g) for g in gaps):
            raise source.error(node, "this list holds more than strings and comments", hint)
        return cls(source, node, start + 1, end - 1, items)

    def comma(self, index: int) -> int | None:
        """Return the position of the comma after an element; None without one."""
        following = index + 1 < len(self.items)
        limit = self.items[index + 1].start if following else self.closing
        return comma_after(self.source.text, self.items[index], limit)


def _is_plain(text: str, start: int, end: int) -> bool:
    tokens = tokens_between(text, start, end)
    return tokens is not None and all(token.lastgroup != "bracket" for token in tokens)


@dataclass(frozen=True)
class Place:
    """One list of requirements.

    Attributes:
        label: What messages call it.
        find: Returns its expression in a call, None if it is missing; raises `SetupPyError` if it
            may be computed.
        insert: Returns the file's text with the list added to a call that does not have it.
    """

    label: str
    find: Callable[[SetupCall], ast.expr | None]
    insert: Callable[[SetupCall, Sequence[str]], str]

    def listing(self, source: Source, text: str) -> Listing:
        """Return the list of an edited text, where every position may have moved."""
        new = Source.parse(source.encode(text))
        return Listing.read(new, self.find(find_setup_call(new)), self.label)


def remove_elements(listing: Listing, indexes: Sequence[int]) -> tuple[str, tuple[int, ...]]:
    """Remove elements, as many at once as can be: each time, the whole file is parsed again.

    Returns:
        The file's text, and the indexes that those of `indexes` that are left have in it.
    """
    last = ends = len(listing.items) - 1
    if listing.comma(ends) is None:
        # Without a trailing comma the one before the last loses its own.
        while ends in indexes:
            ends -= 1
    removals, pieces, at = [], [], 0
    for index in sorted(indexes):
        cut = _cut(listing, index) if index <= ends else None
        if ends < index < last:
            cut = _inline(listing, index)
        if cut is not None and cut[0] >= at:
            pieces.append(listing.source.text[at : cut[0]])
            removals.append(index)
            at = cut[1]
    if not removals:
        return _without(listing, max(indexes)), tuple(sorted(indexes)[:-1])
    text = "".join(pieces) + listing.source.text[at:]
    return text, tuple(i - bisect_left(removals, i) for i in indexes if i not in removals)


def _inline(listing: Listing, index: int) -> tuple[int, int] | None:
    """Return start and end of an element up to the next one, if that is on the same line."""
    start, stop = listing.items[index].start, listing.items[index + 1].start
    same_line = listing.source.line_start(start) == listing.source.line_start(stop)
    return (start, stop) if same_line else None


def _without(listing: Listing, index: int) -> str:
    """Return the file's text without an element.

    With an element that is alone on its line go the line and the comment lines directly above. A
    list without a trailing comma stays one.
    """
    start, stop = _cut(listing, index)
    text = listing.source.text
    was_last = index == len(listing.items) - 1
    if was_last and index and listing.comma(index) is None:
        comma = listing.comma(index - 1)
        # It is the comma that makes a tuple of one element.
        if (
            comma is not None
            and comma < start
            and not (text[listing.opening - 1] == "(" and index == 1)
        ):
            return text[:comma] + text[comma + 1 : start] + text[stop:]
    return text[:start] + text[stop:]


def _cut(listing: Listing, index: int) -> tuple[int, int]:
    """Return start and end of the text to remove."""
    text, items = listing.source.text, listing.items
    item, comma = items[index], listing.comma(index)
    stop = item.end if comma is None else comma + 1
    rest = rest_of_line(text, stop)
    if own := _own(listing, index):
        return own
    at_end = _LINE_END.match(text, rest) is not None
    following = items[index + 1].start if index + 1 < len(items) else None
    if following is not None and (not at_end or not index):
        has_comment = "#" in text[rest:following]
        return item.start, rest if has_comment else following
    if index:
        return _after_previous(listing, index), stop
    return item.start, rest


def _own(listing: Listing, index: int) -> tuple[int, int] | None:
    """Return start and end of an element's lines if it is alone on them, else None."""
    item, comma = listing.items[index], listing.comma(index)
    rest = rest_of_line(listing.source.text, item.end if comma is None else comma + 1)
    newline = _LINE_END.match(listing.source.text, rest)
    if newline is None or not is_own_line(listing.source, item.start):
        return None
    return _comments_above(listing, index), newline.end()


def _after_previous(listing: Listing, index: int) -> int:
    """Return where to cut an element that follows another on its line, or is the last one."""
    text, previous = listing.source.text, listing.items[index - 1]
    comma = listing.comma(index - 1)
    start = previous.end if comma is None else comma + 1
    item = listing.items[index]
    return item.start if "#" in text[start : item.start] else start


def _comments_above(listing: Listing, index: int) -> int:
    """Return where the lines of an element start, with those of its comments."""
    source = listing.source
    start = source.line_start(listing.items[index].start)
    floor = listing.opening if not index else listing.items[index - 1].end
    above = source.line_start(start - 1)
    while above >= floor and _COMMENT_LINE.fullmatch(source.text, above, start):
        start, above = above, source.line_start(above - 1)
    return start


def collapse(listing: Listing) -> str:
    """Return the file's text without the blanks that remain in an emptied list."""
    text = listing.source.text
    inside = text[listing.opening : listing.closing]
    if listing.items or inside.strip():
        return text
    return text[: listing.opening] + text[listing.closing :]
