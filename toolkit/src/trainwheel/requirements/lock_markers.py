"""Markers of locks that also ask for extras and groups, and conditions that are met on a way.

PEP 751 has ``'gpu' in extras`` and ``'dev' in dependency_groups``, and Poetry has ``extra ==
'gpu'``. What a distribution requires cannot ask either, so they are answered for one category, and
the rest of the marker stays.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from packaging.utils import canonicalize_name

from trainwheel.requirements.pep508 import join_markers, normal_marker

__all__ = ["Ways", "answer", "join_ways"]

Ways = Iterable[frozenset[str]]
"""Sets of markers; all of one set must be true."""

_TOKEN = re.compile(r"""\(|\)|\b(?:and|or)\b|(?:"[^"]*"|'[^']*'|[^\s()"']+|\s(?!and\b|or\b))+""")
_ASKS = re.compile(
    r"""extra\s*(?P<operator>==|!=)\s*["'](?P<extra>[^"']*)["']"""
    r"""|["'](?P<name>[^"']*)["']\s+(?P<absent>not\s+)?in\s+(?P<list>extras|dependency_groups)"""
)


def answer(marker: str, extras: Iterable[str], groups: Iterable[str], *, where: str) -> str | None:
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


def join_ways(ways: Ways, *, where: str) -> str:
    """Return the marker that is true if all markers of one of the sets are.

    Raises:
        LockfileError: One of them is not a marker.
    """
    texts = sorted(join_markers(tuple(sorted(way)), where=where) for way in ways)
    if "" in texts:
        return ""
    return texts[0] if len(texts) == 1 else normal_marker(" or ".join(f"({t})" for t in texts))


def _normal(marker: str, where: str) -> str:
    return join_markers((marker,), where=where)


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
