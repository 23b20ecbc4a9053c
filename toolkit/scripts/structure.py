"""Print the figures of the library's structure.

    python -m scripts.structure

A module is a file of the library; an import is one module naming another, wherever in the file.
What runs inside other environments counts by its files alone, for nothing of ours imports it.
"""

from __future__ import annotations

import ast
import functools
import io
import sys
import tokenize
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Structure", "contract_lines", "measure"]

_PACKAGE = "trainwheel"
_SOURCE = Path(__file__).resolve().parents[1] / "src" / _PACKAGE
_TESTS = _SOURCE.parents[1] / "tests"
_PYPROJECT = _SOURCE.parents[1] / "pyproject.toml"


@dataclass(frozen=True)
class Structure:
    """Figures of the library.

    Args:
        files: Folder, relative to the library → how many modules it holds.
        chain: The longest chain of imports, from the module that nothing imports down.
        importers: Module → how many other modules import it.
        code: Lines of code, without docstrings, comments and blank lines.
        tests: The same of the tests, without the sample repositories.
        longest: The module with most lines, and how many it has.
        longest_function: The function with most lines, and how many it has.
    """

    files: Mapping[str, int]
    chain: tuple[str, ...]
    importers: Mapping[str, int]
    code: int
    tests: int
    longest: tuple[str, int]
    longest_function: tuple[str, int]

    @property
    def fullest(self) -> tuple[str, int]:
        """The folder with most modules, and how many it holds."""
        return max(self.files.items(), key=lambda row: row[1])

    @property
    def with_one_importer(self) -> int:
        """How many modules exactly one other module imports."""
        return sum(count == 1 for count in self.importers.values())

    def __str__(self) -> str:
        """Return the figures, one a line."""
        rows = (
            ("files in the fullest folder", f"{self.fullest[1]} ({self.fullest[0]})"),
            ("longest chain of imports", f"{len(self.chain)} ({' > '.join(self.chain)})"),
            ("modules with one importer", f"{self.with_one_importer} of {len(self.importers)}"),
            ("lines of the longest module", f"{self.longest[1]} ({self.longest[0]})"),
            ("lines of the longest function", "{1} ({0})".format(*self.longest_function)),
            ("lines of code", str(self.code)),
            ("lines of tests", f"{self.tests} ({self.tests / self.code:.2f} per line of code)"),
            ("lines of contracts", str(contract_lines(_PYPROJECT.read_text(encoding="utf-8")))),
        )
        return "\n".join(f"{name:<29} {value}" for name, value in rows)


def measure(source: Path = _SOURCE, tests: Path = _TESTS) -> Structure:
    """Return the figures of the library.

    Args:
        source: Its folder.
        tests: That of its tests.
    """
    paths = [path for path in source.rglob("*.py") if "template" not in path.parts]
    folders = Counter(path.parent.relative_to(source).as_posix() for path in paths)
    texts = {path: path.read_text(encoding="utf-8") for path in paths}
    lengths = {path: len(text.splitlines()) for path, text in texts.items()}
    longest = max(lengths, key=lambda path: lengths[path])
    imports = _imports({_dotted(path, source): text for path, text in texts.items()})
    importers = Counter(dict.fromkeys(imports, 0))
    importers.update(name for names in imports.values() for name in names)
    return Structure(
        folders,
        _longest_chain(imports),
        importers,
        sum(map(_lines_of_code, texts.values())),
        sum(
            _lines_of_code(path.read_text(encoding="utf-8"))
            for path in tests.rglob("*.py")
            if "projects" not in path.parts
        ),
        (longest.relative_to(source).as_posix(), lengths[longest]),
        max(
            (function for text in texts.values() for function in _functions(text)),
            key=lambda function: function[1],
        ),
    )


def _functions(text: str) -> Iterator[tuple[str, int]]:
    """Yield each function's name with its number of lines, those of its docstring included."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def _imports(texts: Mapping[str, str]) -> dict[str, frozenset[str]]:
    """Return module → what it imports of the library, less the library's root."""
    return {
        name: frozenset(
            # What is imported from a package may be a module of it.
            next((other for other in names if other in texts and other != name), name)
            for names in _named(text)
        )
        - {name}
        for name, text in texts.items()
    }


def _named(text: str) -> Iterator[tuple[str, str]]:
    """Yield the two names below the library's that each import may mean, the longer one first."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{_PACKAGE}."):
            module = str(node.module).removeprefix(f"{_PACKAGE}.")
            yield from ((f"{module}.{alias.name}", module) for alias in node.names)


def _dotted(path: Path, source: Path) -> str:
    return ".".join(path.relative_to(source).with_suffix("").parts).removesuffix(".__init__")


def _longest_chain(imports: Mapping[str, frozenset[str]]) -> tuple[str, ...]:
    """Return the longest chain; an import that leads back would have none."""

    @functools.cache
    def below(name: str) -> tuple[str, ...]:
        return (name, *max(map(below, sorted(imports[name])), key=len, default=()))

    return max(map(below, sorted(imports)), key=len, default=())


def _lines_of_code(text: str) -> int:
    """Return how many lines hold code, docstrings not counted."""
    docs = {
        line
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    silent = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in {*silent, tokenize.ENDMARKER}:
            lines.update(range(token.start[0], token.end[0] + 1))
    return len(lines - docs)


def contract_lines(pyproject: str) -> int:
    """Return how many lines of pyproject.toml are import contracts."""
    table = pyproject.partition("[tool.importlinter]")[2].partition("\n[tool.repo")[0]
    return sum(bool(line.strip()) and not line.startswith("#") for line in table.splitlines())


if __name__ == "__main__":
    sys.stdout.write(f"{measure()}\n")
