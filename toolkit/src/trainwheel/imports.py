"""What a Python file imports, told from its text alone."""

from __future__ import annotations

import ast
from dataclasses import dataclass

__all__ = ["Imports", "read_imports"]

_IMPORTERS = frozenset({"importlib.import_module", "__import__", "runpy.run_module"})
_UNTELLING = frozenset({
    "exec", "runpy.run_path", "importlib.util.spec_from_file_location", "pkgutil.iter_modules",
    "pkgutil.walk_packages", "importlib.machinery.SourceFileLoader",
})  # fmt: skip
_OWN_PACKAGE = frozenset({"__package__", "__name__"})


@dataclass(frozen=True)
class Imports:
    """What a module imports.

    Args:
        names: Dotted names, with leading dots where they are relative; ``from a import b`` is
            ``a.b``, and ``from a import *`` is ``a.*``.
        unknown_line: The line of the first import that its text does not tell; 0 for none.
    """

    names: tuple[str, ...]
    unknown_line: int = 0


def read_imports(source: bytes) -> Imports:
    """Return what a module imports, anywhere in its text.

    A file that is no Python imports nothing: its bytes count anyway, and Python will say what is
    wrong with it.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Imports(())
    reader = _Reader()
    for node in ast.walk(tree):
        reader.read(node)
    return Imports(tuple(sorted(reader.names)), min(reader.unknown, default=0))


class _Reader:
    """Collects what is imported; knows under which names the importing functions go."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.unknown: set[int] = set()
        self._aliases: dict[str, str] = {}

    def read(self, node: ast.AST) -> None:
        match node:
            case ast.Import(names=aliases):
                for alias in aliases:
                    self.names.add(alias.name)
                    self._aliases[alias.asname or alias.name.partition(".")[0]] = (
                        alias.name if alias.asname else alias.name.partition(".")[0]
                    )
            case ast.ImportFrom(module=module, names=aliases, level=level):
                base = "." * level + (module or "")
                for alias in aliases:
                    self.names.add(f"{base}{'.' if module else ''}{alias.name}")
                    self._aliases[alias.asname or alias.name] = f"{module}.{alias.name}"
            case ast.Call():
                self._read_call(node)
            case ast.Assign(targets=[ast.Name(id="pytest_plugins")], value=value):
                self._add_texts(node.lineno, value)

    def _read_call(self, call: ast.Call) -> None:
        name = self._full_name(call.func)
        if name in _UNTELLING:
            if not (name == "exec" and call.args and isinstance(call.args[0], ast.Constant)):
                self.unknown.add(call.lineno)
        elif name in _IMPORTERS:
            self._read_importer(call)
        for value in (*call.args, *(keyword.value for keyword in call.keywords)):
            if self._full_name(value) in _IMPORTERS:
                # Handed on, to be called with who knows what.
                self.unknown.add(call.lineno)

    def _read_importer(self, call: ast.Call) -> None:
        given = {keyword.arg: keyword.value for keyword in call.keywords}
        first = call.args[0] if call.args else given.get("name", given.get("mod_name"))
        package = call.args[1] if len(call.args) > 1 else given.get("package")
        name = first.value if isinstance(first, ast.Constant) else None
        if not isinstance(name, str):
            self.unknown.add(call.lineno)
        elif not name.startswith(".") or self._is_own_package(package):
            self.names.add(name)
        elif isinstance(package, ast.Constant) and isinstance(package.value, str):
            rest = name.lstrip(".")
            parts = package.value.split(".")
            kept = parts[: len(parts) - (len(name) - len(rest)) + 1]
            self.names.add(".".join((*kept, rest)))
        else:
            self.unknown.add(call.lineno)

    def _add_texts(self, line: int, value: ast.expr) -> None:
        texts = value.elts if isinstance(value, ast.List | ast.Tuple | ast.Set) else [value]
        for text in texts:
            if isinstance(text, ast.Constant) and isinstance(text.value, str):
                self.names.add(text.value)
            else:
                self.unknown.add(line)

    def _is_own_package(self, package: ast.expr | None) -> bool:
        return isinstance(package, ast.Name) and package.id in _OWN_PACKAGE

    def _full_name(self, node: ast.AST | None) -> str:
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return ""
        return ".".join((self._aliases.get(node.id, node.id), *reversed(parts)))
