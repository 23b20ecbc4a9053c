"""Write a keyword argument that a setup() call lacks."""

from __future__ import annotations

from collections.abc import Sequence

from trainwheel.setup_py.brackets import (
    Item,
    append_item,
    is_own_line,
    tokens_between,
    write_list,
)
from trainwheel.setup_py.call import SetupCall
from trainwheel.setup_py.literal import quote_of, write_string

__all__ = ["insert_keyword"]


def insert_keyword(call: SetupCall, keyword: str, values: Sequence[str], *, as_list: bool) -> str:
    """Return the file's text with `keyword` after the call's last argument.

    Args:
        call: A call without that keyword.
        keyword: Its name.
        values: One string, or the strings of a list.
        as_list: Whether to write a list.

    Raises:
        SetupPyError: The call is written in a way that leaves no safe place.
    """
    source = call.source
    start, end = source.span(call.node)
    limit = end - 1
    quote = quote_of(source, call.node)
    literals = [write_string(value, quote) for value in values]
    last = _last_argument(call, limit)
    one_line = call.node.lineno == call.node.end_lineno and last is not None
    indent = source.indent(last.start) if last else source.indent(start) + source.unit()
    if not as_list:
        value = literals[0]
    elif one_line:
        value = f"[{', '.join(literals)}]"
    else:
        value = write_list(literals, "[]", indent, source)
    if last is not None:
        return append_item(source, last, limit, f"{keyword}={value}")
    return _only_argument(call, limit, f"{keyword}={value}")


def _last_argument(call: SetupCall, limit: int) -> Item | None:
    """Return the last argument with its name and any brackets around its value."""
    source = call.source
    spans = [source.span(argument) for argument in call.node.args]
    for keyword in call.node.keywords:
        start = source.offset(keyword.lineno, keyword.col_offset)
        spans.append((start, source.span(keyword.value)[1]))
    if not spans:
        return None
    start, end = max(spans)
    tokens = tokens_between(source.text, end, limit) or []
    brackets = [token.end() for token in tokens if token.lastgroup == "bracket"]
    return Item(start, max([end, *brackets]))


def _only_argument(call: SetupCall, limit: int, argument: str) -> str:
    """Return the text with `argument` in a call that has none, below any comment in it."""
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
