"""The list of install_requires: read it, and change, add and remove elements in place."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from trainwheel.setup_py.brackets import append_item, write_list
from trainwheel.setup_py.call import SetupCall, find_setup_call
from trainwheel.setup_py.listing import Listing
from trainwheel.setup_py.literal import quote_of, replace_string, write_string
from trainwheel.setup_py.pairing import Changes, pair, same_meaning
from trainwheel.setup_py.removal import collapse, remove_element
from trainwheel.setup_py.source import Source

__all__ = ["read_requirements", "replace_requirements"]

_KEYWORD = "install_requires"
_HINT = f"write {_KEYWORD} as a plain list of strings"


def read_requirements(call: SetupCall, value: ast.expr) -> tuple[str, ...]:
    """Return the strings of a literal list, tuple or block of lines; setuptools takes all three.

    Raises:
        SetupPyError: Anything else, or an element that is computed.
    """
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        lines = (line.partition("#")[0].strip() for line in value.value.splitlines())
        return tuple(line for line in lines if line)
    if not isinstance(value, (ast.List, ast.Tuple)):
        raise call.source.error(value, f"{_KEYWORD} is computed", _HINT)
    texts = []
    for element in value.elts:
        if not (isinstance(element, ast.Constant) and isinstance(element.value, str)):
            raise call.source.error(element, f"an element of {_KEYWORD} is computed", _HINT)
        texts.append(element.value)
    return tuple(texts)


def replace_requirements(call: SetupCall, value: ast.expr, wanted: Sequence[str]) -> str:
    """Return the file's text with `wanted` in the list; the same text where it means that already.

    Raises:
        SetupPyError: The list cannot be edited without losing something.
    """
    present = read_requirements(call, value)
    if same_meaning(present, wanted):
        return call.source.text
    listing = Listing.read(call.source, value)
    if not present:
        return _filled(call, listing, wanted)
    return _apply(listing, pair(present, wanted))


def _apply(listing: Listing, changes: Changes) -> str:
    """Change, then add, then remove: so the style of the old elements is there for the new."""
    for index, text in changes.changed.items():
        node = listing.node.elts[index]
        listing = _reread(listing.source, replace_string(listing.source, node, text))
    quote = quote_of(listing.source, listing.node)
    for text in changes.added:
        new = write_string(text, quote)
        last = listing.items[-1]
        listing = _reread(listing.source, append_item(listing.source, last, listing.closing, new))
    for index in sorted(changes.removed, reverse=True):
        listing = _reread(listing.source, remove_element(listing, index))
    return collapse(listing)


def _reread(source: Source, text: str) -> Listing:
    """Return the list as it stands after an edit: every position has moved."""
    edited = Source.parse(source.encode(text), source.name)
    return Listing.read(edited, find_setup_call(edited).value_of(_KEYWORD))


def _filled(call: SetupCall, listing: Listing, wanted: Sequence[str]) -> str:
    """Return the text with elements in a list that had none, below any comment in it."""
    source, text = listing.source, listing.source.text
    quote = quote_of(source, call.node)
    literals = [write_string(requirement, quote) for requirement in wanted]
    inside = text[listing.opening : listing.closing]
    indent = source.indent(listing.closing)
    if "#" in inside:
        start = source.line_start(listing.closing)
        lines = (f"{indent}{source.unit()}{item},{source.newline()}" for item in literals)
        return text[:start] + "".join(lines) + text[start:]
    brackets = "[]" if isinstance(listing.node, ast.List) else "()"
    if call.node.lineno == call.node.end_lineno == listing.node.lineno:
        comma = "," if brackets == "()" and len(literals) == 1 else ""
        new = f"{brackets[0]}{', '.join(literals)}{comma}{brackets[1]}"
    else:
        new = write_list(literals, brackets, source.indent(listing.opening), source)
    return text[: listing.opening - 1] + new + text[listing.closing + 1 :]
