"""Add to a setup() call: a keyword argument, or the list of an extra in extras_require."""

from __future__ import annotations

import ast
import functools
from collections.abc import Sequence

from packaging.utils import canonicalize_name

from trainwheel.errors import SetupPyError
from trainwheel.requirements.pep508 import is_marker
from trainwheel.requirements.setup_py.brackets import (
    Item,
    append_item,
    is_own_line,
    item_through,
    write_list,
)
from trainwheel.requirements.setup_py.call import Entry, SetupCall, last_entry
from trainwheel.requirements.setup_py.listing import Place
from trainwheel.requirements.setup_py.literal import quote_of, write_string
from trainwheel.requirements.setup_py.source import Source

__all__ = ["conditions_of", "insert_argument", "place_of"]

_KEYWORD = "extras_require"


def place_of(extra: str | None) -> Place:
    """Return the place of an extra's list, or of the runtime requirements."""
    if extra is None:
        key = "install_requires"
        return Place(key, lambda call: call.value_of(key), _insert_requirements)
    find, insert = functools.partial(_find, extra), functools.partial(_insert_extra, extra)
    return Place(f"{_KEYWORD}[{extra!r}]", find, insert)


def _find(extra: str, call: SetupCall) -> ast.expr | None:
    """Return the list of an extra, also where it is a name that is bound once; None without one.

    Raises:
        SetupPyError: The table is computed, or a computed key may stand for the same extra.
    """
    value = last_entry(call, _entries(call, extra)[1], extra)
    return None if value is None else call.resolve(value, f"{_KEYWORD}[{extra!r}]")


def _entries(call: SetupCall, extra: str) -> tuple[ast.expr | None, list[Entry]]:
    """Return the table of extras and all of its entries; None without a table."""
    argument = call.argument(_KEYWORD)
    if argument is None:
        return None, []
    table = call.resolve(argument, _KEYWORD, extra)
    return table, call.entries(argument, table, _KEYWORD)


def conditions_of(call: SetupCall, extra: str | None) -> list[str]:
    """Return the keys ``extra:marker``, under which setuptools takes more requirements.

    Those of the runtime requirements have no name before the colon.
    """
    try:
        entries = _entries(call, extra or ":")[1]
    except SetupPyError:
        # A computed table; only the built metadata shows what is in it.
        return []
    keys = [str(key.value) for key, _ in entries if isinstance(key, ast.Constant)]
    parts = [(key, *key.partition(":")) for key in dict.fromkeys(keys)]
    name = canonicalize_name(extra or "")
    return [
        key for key, own, _, marker in parts if canonicalize_name(own) == name and is_marker(marker)
    ]


def _insert_extra(extra: str, call: SetupCall, requirements: Sequence[str]) -> str:
    """Return the file's text with a list for an extra that is missing.

    Raises:
        SetupPyError: The table cannot be edited safely.
    """
    source, (table, entries) = call.source, _entries(call, extra)
    quote = quote_of(source, call.node)
    key = f"{write_string(extra, quote)}: "
    if isinstance(table, ast.Call):
        if not extra.isidentifier() or not table.keywords:
            problem = f"this dict() cannot be given {extra!r}"
            raise source.error(table, problem, f"write {_KEYWORD} in braces")
        key = f"{extra}="
    literals = [write_string(text, quote) for text in requirements]
    if table is None:
        value = _table(call, key, literals, _new_indent(call))
        return insert_argument(call, f"{_KEYWORD}={value}")
    limit = source.span(table)[1] - 1
    inside = [entry for entry in entries if source.span(entry[1])[1] <= limit]
    inside = [
        (key, value) for key, value in inside if source.span(value)[0] > source.span(table)[0]
    ]
    if not inside:
        return _filled(call, table, key, literals)
    last = _last_entry(source, inside[-1], limit)
    spread = source.line_start(last.start) != source.line_start(limit)
    indent = source.indent(last.start) if spread else None
    return append_item(source, last, limit, key + write_list(literals, "[]", indent, call.source))


def _filled(call: SetupCall, table: ast.expr, key: str, literals: list[str]) -> str:
    """Return the text with an entry in an empty table."""
    source = call.source
    start, end = source.span(table)
    text, closing = source.text, source.line_start(end - 1)
    if "#" in text[start:end]:
        # Below the comments; the closing bracket then has a line of its own.
        indent = source.indent(end - 1)
        deeper = indent + source.unit()
        entry = key + write_list(literals, "[]", deeper, source)
        return f"{text[:closing]}{deeper}{entry},{source.newline()}{text[closing:]}"
    one_line = call.node.lineno == call.node.end_lineno == table.lineno
    new = _table(call, key, literals, None if one_line else source.indent(start))
    return source.text[:start] + new + source.text[end:]


def _table(call: SetupCall, key: str, literals: list[str], indent: str | None) -> str:
    """Return a table with one entry; on one line if `indent` is None."""
    source = call.source
    deeper = None if indent is None else indent + source.unit()
    entry = key + write_list(literals, "[]", deeper, source)
    newline = source.newline()
    return f"{{{entry}}}" if indent is None else f"{{{newline}{deeper}{entry},{newline}{indent}}}"


def _last_entry(source: Source, entry: Entry, limit: int) -> Item:
    key, value = entry
    start = source.span(value if key is None else key)[0]
    return item_through(source.text, start, source.span(value)[1], limit)


def insert_argument(call: SetupCall, argument: str) -> str:
    """Return the file's text with `argument` after the call's last one.

    Raises:
        SetupPyError: The call cannot be edited safely.
    """
    if call.repeats:
        problem = "setup() is called in several places, and an argument is missing in all of them"
        raise call.source.error(call.repeats[0], problem, "keep one, or write the argument by hand")
    limit = call.source.span(call.node)[1] - 1
    last = _last_argument(call, limit)
    if last is not None:
        return append_item(call.source, last, limit, argument)
    return _only_argument(call, limit, argument)


def _new_indent(call: SetupCall) -> str | None:
    """Return the indent of the line that a new argument goes on; None for a call on one line."""
    has_arguments = bool(call.node.args or call.node.keywords)
    if has_arguments and call.node.lineno == call.node.end_lineno:
        return None
    source = call.source
    start, end = source.span(call.node)
    last = _last_argument(call, end - 1)
    return source.indent(last.start) if last else source.indent(start) + source.unit()


def _last_argument(call: SetupCall, limit: int) -> Item | None:
    """Return the last argument with its name and any brackets around its value."""
    source = call.source
    spans = [source.span(argument) for argument in call.node.args]
    for keyword in call.node.keywords:
        start = source.offset(keyword.lineno, keyword.col_offset)
        spans.append((start, source.span(keyword.value)[1]))
    return item_through(source.text, *max(spans), limit) if spans else None


def _only_argument(call: SetupCall, limit: int, argument: str) -> str:
    """Return the text with `argument` in an empty call, below any comment in it."""
    source, text = call.source, call.source.text
    indent = source.indent(source.span(call.node)[0])
    inside = text[source.span(call.node.func)[1] : limit]
    newline = source.newline()
    if "\n" in inside or "\r" in inside:
        if not is_own_line(source, limit):
            problem = "the end of this setup() call cannot be read"
            raise source.error(call.node, problem, "put its closing bracket on a line of its own")
        at = source.line_start(limit)
        return f"{text[:at]}{indent}{source.unit()}{argument},{newline}{text[at:]}"
    if "\n" not in argument and "\r" not in argument:
        return f"{text[:limit]}{argument}{text[limit:]}"
    lines = f"{newline}{indent}{source.unit()}{argument},{newline}{indent}"
    return text[:limit].rstrip() + lines + text[limit:]


def _insert_requirements(call: SetupCall, requirements: Sequence[str]) -> str:
    quote = quote_of(call.source, call.node)
    literals = [write_string(text, quote) for text in requirements]
    value = write_list(literals, "[]", _new_indent(call), call.source)
    return insert_argument(call, f"install_requires={value}")
