"""Find the one setup() call of a file, and the values of its keywords."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass

from packaging.utils import canonicalize_name

from trainwheel.errors import SetupPyError
from trainwheel.requirements.setup_py.names import binding_of, change_of, items_set
from trainwheel.requirements.setup_py.source import Source

__all__ = ["Entry", "SetupCall", "find_setup_call", "last_entry"]

_TABLE = "extras_require"
# Modules whose setup() takes setuptools' keywords.
_MODULES = frozenset(("setuptools", "distutils.core", "numpy.distutils.core", "skbuild"))


Entry = tuple[ast.expr | None, ast.expr]


@dataclass(frozen=True)
class SetupCall:
    """The setup() call of `source`.

    Attributes:
        repeats: Further calls with the same words, such as one without the C extension.
    """

    source: Source
    node: ast.Call
    repeats: tuple[ast.Call, ...] = ()

    def keyword(self, name: str) -> ast.keyword | None:
        """Return the keyword argument `name`, or None if it is missing."""
        return next((keyword for keyword in self.node.keywords if keyword.arg == name), None)

    def argument(self, name: str) -> ast.expr | None:
        """Return what the call is given as `name`, also by ``**``; None if it is missing.

        Raises:
            SetupPyError: It may come from a ``**`` that is computed.
        """
        if keyword := self.keyword(name):
            return keyword.value
        for splat in (keyword.value for keyword in self.node.keywords if keyword.arg is None):
            try:
                table = self.resolve(splat, name, name)
                entry = last_entry(self, self.entries(splat, table, name), name)
            except SetupPyError:
                problem, hint = f"{name} may come from `**`", f"write {name}= in the setup() call"
                raise self.source.error(splat, problem, hint) from None
            if entry is not None:
                return entry
        return None

    def value_of(self, name: str) -> ast.expr | None:
        """Return the value of an argument, also where it is a name that is bound once.

        Raises:
            SetupPyError: It may come from a ``**`` that is computed, or that name is bound in
                another way.
        """
        value = self.argument(name)
        return None if value is None else self.resolve(value, name)

    def resolve(self, value: ast.expr, label: str, key: str | None = None) -> ast.expr:
        """Return the value of a name; any other expression is its own value.

        Args:
            value: The expression.
            label: What messages call it.
            key: The entry that matters, if it is a table.

        Raises:
            SetupPyError: The name is not bound once, or its value is changed.
        """
        if not isinstance(value, ast.Name):
            return value
        binding = binding_of(self.source, value.id, self.node)
        hint = f"write {label} in the setup() call, or bind {value.id} once, at module level"
        if binding is None:
            problem = f"{label} is {value.id}, which is not bound exactly once at module level"
            raise self.source.error(value, problem, hint)
        if isinstance(binding, ast.List | ast.Dict | ast.Call):
            change: ast.AST | None = change_of(self.source, value.id, self.node, key)
            if len(getattr(self.source.parents[binding], "targets", "1")) > 1:
                change = binding
            if change is not None:
                problem = f"{label} is {value.id}, which is changed here"
                raise self.source.error(change, problem, hint)
        return binding

    def resolve_within(self, value: ast.expr, label: str) -> ast.expr:
        """Return the value of a part of another value, bound above it: a name, an item of a table.

        Raises:
            SetupPyError: As for `resolve`, or the name is bound to what it is a part of.
        """
        binding = self.resolve(value, label)
        match value:
            case ast.Subscript(value=ast.Name() as name, slice=ast.Constant(value=str(key))):
                entries = self.entries(name, self.resolve(name, label, key), label)
                binding = last_entry(self, entries, key) or value
        if binding is not value and binding.lineno >= value.lineno:
            hint = f"write {label} as a plain list of strings"
            raise self.source.error(value, f"{label} is computed", hint)
        return binding

    def entries(self, name: ast.expr, table: ast.expr, label: str) -> list[Entry]:
        """Return keys and values of a table, in braces or as dict(…), and what is added to it.

        Args:
            name: The expression that stands for it in the call.
            table: The value of that.
            label: What messages call it.

        Raises:
            SetupPyError: It is computed.
        """
        entries: list[Entry]
        if isinstance(table, ast.Dict):
            entries = list(zip(table.keys, table.values, strict=True))
        elif isinstance(table, ast.Call) and ast.unparse(table.func) == "dict" and not table.args:
            entries = [(_key(keyword), keyword.value) for keyword in table.keywords]
        else:
            hint = f"write {label} as a plain table of lists"
            raise self.source.error(table, f"{label} is computed", hint)
        if isinstance(name, ast.Name):
            entries += items_set(self.source, name.id, self.node)
        return entries


def last_entry(call: SetupCall, entries: Sequence[Entry], key: str) -> ast.expr | None:
    """Return the value of the last entry with a key, which Python takes; None without one.

    Raises:
        SetupPyError: A computed key after it may stand for the same, or another spelling does.
    """
    for index in reversed(range(len(entries))):
        name, value = entries[index]
        if not isinstance(name, ast.Constant):
            problem = f"a computed key of {_TABLE} may stand for {key!r}"
            raise call.source.error(value, problem, f"write {_TABLE} as a plain table of lists")
        if _is_extra(name, key):
            for other, second in entries[:index]:
                if _is_extra(other, key) and ast.dump(other or second) != ast.dump(name):
                    problem = f"two keys of {_TABLE} are the extra {key!r} (PEP 685)"
                    raise call.source.error(second, problem, "keep one")
            return value
    return None


def _is_extra(key: ast.expr | None, extra: str) -> bool:
    name = key.value if isinstance(key, ast.Constant) else None
    return isinstance(name, str) and canonicalize_name(name) == canonicalize_name(extra)


def _key(keyword: ast.keyword) -> ast.expr | None:
    if keyword.arg is None:
        return None
    return ast.copy_location(ast.Constant(keyword.arg), keyword)


def find_setup_call(source: Source) -> SetupCall:
    """Return the one call of setuptools' setup(), whatever its name here.

    Raises:
        SetupPyError: There is none, or more than one.
    """
    functions, modules = _imported(source)
    calls = [
        node
        for node in source.nodes
        if isinstance(node, ast.Call) and _is_setup(node.func, functions, modules)
    ]
    if not calls:
        problem = "no call of setuptools' setup()"
        raise source.error(None, problem, "write `from setuptools import setup` and call it")
    calls.sort(key=lambda call: call.lineno)
    if len({*map(ast.dump, calls)}) > 1:
        lines = ", ".join(str(call.lineno) for call in calls)
        problem = f"several setup() calls (lines {lines})"
        raise source.error(calls[1], problem, "keep one")
    return SetupCall(source, calls[0], tuple(calls[1:]))


def _imported(source: Source) -> tuple[set[str], set[str]]:
    """Return the names of setup(), and the dotted names of its module."""
    functions, modules = set(), set()
    for node in source.nodes:
        if isinstance(node, ast.ImportFrom) and node.module in _MODULES:
            for alias in node.names:
                if alias.name in {"setup", "*"}:
                    functions.add(alias.asname or "setup")
        elif isinstance(node, ast.Import):
            modules |= {a.asname or a.name for a in node.names if a.name in _MODULES}
        elif isinstance(node, ast.ImportFrom):
            full = {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
            modules |= {name for name, module in full.items() if module in _MODULES}
    return functions, modules


def _is_setup(function: ast.expr, functions: set[str], modules: set[str]) -> bool:
    if isinstance(function, ast.Name):
        return function.id in functions
    return (
        isinstance(function, ast.Attribute)
        and function.attr == "setup"
        and ast.unparse(function.value) in modules
    )
