"""A Python file as bytes, text and syntax tree, and the positions of one in another."""

from __future__ import annotations

import ast
import codecs
import re
import tokenize
import warnings
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Self

from trainwheel.errors import SetupPyError

__all__ = ["Source"]

# The line ends of Python. str.splitlines also splits at form feeds and other characters.
_LINE_END = re.compile(r"\r\n|\r|\n")


def _find_encoding(source: bytes) -> str:
    """Return the encoding that a file declares (PEP 263), with any line ends.

    Raises:
        SyntaxError: The encoding is unknown.
    """
    # tokenize does not split at a lone carriage return; the declaration is in the first two lines.
    lines = iter(re.split(rb"\r\n|\r|\n", source, maxsplit=2)[:2])
    encoding, _ = tokenize.detect_encoding(lambda: next(lines, b""))
    return "utf-8" if encoding == "utf-8-sig" else encoding


@dataclass(frozen=True)
class Source:
    """A parsed file.

    Attributes:
        text: The file decoded, without its byte order mark; line ends as they are.
        tree: The syntax tree of `text`.
        encoding: The declared one (PEP 263).
        mark: The byte order mark, or nothing.
    """

    text: str
    tree: ast.Module
    encoding: str
    mark: bytes = b""

    @classmethod
    @lru_cache(maxsize=4)
    def parse(cls, source: bytes) -> Self:
        """Read a file's bytes.

        Raises:
            SetupPyError: Not Python, or not in the encoding that it declares.
        """
        mark = codecs.BOM_UTF8 if source.startswith(codecs.BOM_UTF8) else b""
        try:
            encoding = _find_encoding(source)
            text = source.removeprefix(mark).decode(encoding)
            if text.encode(encoding) != source.removeprefix(mark):
                message = f"setup.py: {encoding} text cannot be written back unchanged"
                raise SetupPyError(message, hint="save it as UTF-8")
            with warnings.catch_warnings():
                # An odd escape in the user's file works as before.
                warnings.simplefilter("ignore")
                tree = ast.parse(text)
                # Some errors are found after parsing, such as a keyword that is given twice.
                compile(tree, "setup.py", "exec", dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            line = getattr(error, "lineno", None) or 1
            message = f"setup.py:{line}: not a Python file: {getattr(error, 'msg', None) or error}"
            raise SetupPyError(message, hint="fix that line") from None
        return cls(text, tree, encoding, mark)

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """All of the tree, in no particular order."""
        return tuple(ast.walk(self.tree))

    @cached_property
    def parents(self) -> dict[ast.AST, ast.AST]:
        """The node around each node."""
        return {child: node for node in self.nodes for child in ast.iter_child_nodes(node)}

    @cached_property
    def _lines(self) -> tuple[int, ...]:
        return (0, *(match.end() for match in _LINE_END.finditer(self.text)))

    def offset(self, line: int, column: int) -> int:
        """Return the position in `text` of a tree position, whose column counts UTF-8 bytes."""
        start = self._lines[line - 1]
        # A character is never longer than its bytes, so this slice holds all of them.
        return start + len(self.text[start : start + column].encode()[:column].decode())

    def span(self, node: ast.expr) -> tuple[int, int]:
        """Return where `node` starts and ends in `text`."""
        end_line, end_column = node.end_lineno, node.end_col_offset
        # Python 3.8 and later always fill in both.
        assert end_line is not None  # noqa: S101  # nosec B101
        assert end_column is not None  # noqa: S101  # nosec B101
        return self.offset(node.lineno, node.col_offset), self.offset(end_line, end_column)

    def text_of(self, node: ast.expr) -> str:
        """Return how `node` is written."""
        start, end = self.span(node)
        return self.text[start:end]

    def line_start(self, position: int) -> int:
        """Return where the line that holds `position` starts."""
        return self._lines[bisect_right(self._lines, position) - 1]

    def newline(self) -> str:
        """Return the line end of the file's first line."""
        match = _LINE_END.search(self.text)
        return match[0] if match else "\n"

    def indent(self, position: int) -> str:
        """Return the white space that the line of `position` starts with."""
        start = self.line_start(position)
        match = re.compile(r"[ \t]*").match(self.text, start)
        return match[0] if match else ""

    def unit(self) -> str:
        """Return the file's step of indentation, else four blanks."""
        depths = re.findall(r"^([ \t]+)(?=[^\s#])", self.text, re.MULTILINE)
        if any("\t" in depth for depth in depths):
            return "\t"
        return "  " if "  " in depths else "    "

    def encode(self, text: str) -> bytes:
        """Return `text` as a file like this one.

        Raises:
            SetupPyError: The file's encoding does not have one of the characters.
        """
        try:
            return self.mark + text.encode(self.encoding)
        except UnicodeEncodeError as error:
            character = error.object[error.start : error.end]
            message = f"setup.py: {character!r} cannot be written in {self.encoding}"
            raise SetupPyError(message, hint="save the file as UTF-8") from None

    def error(self, node: ast.AST | None, problem: str, hint: str) -> SetupPyError:
        """Return the error for a problem, with its file and line."""
        line = getattr(node, "lineno", None)
        place = f"setup.py:{line}" if line else "setup.py"
        return SetupPyError(f"{place}: {problem}", hint=hint)
