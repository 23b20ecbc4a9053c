"""String literals: read one, and write another in its place with the same quotes."""

from __future__ import annotations

import ast
import re

from trainwheel.requirements.setup_py.call import SetupCall
from trainwheel.requirements.setup_py.names import binding_of
from trainwheel.requirements.setup_py.source import Source

__all__ = [
    "literal_edit",
    "quote_of",
    "read_string",
    "read_text",
    "replace_string",
    "write_string",
]

_LITERAL = re.compile(
    r"(?P<prefix>[rRuU]?)(?P<quote>'''|\"\"\"|'|\")(?:[^\\]|\\[\s\S])*?(?P=quote)"
)
_BLANK = re.compile(r"(?:\s|\\[\r\n])*")
_PLAIN = re.compile(r"[^\\'\"\r\n]*")


def read_string(call: SetupCall, keyword: str, value: ast.expr) -> str:
    """Return the value of a string literal.

    Raises:
        SetupPyError: Anything else.
    """
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        return value.value
    problem = f"{keyword} is computed, and setup.py is read without running it"
    raise call.source.error(value, problem, f'write {keyword}="…", or bind a name to such a string')


def read_text(call: SetupCall, value: ast.expr | None) -> str | None:
    """Return a string, also one that is put together from others; None for anything else."""
    match value:
        case ast.Constant(value=str(text)):
            return text
        case ast.Name(id=name):
            binding = binding_of(call.source, name, call.node)
            return read_text(call, binding) if binding and binding.lineno < value.lineno else None
        case ast.BinOp(op=ast.Add()):
            parts = [value.left, value.right]
        case ast.JoinedStr():
            parts = value.values
        case ast.FormattedValue(conversion=-1, format_spec=None):
            return read_text(call, value.value)
        case _:
            return None
    texts = [read_text(call, part) for part in parts]
    return None if None in texts else "".join(map(str, texts))


def replace_string(source: Source, node: ast.expr, value: str) -> str:
    """Return the text of `source` with another string at `node`; see :func:`literal_edit`."""
    start, end, literal = literal_edit(source, node, value)
    return source.text[:start] + literal + source.text[end:]


def literal_edit(source: Source, node: ast.expr, value: str) -> tuple[int, int, str]:
    """Return start, end and text of the literal that replaces `node`, in its prefix and quotes.

    A string that is put together from others becomes a plain one.

    Raises:
        SetupPyError: Adjacent literals with a comment between them, which would be lost.
    """
    start, end = source.span(node)
    if not isinstance(node, ast.Constant):
        return start, end, write_string(value, quote_of(source, node))
    first = _LITERAL.match(source.text, start)
    if first is None or not _only_literals(source.text, start, end):
        problem = "this text is written in several pieces"
        raise source.error(node, problem, "write it as one literal")
    return start, end, write_string(value, first["quote"], first["prefix"])


def _only_literals(text: str, position: int, end: int) -> bool:
    """Return whether there are only literals and blanks: no comment, no bracket."""
    while position < end:
        match = _LITERAL.match(text, position)
        if match is None:
            return False
        blank = _BLANK.match(text, match.end())
        position = blank.end() if blank else match.end()
    return True


def write_string(value: str, quote: str, prefix: str = "") -> str:
    """Return a literal for `value`, in `quote` if that needs no escape."""
    if _PLAIN.fullmatch(value):
        return f"{prefix}{quote}{value}{quote}"
    if "\\" not in value and value.isprintable():
        for other in (quote, '"', "'"):
            if other[0] not in value:
                return f"{prefix}{other}{value}{other}"
    return repr(value)


def quote_of(source: Source, node: ast.AST) -> str:
    """Return the quotes of the first string literal in `node`, else double ones."""
    for child in ast.walk(node):
        if isinstance(child, ast.Constant) and isinstance(child.value, str):
            literal = _LITERAL.match(source.text, source.span(child)[0])
            if literal:
                return literal["quote"][0]
    return '"'
