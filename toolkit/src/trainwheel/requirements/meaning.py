"""What a requirement says, however it is spelt: two texts that mean the same give equal values."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, replace

from packaging.markers import InvalidMarker, Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import Specifier
from packaging.utils import canonicalize_name, canonicalize_version

__all__ = ["Meaning", "meaning", "meaning_of", "name_of", "normal_marker"]

# A number without leading zeros is its own canonical form, but for zeros at its end.
_NUMBER = r"(?:0|[1-9][0-9]{0,9})(?:\.(?:0|[1-9][0-9]{0,9})){0,5}"
_PLAIN_CLAUSE = re.compile(rf"(==|!=|<=|>=|<|>)({_NUMBER})(?:,|$)")
_PLAIN = re.compile(
    r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)"
    rf"(?P<clauses>(?:(?:==|!=|<=|>=|<|>){_NUMBER}(?:,(?=[=!<>])|$))+)?"
)


@functools.lru_cache(maxsize=256)
def normal_marker(text: str) -> str:
    """Return a marker in packaging's spelling.

    Raises:
        InvalidMarker: It is none.
    """
    # A lock repeats a handful of markers hundreds of times.
    return str(Marker(text))


def meaning(text: str) -> object:
    """Return a value that is equal for two requirements that say the same.

    Text that PEP 508 does not know stands for itself.
    """
    try:
        return meaning_of(text)
    except InvalidRequirement:
        return " ".join(text.split())


def name_of(text: str) -> str:
    """Return the PEP 503 name of the project that a requirement is for; else the text itself."""
    try:
        return meaning_of(text).name
    except InvalidRequirement:
        return text


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a requirement says, however it is spelt."""

    name: str
    extras: frozenset[str]
    clauses: frozenset[tuple[str, str]]
    url: str | None
    marker: str


@functools.lru_cache(maxsize=4096)
def meaning_of(text: str) -> Meaning:
    """Return what a requirement says.

    Raises:
        InvalidRequirement: It is none.
    """
    front, _, marker = text.partition(";")
    if "@" in front or not marker.strip():
        # In an address a semicolon may mean something else.
        return _read_plain(text) or _read(Requirement(text))
    try:
        marker = normal_marker(marker)
    except InvalidMarker as error:
        raise InvalidRequirement(str(error)) from None
    return replace(_read_plain(front.strip()) or _read(Requirement(front)), marker=marker)


def _read(requirement: Requirement) -> Meaning:
    return Meaning(
        canonicalize_name(requirement.name),
        frozenset(map(canonicalize_name, requirement.extras)),
        frozenset(_clause(clause) for clause in requirement.specifier),
        requirement.url,
        str(requirement.marker or ""),
    )


def _read_plain(text: str) -> Meaning | None:
    """Return what a name with plain numbers says, as nearly all of a lock is; None for others.

    packaging takes ten times as long, which a lock of hundreds makes felt.
    """
    match = _PLAIN.fullmatch(text)
    if match is None:
        return None
    clauses = (clause.groups() for clause in _PLAIN_CLAUSE.finditer(match["clauses"] or ""))
    return Meaning(
        canonicalize_name(match["name"]),
        frozenset(),
        frozenset((operator, re.sub(r"(\.0)+$", "", number)) for operator, number in clauses),
        None,
        "",
    )


def _clause(clause: Specifier) -> tuple[str, str]:
    # 1.0 and 1 are the same, but ~=1.0 and ~=1 are not.
    strip = clause.operator != "~="
    return clause.operator, canonicalize_version(clause.version, strip_trailing_zero=strip)
