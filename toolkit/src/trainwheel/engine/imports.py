"""What a Python file imports, read from its text alone."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

__all__ = ["Imports", "read_imports"]

_BY_NAME = frozenset({
    "importlib.import_module", "importlib.util.find_spec", "pytest.importorskip",
    "runpy.run_module",
})  # fmt: skip
_BUILTIN = frozenset({"__import__", "importlib.__import__", "builtins.__import__"})
_RUN = frozenset({"exec", "builtins.exec"})
_EVALUATE = frozenset({"eval", "builtins.eval"})
_BY_PATH = frozenset({
    "imp.find_module", "imp.load_module", "imp.load_source", "importlib.machinery.FileFinder",
    "importlib.machinery.ExtensionFileLoader", "importlib.machinery.SourceFileLoader",
    "importlib.machinery.SourcelessFileLoader", "importlib.util.spec_from_file_location",
    "importlib.util.spec_from_loader", "lazy_loader.attach", "lazy_loader.attach_stub",
    "lazy_loader.load", "pkgutil.iter_modules", "pkgutil.resolve_name", "pkgutil.walk_packages",
    "runpy.run_path", "zipimport.zipimporter",
})  # fmt: skip
_IMPORTING = _BY_NAME | _BUILTIN | _RUN | _BY_PATH
_TAILS = frozenset(name.rpartition(".")[2] for name in _IMPORTING | _EVALUATE)
_ANYWHERE = {"import_module": "importlib.import_module", "__import__": "__import__"}
"""These count whatever module they are imported from: packages re-export them (``_compat``)."""
_OWN_PACKAGE = frozenset({"__package__", "__name__", "__spec__.name", "__spec__.parent"})


@dataclass(frozen=True)
class Imports:
    """What a module imports.

    Args:
        names: Dotted names, with leading dots where they are relative; ``from a import b`` is
            ``a.b``, and ``from a import *`` is ``a.*``.
        unknown_line: The line of the first import by a computed name or path; 0 for none.
    """

    names: tuple[str, ...]
    unknown_line: int = 0


def read_imports(source: bytes | str) -> Imports:
    """Return what a module imports, anywhere in its text.

    A file with a syntax error imports nothing: its bytes are an input in any case, and Python
    reports the error.
    """
    try:
        with warnings.catch_warnings():
            # "\d" gives a SyntaxWarning, which would be an error under -W error.
            warnings.simplefilter("ignore")
            nodes = tuple(ast.walk(ast.parse(source)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Imports(())
    reader = _Reader(nodes)
    for node in nodes:
        reader.read(node)
    return Imports(tuple(sorted(reader.names)), min(reader.unknown, default=0))


class _Reader:
    """Collects the imports of a text; knows the aliases of functions that import."""

    def __init__(self, nodes: Iterable[ast.AST]) -> None:
        self.names: set[str] = set()
        self.unknown: set[int] = set()
        self._aliases: dict[str, set[str]] = {}
        self._called: set[ast.AST] = set()
        for node in nodes:
            match node:
                case ast.Import() | ast.ImportFrom():
                    for alias, full_name in _bindings(node):
                        self._aliases.setdefault(alias, set()).add(full_name)
                case ast.Call():
                    self._called.add(node.func)

    def read(self, node: ast.AST) -> None:
        match node:
            case ast.Import(names=aliases):
                self.names.update(alias.name for alias in aliases)
            case ast.ImportFrom(names=aliases):
                self.names.update(f"{_base(node)}{alias.name}" for alias in aliases)
            case ast.Call():
                self._read_call(node)
            case ast.Name(ctx=ast.Load()) | ast.Attribute(ctx=ast.Load()):
                if node not in self._called and self._may_import(node) & _IMPORTING:
                    # The function itself is passed on: its arguments are not in the text.
                    self.unknown.add(node.lineno)
            case ast.Assign(targets=targets, value=value):
                self._read_plugins(targets, value)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self._read_plugins((target,), value)
            case ast.AugAssign(target=target, value=value):
                self._read_plugins((target,), value)

    def _read_call(self, call: ast.Call) -> None:
        names = self._may_import(call.func)
        if names & (_RUN | _EVALUATE):
            self._read_run(call, is_known=not names & _RUN)
        if names & _BY_PATH:
            self.unknown.add(call.lineno)
        if names & _BY_NAME:
            self._read_by_name(call, runs="runpy.run_module" in names)
        if names & _BUILTIN:
            self._read_builtin(call)

    def _read_run(self, call: ast.Call, *, is_known: bool) -> None:
        code = _text(call.args[0]) if call.args else None
        if code is not None:
            imports = read_imports(code.strip())
            self.names.update(imports.names)
            is_known = not imports.unknown_line
        if not is_known:
            self.unknown.add(call.lineno)

    def _read_by_name(self, call: ast.Call, *, runs: bool) -> None:
        """Read ``import_module(name, package)`` and its like."""
        arguments = _arguments(call, "name", "package")
        first = arguments.get("name", arguments.get("modname", arguments.get("mod_name")))
        name, package = _text(first), arguments.get("package")
        if name is None:
            self.unknown.add(call.lineno)
        elif not name.startswith(".") or self._full_names(package) & _OWN_PACKAGE:
            self.names.update((name, f"{name}.__main__") if runs else (name,))
        elif (text := _text(package)) is not None:
            self.names.add(_resolve(name, text))
        else:
            self.unknown.add(call.lineno)

    def _read_builtin(self, call: ast.Call) -> None:
        """Read ``__import__(name, globals, locals, fromlist, level)``."""
        arguments = _arguments(call, "name", "globals", "locals", "fromlist", "level")
        name, parts = _text(arguments.get("name")), _texts(arguments.get("fromlist"))
        depth = arguments.get("level", ast.Constant(0))
        level = depth.value if isinstance(depth, ast.Constant) else None
        is_whole = None not in arguments and not any(isinstance(a, ast.Starred) for a in call.args)
        if name is None or parts is None or not isinstance(level, int) or not is_whole:
            self.unknown.add(call.lineno)
            return
        base = "." * level + name
        dot = "." if name else ""
        self.names.update((base, *(f"{base}{dot}{part}" for part in parts)))

    def _read_plugins(self, targets: Iterable[ast.expr], value: ast.expr) -> None:
        if not any(isinstance(name, ast.Name) and name.id == "pytest_plugins" for name in targets):
            return
        text, texts = _text(value), _texts(value)
        if text is not None:
            texts = tuple(text.split(","))  # as pytest does
        if texts is None:
            self.unknown.add(value.lineno)
        self.names.update(texts or ())

    def _may_import(self, node: ast.expr) -> set[str]:
        """Return the full names of a function that may be one that imports; else nothing."""
        tail = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
        is_alias = isinstance(node, ast.Name) and tail in self._aliases
        return self._full_names(node) if tail in _TAILS or is_alias else set()

    def _full_names(self, node: ast.AST | None) -> set[str]:
        """Return the full names that a dotted name in the text may stand for."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        head = node.id if isinstance(node, ast.Name) else ""
        heads = (head, *self._aliases.get(head, ()))
        full_names = {".".join((name, *reversed(parts))) for name in heads}
        tails = {name.rpartition(".")[2] for name in full_names}
        return full_names | {full for tail, full in _ANYWHERE.items() if tail in tails}


def _base(node: ast.ImportFrom) -> str:
    """Return what precedes each name in its full name: ``..a.`` for ``from ..a import b``."""
    return "." * node.level + (f"{node.module}." if node.module else "")


def _bindings(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str]]:
    """Yield each name that a statement binds, with the full name that it stands for."""
    for alias in node.names:
        if isinstance(node, ast.ImportFrom):
            base = _base(node)
            if alias.name == "*":
                full = (name for name in _IMPORTING if name.startswith(base))
                yield from ((name.removeprefix(base), name) for name in full)
            yield alias.asname or alias.name, f"{base}{alias.name}"
        elif alias.asname:
            yield alias.asname, alias.name


def _arguments(call: ast.Call, *names: str) -> dict[str | None, ast.expr]:
    """Return the arguments of a call by name; a ``**`` argument is under None."""
    return {
        **dict(zip(names, call.args, strict=False)),
        **{keyword.arg: keyword.value for keyword in call.keywords},
    }


def _text(node: ast.expr | None) -> str | None:
    """Return the text of a literal, also of bytes; None for anything else."""
    match node:
        case ast.Constant(value=str() as text):
            return text
        case ast.Constant(value=bytes() as data):
            return data.decode("utf-8", "replace")
    return None


def _texts(node: ast.expr | None) -> tuple[str, ...] | None:
    """Return the texts in a literal list, nothing for None; None for anything else."""
    match node:
        case None | ast.Constant(value=None):
            return ()
        case ast.List(elts=values) | ast.Tuple(elts=values) | ast.Set(elts=values):
            texts = tuple(text for value in values if (text := _text(value)) is not None)
            return texts if len(texts) == len(values) else None
    return None


def _resolve(name: str, package: str) -> str:
    """Return the absolute name of a relative one, as `importlib.util.resolve_name` does."""
    rest = name.lstrip(".")
    parts = package.split(".")
    base = parts[: max(len(parts) - (len(name) - len(rest)) + 1, 0)]
    return ".".join(part for part in (*base, rest) if part)
