"""What a name stands for where setup() is called, and each use that could change its value.

A list that is changed after it was written would be read wrongly, so every use that is not known
only to read it counts as a change: a method, a second name for it, a function that is given it.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator
from typing import Any, Final

from trainwheel.requirements.setup_py.source import Source

__all__ = ["binding_of", "change_of", "items_set"]

_READING_METHODS = frozenset(("copy", "count", "get", "index", "keys"))
_READING_FUNCTIONS = frozenset((
    "all", "any", "bool", "dict", "enumerate", "frozenset", "isinstance", "len", "list", "print",
    "repr", "set", "sorted", "str", "tuple", "zip",
))  # fmt: skip
_CHANGING_METHODS = frozenset(
    ("append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort", "__iadd__")
)
_COPYING_METHODS = frozenset(("extend", "join", "union", "update"))
_READING_NODES = (
    *(ast.Assert, ast.AugAssign, ast.BinOp, ast.Compare, ast.Expr, ast.For, ast.FormattedValue),
    *(ast.If, ast.Starred, ast.UnaryOp, ast.While, ast.comprehension),
)
# setuptools 75.4 and later need Python 3.9, so a branch for an older one never runs.
_PYTHONS: Final = tuple((3, minor, 0) for minor in range(9, 100))
_OPERATORS: Final[dict[type[ast.cmpop], Callable[[Any, Any], Any]]] = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
    ast.Eq: operator.eq, ast.NotEq: operator.ne,
}  # fmt: skip
_PARTS: Final[dict[str, Callable[[tuple[int, ...]], object]]] = {
    "sys.version_info": lambda version: version,
    "sys.version_info[:2]": lambda version: version[:2],
    "sys.version_info[0]": lambda version: version[0],
    "sys.version_info.major": lambda version: version[0],
}


def binding_of(source: Source, name: str, at: ast.AST) -> ast.expr | None:
    """Return the value of a name at `at`, if one assignment in a block around it is its only one.

    An assignment in a block that holds `at` always runs first; a branch beside it may not.
    """
    values = [
        statement.value
        for statement in _statements_around(source, at)
        if isinstance(statement, (ast.Assign, ast.AnnAssign))
        and any(isinstance(t, ast.Name) and t.id == name for t in _targets(statement))
    ]
    nodes = (n for n in source.nodes if name in _bound_names(n) and not _never_runs(source, n))
    return values[0] if len([*nodes]) == len(values) == 1 else None


def items_set(source: Source, name: str, at: ast.Call) -> list[tuple[ast.expr, ast.expr]]:
    """Return key and value of each ``name[key] = value`` that always runs before `at`, in order."""
    return [
        (target.slice, statement.value)
        for statement in sorted(_statements_around(source, at), key=lambda item: item.lineno)
        if isinstance(statement, ast.Assign)
        and statement.lineno < at.lineno
        and isinstance(target := statement.targets[0], ast.Subscript)
        and isinstance(target.value, ast.Name)
        and target.value.id == name
    ]


def change_of(
    source: Source, name: str, at: ast.Call, key: str | None = None, names: tuple[str, ...] = ()
) -> ast.Name | None:
    """Return the first use of a name that may change its value; None if all of them only read.

    Args:
        source: The file.
        name: It stands for a list or a table.
        at: The setup() call.
        key: Look only at this entry of the table.
        names: Others that stand for the same.
    """
    own = items_set(source, name, at) if key and not names else []
    items = {id(item) for item, _ in own}
    uses = [n for n in source.nodes if isinstance(n, ast.Name) and n.id == name]
    for node in sorted(uses, key=lambda node: node.lineno):
        parent = source.parents[node]
        is_grown = isinstance(parent, ast.AugAssign) and parent.target is node
        is_open = isinstance(node.ctx, ast.Load) and not _only_reads(source, node, at, key)
        is_own = id(getattr(parent, "slice", None)) in items
        if is_own or not (is_grown or is_open) or _never_runs(source, node):
            continue
        match parent:
            case ast.Assign(targets=[ast.Name(id=second)]):
                others = (*names, name)
                if second not in others and (c := change_of(source, second, at, key, others)):
                    return c
            case _:
                return node
    return None


def _only_reads(source: Source, node: ast.expr, at: ast.Call, key: str | None) -> bool:
    """Return whether the expression around a name neither changes its value nor keeps it."""
    parent = source.parents[node]
    if isinstance(parent, ast.Subscript) and parent.value is node:
        if key is not None and isinstance(parent.slice, ast.Constant) and parent.slice.value != key:
            return True
        is_read = isinstance(parent.ctx, ast.Load)
        return is_read and (key is None or _only_reads(source, parent, at, None))
    is_read, is_kept = _use(parent, source.parents.get(parent), at, key)
    return is_read and not (is_kept and _changes_items(source))


def _use(
    parent: ast.AST, above: ast.AST | None, at: ast.Call, key: str | None
) -> tuple[bool, bool]:
    """Return whether the node around a value only reads it, and whether a table then holds it."""
    is_table = key is not None
    match parent:
        case ast.Attribute(attr=method):
            is_read = method in _READING_METHODS or (method == "update" and _spares(above, key))
            return is_read, is_table and method in {"copy", "get"}
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
            is_function = isinstance(parent.func, ast.Name)
            return name in (_READING_FUNCTIONS if is_function else _COPYING_METHODS), is_table
        case ast.keyword(arg=argument):
            is_dict = isinstance(above, ast.Call) and ast.unparse(above.func) == "dict"
            return above is at or argument is None or is_dict, above is not at
        case ast.BoolOp():
            return isinstance(above, ast.If | ast.While | ast.Assert), False
        case ast.Assign() | ast.Dict():
            targets = getattr(parent, "targets", ())
            return all(isinstance(target, ast.Subscript) for target in targets), True
    return isinstance(parent, _READING_NODES), False


def _changes_items(source: Source) -> bool:
    """Return whether a list that is in some table is changed there: ``table[…].append(…)``."""
    return any(
        (
            isinstance(node, ast.Attribute)
            and node.attr in _CHANGING_METHODS
            and _is_item(node.value)
        )
        or (isinstance(node, ast.AugAssign) and _is_item(node.target))
        or (isinstance(node, ast.Subscript) and _is_item(node.value))
        for node in source.nodes
        if not isinstance(getattr(node, "ctx", None), ast.Load) or isinstance(node, ast.Attribute)
    )


def _is_item(node: ast.expr) -> bool:
    """Return whether an expression takes an item of a table: by its key, or by a method."""
    is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    return is_call or isinstance(node, ast.Subscript)


def _spares(call: ast.AST | None, key: str | None) -> bool:
    """Return whether an ``update(…)`` leaves the entry `key` alone."""
    if key is None or not isinstance(call, ast.Call):
        return False
    keys: list[object] = [keyword.arg for keyword in call.keywords]
    for table in call.args:
        nodes = table.keys if isinstance(table, ast.Dict) else [None]
        keys += [node.value if isinstance(node, ast.Constant) else None for node in nodes]
    return not {None, key} & {*keys}


def _statements_around(source: Source, node: ast.AST) -> Iterator[ast.stmt]:
    """Yield the statements of each block that holds a node, itself or further within."""
    while (parent := source.parents.get(node)) is not None:
        for _, block in ast.iter_fields(parent):
            if isinstance(block, list) and node in block:
                yield from (item for item in block if isinstance(item, ast.stmt))
        node = parent


def _targets(statement: ast.Assign | ast.AnnAssign) -> list[ast.expr]:
    return statement.targets if isinstance(statement, ast.Assign) else [statement.target]


def _bound_names(node: ast.AST) -> list[str]:
    """Return the names that a node binds, rebinds or deletes, in any scope."""
    match node:
        case ast.alias():
            return [(node.asname or node.name).partition(".")[0]]
        case ast.Global(names=names) | ast.Nonlocal(names=names):
            return names
        case (
            ast.Name(id=name, ctx=ast.Store() | ast.Del())
            | ast.FunctionDef(name=name)
            | ast.AsyncFunctionDef(name=name)
            | ast.ClassDef(name=name)
            | ast.arg(arg=name)
            | ast.ExceptHandler(name=str(name))
            | ast.MatchAs(name=str(name))
            | ast.MatchStar(name=str(name))
        ):
            return [name]
    return []


def _never_runs(source: Source, node: ast.AST) -> bool:
    """Return whether a node is in a branch for Pythons that setuptools no longer runs on."""
    while (parent := source.parents.get(node)) is not None:
        if isinstance(parent, ast.If) and node is not parent.test:
            outcomes = _outcomes(parent.test)
            if outcomes == {node in parent.orelse}:
                return True
        node = parent
    return False


def _outcomes(test: ast.expr) -> set[bool]:
    """Return what a comparison of Python's version may be; both for any other condition."""
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        compare = _OPERATORS.get(type(test.ops[0]))
        part = _PARTS.get(ast.unparse(test.left))
        try:
            value = ast.literal_eval(test.comparators[0])
            if compare and part:
                return {bool(compare(part(version), value)) for version in _PYTHONS}
        except (ValueError, TypeError):
            pass
    return {True, False}
