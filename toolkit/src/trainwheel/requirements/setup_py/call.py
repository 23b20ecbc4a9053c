"""Find the one setup() call of a file, and the values of its keywords."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from trainwheel.requirements.setup_py.source import Source

__all__ = ["SetupCall", "find_setup_call"]

# Modules whose setup() takes setuptools' keywords.
_MODULES = frozenset(("setuptools", "distutils.core", "numpy.distutils.core", "skbuild"))


@dataclass(frozen=True)
class SetupCall:
    """The setup() call of `source`."""

    source: Source
    node: ast.Call

    def keyword(self, name: str) -> ast.keyword | None:
        """Return the keyword argument `name`, or None if it is missing."""
        return next((keyword for keyword in self.node.keywords if keyword.arg == name), None)

    def value_of(self, name: str) -> ast.expr | None:
        """Return the value of the keyword `name`, also where it is a name bound at module level.

        Raises:
            SetupPyError: It may come from ``**``, or that name is bound in another way.
        """
        keyword = self.keyword(name)
        if keyword is None:
            splat = next((k for k in self.node.keywords if k.arg is None), None)
            if splat is not None:
                problem = f"{name} may come from `**`"
                raise self.source.error(splat.value, problem, f"write {name}= in the setup() call")
            return None
        return self.resolve(keyword.value, name)

    def resolve(self, value: ast.expr, label: str) -> ast.expr:
        """Return the value of a name; any other expression is its own value.

        Raises:
            SetupPyError: The name is not bound once; the message uses `label`.
        """
        return self._bound(value, label) if isinstance(value, ast.Name) else value

    def _bound(self, name: ast.Name, keyword: str) -> ast.expr:
        """Return the value of the one module-level assignment to `name`."""
        values = list(_values_of(self.source.tree, name.id))
        hint = f"write {keyword} in the setup() call, or bind {name.id} once, at module level"
        bindings = sum(binding == name.id for binding in _bound_names(self.source.tree))
        if len(values) != 1 or bindings != 1:
            problem = f"{keyword} is {name.id}, which is not bound exactly once at module level"
            raise self.source.error(name, problem, hint)
        mutable = isinstance(values[0], ast.List | ast.Dict | ast.Call)
        mutation = _mutation(self.source.tree, name.id) if mutable else None
        if mutation is not None:
            problem = f"{keyword} is {name.id}, which is changed here"
            raise self.source.error(mutation, problem, hint)
        return values[0]


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
    if len(calls) > 1:
        lines = ", ".join(str(line) for line in sorted(call.lineno for call in calls))
        problem = f"several setup() calls (lines {lines})"
        raise source.error(calls[1], problem, "keep one")
    return SetupCall(source, calls[0])


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


def _values_of(tree: ast.Module, name: str) -> Iterator[ast.expr]:
    """Yield the value of each statement at module level that assigns to `name` alone."""
    for statement in tree.body:
        if isinstance(statement, ast.Assign):
            targets = statement.targets
        elif isinstance(statement, ast.AnnAssign):
            targets = [statement.target]
        else:
            continue
        names = {target.id for target in targets if isinstance(target, ast.Name)}
        if name in names and statement.value is not None:
            yield statement.value


def _bound_names(tree: ast.Module) -> Iterator[str]:
    """Yield a name for each place that binds, rebinds or deletes it, in any scope."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).partition(".")[0]
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            yield from node.names
        elif isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)) and node.name:
            yield node.name


def _mutation(tree: ast.Module, name: str) -> ast.expr | None:
    """Return the first use of the list `name` that can change it: a method, an item, a slice."""
    for node in ast.walk(tree):
        if not isinstance(node, (ast.Attribute, ast.Subscript)):
            continue
        reads = isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load)
        if isinstance(node.value, ast.Name) and node.value.id == name and not reads:
            return node
    return None
