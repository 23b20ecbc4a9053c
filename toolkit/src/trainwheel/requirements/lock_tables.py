"""Read the tables of ``uv.lock`` and ``poetry.lock``, and the markers of locks.

Those may also ask for extras and groups: PEP 751 has ``'gpu' in extras`` and ``'dev' in
dependency_groups``, and Poetry has ``extra == 'gpu'``. What a distribution requires cannot ask
either, so they are answered for one category, and the rest of the marker stays.
"""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

from packaging.utils import canonicalize_name

from trainwheel.errors import LockfileError
from trainwheel.requirements.addresses import refuse_entry_secrets
from trainwheel.requirements.pep508 import Package, join_markers, normal_marker

__all__ = ["OWN", "answer_marker", "read_poetry_lock", "read_uv_lock"]

Table = Mapping[str, Any]
Categories = dict[str, tuple[Package, ...]]

OWN = ""
"""The category of what a project names itself, for a lock that says it; no name is empty."""

_LOCAL = ("directory", "editable", "path", "virtual")


def read_uv_lock(document: Table, file: str, member: str) -> Categories:
    """Return what the project, its extras and its groups need.

    Args:
        document: The lock.
        file: Its name, for messages.
        member: Folder of the project, relative to that of the lock.

    Raises:
        LockfileError: The version is not known, the project is not in it, or a package cannot be
            a requirement.
    """
    _check_version(document.get("version"), 1, file)
    tables = document["package"]
    roots = [t for t in tables if t["source"].get("editable", t["source"].get("virtual")) == member]
    if not roots:
        message = f"{file} does not lock the project in this folder"
        raise LockfileError(message, hint="run sync in the folder of a member of the workspace")
    root = roots[0]
    edges = {
        **root.get("optional-dependencies", {}),
        **root.get("dev-dependencies", {}),
        "packages": root.get("dependencies", []),
    }
    graph = _Graph(tables, file)
    categories: Categories = {OWN: tuple(_uv_names(root, file))}
    categories |= {canonicalize_name(key): tuple(graph.closure(e)) for key, e in edges.items()}
    return categories


def _uv_names(root: Table, file: str) -> Iterator[Package]:
    """Yield what the project named itself, for run time, when it was locked."""
    for row in root.get("metadata", {}).get("requires-dist", ()):
        marker = answer_marker(row.get("marker", ""), (), (), where=f"{file}: {row['name']}")
        if marker is not None:
            extras = tuple(sorted(row.get("extras", ())))
            facts = {"specifier": row.get("specifier", "")}
            yield replace(_package(row, marker, facts), extras=extras)


class _Graph:
    """The packages of uv.lock, and which need which."""

    def __init__(self, tables: Sequence[Table], file: str) -> None:
        self._tables = tables
        self._file = file
        self._places: dict[str, list[int]] = defaultdict(list)
        for place, table in enumerate(tables):
            self._places[table["name"]].append(place)

    def closure(self, edges: Iterable[Table]) -> Iterator[Package]:
        """Yield all that is reached by some edges, each with the condition on which it is."""
        reached: dict[tuple[int, str], set[frozenset[str]]] = defaultdict(set)
        queue = deque((edge, frozenset[str]()) for edge in edges)
        while queue:
            edge, way = queue.popleft()
            conditions = way | self._condition(edge)
            place = self._place(edge)
            for extra in ("", *edge.get("extra", ())):
                ways = reached[place, extra]
                if any(other <= conditions for other in ways):
                    continue
                ways -= {other for other in ways if conditions < other}
                ways.add(conditions)
                queue += ((further, conditions) for further in self._edges(place, extra))
        for (place, extra), ways in reached.items():
            if not extra:
                yield self._package(place, ways)

    def _condition(self, edge: Table) -> frozenset[str]:
        marker = edge.get("marker", "")
        if re.search(r"\bextra\s*[=!]=", marker):
            message = f"{self._file}: {edge['name']} depends on a choice in tool.uv.conflicts"
            raise LockfileError(message, hint="a wheel cannot ask which extras were chosen")
        return frozenset({marker} if marker else ())

    def _place(self, edge: Table) -> int:
        places = [
            place
            for place in self._places[edge["name"]]
            if all(edge[key] == self._tables[place].get(key) for key in edge.keys() & _IDENTITY)
        ]
        if len(places) != 1:
            message = f"{self._file} has {len(places)} packages for a dependency on {edge['name']}"
            raise LockfileError(message)
        return places[0]

    def _edges(self, place: int, extra: str) -> Sequence[Table]:
        table = self._tables[place]
        if not extra:
            return table.get("dependencies", ())  # type: ignore[no-any-return]
        return table.get("optional-dependencies", {}).get(extra, ())  # type: ignore[no-any-return]

    def _package(self, place: int, ways: Iterable[frozenset[str]]) -> Package:
        table = self._tables[place]
        marker = _join_ways(ways, where=f"{self._file}: {table['name']}")
        return _package(table, marker, _uv_source(table, self._file))


_IDENTITY = {"version", "source"}


def _uv_source(table: Table, file: str) -> dict[str, str]:
    """Return the version of a package on an index, or where another one comes from."""
    source = table["source"]
    refuse_entry_secrets(table["name"], source, f"{file}:")
    for key in _LOCAL:
        if key in source:
            return {"path": source[key]}
    if "git" in source:
        address, _, commit = source["git"].partition("#")
        url, _, query = address.partition("?")
        subdirectory = parse_qs(query).get("subdirectory", [""])[0]
        return {"vcs": "git", "url": url, "ref": commit, "subdirectory": subdirectory}
    if "url" in source:
        return {"url": source["url"], "subdirectory": source.get("subdirectory", "")}
    if "registry" in source:
        return {"specifier": f"=={table['version']}"}
    message = f"{file}: {table['name']} comes from a kind of source that is not known"
    raise LockfileError(message)


def read_poetry_lock(document: Table, file: str, _member: str) -> Categories:
    """Return what the project, its extras and its groups need.

    Args:
        document: The lock.
        file: Its name, for messages.

    Raises:
        LockfileError: The version is not known, or a package cannot be a requirement.
    """
    _check_version(document["metadata"]["lock-version"], "2.1", file)
    tables = document.get("package", [])
    groups = {group for table in tables for group in table["groups"]}
    extras = document.get("extras", {})
    main = tuple(_poetry_rows(tables, "main", (), file))
    return {
        **{
            canonicalize_name(extra): tuple(
                row for row in _poetry_rows(tables, "main", (extra,), file) if row not in main
            )
            for extra in extras
        },
        **{canonicalize_name(g): tuple(_poetry_rows(tables, g, (), file)) for g in groups},
        "packages": main,
    }


def _poetry_rows(
    tables: Sequence[Table], group: str, extras: Sequence[str], file: str
) -> Iterator[Package]:
    for table in tables:
        if group not in table["groups"]:
            continue
        markers = table.get("markers", "")
        if not isinstance(markers, str):
            markers = markers.get(group, "")
        marker = answer_marker(markers, extras, (), where=f"{file}: {table['name']}")
        if marker is not None:
            yield _package(table, marker, _poetry_source(table, file))


def _poetry_source(table: Table, file: str) -> dict[str, str]:
    """Return the version of a package on an index, or where another one comes from."""
    source = table.get("source", {})
    kind = source.get("type", "legacy")
    if kind == "legacy":
        return {"specifier": f"=={table['version']}"}
    address, subdirectory = source["url"], source.get("subdirectory", "")
    refuse_entry_secrets(table["name"], address, f"{file}:")
    if kind in {"file", "directory"}:
        return {"path": address}
    if kind == "url":
        return {"url": address, "subdirectory": subdirectory}
    ref = source["resolved_reference"]
    return {"vcs": kind, "url": address, "ref": ref, "subdirectory": subdirectory}


def _package(table: Table, marker: str, facts: Mapping[str, str]) -> Package:
    package = Package(table["name"], canonicalize_name(table["name"]))
    return replace(package, markers=(marker,) if marker else (), **facts)  # type: ignore[arg-type]


def _check_version(version: object, known: object, file: str) -> None:
    if version != known:
        message = f"{file} has version {version}, and only {known} can be read"
        raise LockfileError(message)


_TOKEN = re.compile(r"""\(|\)|\b(?:and|or)\b|(?:"[^"]*"|'[^']*'|[^\s()"']+|\s(?!and\b|or\b))+""")
_ASKS = re.compile(
    r"""extra\s*(?P<operator>==|!=)\s*["'](?P<extra>[^"']*)["']"""
    r"""|["'](?P<name>[^"']*)["']\s+(?P<absent>not\s+)?in\s+(?P<list>extras|dependency_groups)"""
)


def answer_marker(
    marker: str, extras: Iterable[str], groups: Iterable[str], *, where: str
) -> str | None:
    """Return what is left of a marker when extras and groups are known; None if it is false.

    Args:
        marker: As a lock has it; an empty text is always true.
        extras: The extras that are asked for.
        groups: The groups that are asked for.
        where: File and package, for messages.

    Raises:
        LockfileError: It is not a marker.
    """
    if not marker or not re.search(r"\bextras?\b|\bdependency_groups\b", marker):
        return marker
    given: dict[str, set[str]] = {
        "extras": {canonicalize_name(name) for name in extras},
        "dependency_groups": {canonicalize_name(name) for name in groups},
    }
    # The spelling of packaging has one blank between two words.
    tokens = [token.strip() for token in _TOKEN.findall(_normal(marker, where)) if token.strip()]
    rest = _either(tokens, lambda atom: _atom(atom, given))
    return rest if rest is None else join_markers((rest,) if rest else (), where=where)


def _join_ways(ways: Iterable[frozenset[str]], *, where: str) -> str:
    """Return the marker that is true if all markers of one of the sets are.

    Raises:
        LockfileError: One of them is not a marker.
    """
    texts = sorted(join_markers(tuple(sorted(way)), where=where) for way in ways)
    if "" in texts:
        return ""
    return texts[0] if len(texts) == 1 else normal_marker(" or ".join(f"({t})" for t in texts))


def _normal(marker: str, where: str) -> str:
    return join_markers((marker,), where=where, asks=True)


def _either(tokens: list[str], read: Callable[[str], str | None]) -> str | None:
    parts = [_all(tokens, read)]
    while tokens and tokens[0] == "or":
        del tokens[0]
        parts.append(_all(tokens, read))
    texts = [part for part in parts if part is not None]
    if "" in texts:
        return ""
    return " or ".join(texts) if texts else None


def _all(tokens: list[str], read: Callable[[str], str | None]) -> str | None:
    parts = [_one(tokens, read)]
    while tokens and tokens[0] == "and":
        del tokens[0]
        parts.append(_one(tokens, read))
    if None in parts:
        return None
    return " and ".join(f"({part})" if " or " in part else part for part in parts if part)


def _one(tokens: list[str], read: Callable[[str], str | None]) -> str | None:
    first = tokens.pop(0)
    if first != "(":
        return read(first)
    inner = _either(tokens, read)
    del tokens[0]
    return inner


def _atom(atom: str, given: dict[str, set[str]]) -> str | None:
    """Return a comparison that does not ask for extras or groups; else whether it is true."""
    match = _ASKS.fullmatch(atom)
    if match is None:
        return atom
    name = canonicalize_name(match["extra"] or match["name"])
    is_there = name in given[match["list"] or "extras"]
    return "" if is_there != (match["operator"] == "!=" or bool(match["absent"])) else None
