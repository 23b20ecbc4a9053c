"""What distributions say of themselves in their metadata; no code of theirs is run."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser
from importlib import metadata
from pathlib import Path

from packaging.markers import UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

__all__ = ["Distribution", "parse_metadata", "reach", "read_environment_of"]

_LONGEST_NAME = 80
_AFTER_NAME = re.compile(r"^(\s*[\w.-]+\s*(?:\[[^]]*\])?)[^;]*")


@dataclass(frozen=True)
class Distribution:
    """A distribution, by its metadata.

    Args:
        name: Normalised, as PEP 503 says.
        version: Its version.
        requires: Its requirements, with their markers.
        licence: An SPDX expression; empty where it has none.
        licence_names: What it calls its licence where it has no such expression.
        tags: Of the wheel that was installed.
        summary: Its one line.
        people: Name and e-mail of each author and maintainer; one of them may be empty.
        addresses: Label, as ``source`` or ``issues``, → address.
    """

    name: str
    version: str
    requires: tuple[str, ...] = ()
    licence: str = ""
    licence_names: tuple[str, ...] = ()
    tags: frozenset[str] = frozenset()
    summary: str = ""
    people: tuple[tuple[str, str], ...] = ()
    addresses: tuple[tuple[str, str], ...] = ()


def read_environment_of(packages: Path) -> dict[str, Distribution]:
    """Return name → each distribution that a ``site-packages`` folder holds."""
    distributions = {}
    for entry in metadata.distributions(path=[str(packages)]):
        wheel = HeaderParser().parsestr(entry.read_text("WHEEL") or "")
        one = parse_metadata(entry.read_text("METADATA") or "", wheel.get_all("Tag", ()))
        distributions[one.name] = one
    return distributions


def parse_metadata(text: str, tags: Iterable[str] = ()) -> Distribution:
    """Return what a METADATA file says; see the core metadata specification."""
    fields = HeaderParser().parsestr(text)
    licence, names = _licence(fields)
    return Distribution(
        name=canonicalize_name(fields.get("Name", "")),
        version=fields.get("Version", ""),
        requires=tuple(fields.get_all("Requires-Dist", ())),
        licence=licence,
        licence_names=names,
        tags=frozenset(tags),
        summary=fields.get("Summary", ""),
        people=tuple(_people(fields)),
        addresses=tuple(_addresses(fields)),
    )


def reach(start: Distribution, present: Mapping[str, Distribution]) -> dict[str, set[str]]:
    """Return the name of each distribution that one needs here, and itself → what it needs in turn.

    Args:
        start: Where to begin.
        present: Name → each distribution of an environment of this very Python, for which markers
            are evaluated. What is not there is not needed there.
    """
    edges: dict[str, set[str]] = {start.name: set()}
    todo, seen = [(start, "")], {(start.name, "")}
    while todo:
        one, extra = todo.pop()
        for requirement in map(_parse, one.requires):
            name = canonicalize_name(requirement.name)
            if name not in present or not _applies(requirement, extra):
                continue
            edges.setdefault(name, set())
            edges[one.name] |= {name} - {one.name}
            news = {(name, asked) for asked in ("", *requirement.extras)} - seen
            seen |= news
            todo += [(present[name], asked) for _, asked in news]
    return edges


def _parse(text: str) -> Requirement:
    try:
        return Requirement(text)
    except InvalidRequirement:
        # Installers read some old specifiers that no longer are valid, such as `>=1.*`.
        return Requirement(_AFTER_NAME.sub(r"\1", text))


def _applies(requirement: Requirement, extra: str) -> bool:
    try:
        return requirement.marker is None or requirement.marker.evaluate({"extra": extra})
    except UndefinedEnvironmentName:
        return True


def _licence(fields: Message) -> tuple[str, tuple[str, ...]]:
    """Return the SPDX expression, or else what the fields of before PEP 639 call the licence."""
    # All of SPDX's names: importing them takes 8 ms, which who reads a proof need not wait for.
    from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

    with contextlib.suppress(InvalidLicenseExpression):
        return canonicalize_license_expression(fields.get("License-Expression", "")), ()
    name = str(fields.get("License-Expression") or fields.get("License", "")).strip()
    if "\n" not in name and len(name) <= _LONGEST_NAME and name not in {"", "UNKNOWN"}:
        return "", (name,)
    # Many have the whole text of the licence in that field, as scipy has.
    parts = (line.split(" :: ") for line in fields.get_all("Classifier", ()))
    return "", tuple(sorted({part[-1] for part in parts if part[0] == "License" and part[1:]}))


def _people(fields: Message) -> Iterable[tuple[str, str]]:
    for role in ("Author", "Maintainer"):
        name, mail = fields.get(role, "").strip(), fields.get(f"{role}-email", "").strip()
        if match := re.fullmatch(r"(.*?)\s*<([^<>]+)>", mail):
            name, mail = name or match[1].strip('" '), match[2]
        if name or mail:
            yield name, mail


def _addresses(fields: Message) -> Iterable[tuple[str, str]]:
    if home := fields.get("Home-page", "").strip():
        yield "homepage", home
    for line in fields.get_all("Project-URL", ()):
        label, _, address = line.partition(",")
        yield re.sub(r"[^a-z]", "", label.lower()), address.strip()
