"""Remove elements from a list, with the lines and comments that belong to them."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence

from trainwheel.requirements.setup_py.brackets import is_own_line, rest_of_line
from trainwheel.requirements.setup_py.listing import Listing

__all__ = ["collapse", "remove_element", "remove_lines"]

_COMMENT_LINE = re.compile(r"[ \t\f]*#[^\r\n]*(?:\r\n|\r|\n)")
_LINE_END = re.compile(r"\r\n|\r|\n")


def remove_lines(listing: Listing, indexes: Sequence[int]) -> tuple[str, tuple[int, ...]]:
    """Remove all elements at once that have a line of their own.

    Returns:
        The file's text, and the indexes that the others of `indexes` have in it.
    """
    ends = len(listing.items) - 1
    if ends >= 0 and listing.comma(ends) is None:
        # Without a trailing comma the one before the last loses its own.
        while ends in indexes:
            ends -= 1
    alone = {index: cut for index in indexes if index <= ends and (cut := _own(listing, index))}
    pieces, at = [], 0
    for start, stop in alone.values():
        pieces.append(listing.source.text[at:start])
        at = stop
    text = "".join(pieces) + listing.source.text[at:]
    removals = sorted(alone)
    return text, tuple(i - bisect_left(removals, i) for i in indexes if i not in alone)


def remove_element(listing: Listing, index: int) -> str:
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
