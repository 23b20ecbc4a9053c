"""The positions of the brackets and elements of a list or tuple."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Self

from trainwheel.requirements.setup_py.brackets import Item, comma_after, tokens_between
from trainwheel.requirements.setup_py.source import Source

__all__ = ["Listing"]


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
