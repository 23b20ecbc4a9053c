"""Read a list of requirements, and edit it in place."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from trainwheel.requirements.setup_py.brackets import append_item, write_list
from trainwheel.requirements.setup_py.call import SetupCall
from trainwheel.requirements.setup_py.listing import (
    Listing,
    Place,
    collapse,
    remove_elements,
)
from trainwheel.requirements.setup_py.literal import literal_edit, quote_of, read_text, write_string
from trainwheel.requirements.setup_py.pairing import Changes, pair, same_meaning

__all__ = ["read_requirements", "replace_requirements"]

# Of a line, unless the file has longer ones: Black's own limit.
_LONGEST = 88


def read_requirements(call: SetupCall, value: ast.expr, label: str) -> tuple[str, ...]:
    """Return the strings of a literal list, tuple, sum of those or text of several lines.

    Args:
        call: The setup() call.
        value: The expression of the list.
        label: Its name in messages.

    Raises:
        SetupPyError: Anything else, or an element that is computed.
    """
    hint = f"write {label} as a plain list of strings"
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        lines = (line.partition("#")[0].strip() for line in value.value.splitlines())
        return tuple(line for line in lines if line)
    if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add):
        parts = [call.resolve_within(part, label) for part in (value.left, value.right)]
        if not any(isinstance(part, ast.Constant) for part in parts):
            return tuple(text for part in parts for text in read_requirements(call, part, label))
    if not isinstance(value, (ast.List, ast.Tuple)):
        raise call.source.error(value, f"{label} is computed", hint)
    texts = []
    for element in value.elts:
        text = read_text(call, element)
        if text is None:
            raise call.source.error(element, f"an element of {label} is computed", hint)
        texts.append(text)
    return tuple(texts)


def replace_requirements(
    call: SetupCall, place: Place, value: ast.expr, requirements: Sequence[str]
) -> str:
    """Return the file's text with other requirements; the same text if it means that already.

    Raises:
        SetupPyError: The list cannot be edited safely.
    """
    present = read_requirements(call, value, place.label)
    if same_meaning(present, requirements):
        return call.source.text
    if not isinstance(value, (ast.List, ast.Tuple)) and "#" not in call.source.text_of(value):
        return _as_list(call, value, requirements)
    listing = Listing.read(call.source, value, place.label)
    if not present:
        return _filled(call, listing, requirements)
    return _apply(place, listing, pair(present, requirements))


def _apply(place: Place, listing: Listing, changes: Changes) -> str:
    """Change, then add, then remove, so that new elements follow the style of old ones."""
    longest = max(_LONGEST, *map(len, listing.source.text.splitlines()))
    if changes.changed:
        listing = place.listing(listing.source, _changed(listing, changes.changed))
    if changes.added:
        quote = quote_of(listing.source, listing.node)
        new = [write_string(text, quote) for text in changes.added]
        text = append_item(listing.source, listing.items[-1], listing.closing, *new)
        listing = place.listing(listing.source, text)
    rest = changes.removed
    while rest:
        text, rest = remove_elements(listing, rest)
        listing = place.listing(listing.source, text)
    return _spread(listing, longest) if listing.items else collapse(listing)


def _spread(listing: Listing, longest: int) -> str:
    """Return the text with one element a line, if the list has outgrown the line it is on."""
    source, node = listing.source, listing.node
    start, end = source.span(node)
    line = source.line_start(start)
    length = len(source.text[line:].splitlines()[0])
    if node.lineno != node.end_lineno or length <= longest or len(listing.items) == 1:
        return source.text
    items = [source.text[item.start : item.end] for item in listing.items]
    new = write_list(items, source.text[start] + source.text[end - 1], source.indent(start), source)
    return source.text[:start] + new + source.text[end:]


def _changed(listing: Listing, new_texts: dict[int, str]) -> str:
    """Return the text with other strings in the place of some elements."""
    pieces, at = [], 0
    for index in sorted(new_texts):
        node = listing.node.elts[index]
        start, end, literal = literal_edit(listing.source, node, new_texts[index])
        pieces += [listing.source.text[at:start], literal]
        at = end
    return "".join(pieces) + listing.source.text[at:]


def _as_list(call: SetupCall, value: ast.expr, requirements: Sequence[str]) -> str:
    """Return the text with a plain list in place of a text of several lines, or a sum of lists."""
    source, (start, end) = call.source, call.source.span(value)
    literals = [write_string(text, quote_of(source, call.node)) for text in requirements]
    indent = source.indent(start) if len(literals) > 1 else None
    return source.text[:start] + write_list(literals, "[]", indent, source) + source.text[end:]


def _filled(call: SetupCall, listing: Listing, requirements: Sequence[str]) -> str:
    """Return the text with elements in an empty list, below any comment in it."""
    source, text = listing.source, listing.source.text
    quote = quote_of(source, call.node)
    literals = [write_string(requirement, quote) for requirement in requirements]
    inside = text[listing.opening : listing.closing]
    indent = source.indent(listing.closing)
    if "#" in inside:
        start = source.line_start(listing.closing)
        lines = (f"{indent}{source.unit()}{item},{source.newline()}" for item in literals)
        return text[:start] + "".join(lines) + text[start:]
    brackets = "[]" if isinstance(listing.node, ast.List) else "()"
    one_line = call.node.lineno == call.node.end_lineno == listing.node.lineno
    new = write_list(
        literals, brackets, None if one_line else source.indent(listing.opening), source
    )
    return text[: listing.opening - 1] + new + text[listing.closing + 1 :]
