"""Add a keyword argument to a setup() call."""

from __future__ import annotations

from collections.abc import Sequence

from trainwheel.requirements.setup_py.brackets import (
    Item,
    append_item,
    is_own_line,
    item_through,
    write_list,
)
from trainwheel.requirements.setup_py.call import SetupCall
from trainwheel.requirements.setup_py.literal import quote_of, write_string

__all__ = ["argument_indent", "insert_argument", "insert_keyword", "is_one_line"]


def insert_keyword(call: SetupCall, keyword: str, values: Sequence[str], *, as_list: bool) -> str:
    """Return the file's text with `keyword` after the call's last argument.

    Args:
        call: A call without that keyword.
        keyword: Its name.
        values: One string, or the strings of a list.
        as_list: Whether to write a list.

    Raises:
        SetupPyError: The call cannot be edited safely.
    """
    quote = quote_of(call.source, call.node)
    literals = [write_string(value, quote) for value in values]
    if not as_list:
        value = literals[0]
    elif is_one_line(call):
        value = f"[{', '.join(literals)}]"
    else:
        value = write_list(literals, "[]", argument_indent(call), call.source)
    return insert_argument(call, f"{keyword}={value}")


def insert_argument(call: SetupCall, argument: str) -> str:
    """Return the file's text with `argument` after the call's last one.

    Raises:
        SetupPyError: The call cannot be edited safely.
    """
    limit = call.source.span(call.node)[1] - 1
    last = _last_argument(call, limit)
    if last is not None:
        return append_item(call.source, last, limit, argument)
    return _only_argument(call, limit, argument)


def is_one_line(call: SetupCall) -> bool:
    """Return whether the call has arguments, all on one line."""
    has_arguments = bool(call.node.args or call.node.keywords)
    return has_arguments and call.node.lineno == call.node.end_lineno


def argument_indent(call: SetupCall) -> str:
    """Return the indent of the line that a new argument goes on."""
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
