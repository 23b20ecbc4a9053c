"""The differences between two locks, and a new lock of a few packages merged into the old one.

Pure, over the JSON of Pipfile.lock: category → package → entry. Names are compared in their
PEP 503 form, for pipenv keeps the spelling of the Pipfile or of the package's own metadata.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from trainwheel.requirements.addresses import find_secret
from trainwheel.requirements.pipfile import canonical_category

__all__ = ["Change", "compare_locks", "lock_category", "merge", "parse_pins", "pins_of"]

Entry = Mapping[str, Any]
Entries = Mapping[str, Entry]


@dataclass(frozen=True, slots=True)
class Change:
    """One package that differs between two locks.

    Attributes:
        category: The Pipfile's name of the category.
        name: PEP 503 name.
        old: Version, commit or path before; empty where the package is new.
        new: The same now; empty where the package has gone.
    """

    category: str
    name: str
    old: str
    new: str

    def __str__(self) -> str:
        """Return the line for a person."""
        if self.old == self.new:
            return f"{self.category}: {self.name} {self.new}, other digests or markers"
        return f"{self.category}: {self.name} {self.old or 'not locked'} → {self.new or 'gone'}"


def compare_locks(old: Mapping[str, Entries], new: Mapping[str, Entries]) -> tuple[Change, ...]:
    """Return what differs between two locks, sorted by category and name."""
    changes = []
    for category in sorted({*old, *new} - {"_meta"}):
        before, after = _by_name(old.get(category, {})), _by_name(new.get(category, {}))
        for name in sorted({*before, *after}):
            if _essence(before.get(name)) != _essence(after.get(name)):
                values = (_version(before.get(name)), _version(after.get(name)))
                changes.append(Change(canonical_category(category), name, *values))
    return tuple(changes)


def pins_of(entries: Entries) -> dict[str, str]:
    """Return PEP 503 name → version of the releases that a category locks."""
    return {
        name: _version(entry)
        for name, entry in _by_name(entries).items()
        if str(entry.get("version", "")).startswith("==")
    }


def parse_pins(requirements: Iterable[str]) -> dict[str, str]:
    """Return PEP 503 name → version from ``name==version`` lines; other lines are ignored."""
    pins = {}
    for line in requirements:
        try:
            requirement = Requirement(line.strip())
        except InvalidRequirement:
            continue
        for specifier in requirement.specifier:
            pins[str(canonicalize_name(requirement.name))] = specifier.version
    return pins


def merge(old: Entries, fresh: Entries, pins: Mapping[str, str]) -> dict[str, Entry]:
    """Return a category whose releases have the versions of ``pins``.

    Args:
        old: The category as it was; an entry with the version of `pins` stays unchanged.
        fresh: The category as pipenv has just locked it, for the versions that changed.
        pins: PEP 503 name → version of the releases to keep or to add. Others are removed.

    A key keeps its spelling: `pipenv install` of any package removes from the lock what it finds
    in its own resolution by another spelling, as flufl-lock for flufl.lock (pipenv 2026.10.3,
    `_clean_unused_dependencies`).
    """
    before = _by_name(old)
    keys = {str(canonicalize_name(key)): key for key in old}
    entries = {
        key: entry for key, entry in old.items() if "version" not in entry or _is(key, entry, pins)
    }
    for key, entry in fresh.items():
        name = canonicalize_name(key)
        if name in pins and not _is(name, before.get(name, {}), pins):
            extras = before.get(name, {}).get("extras")
            entries[keys.get(name, key)] = {"extras": extras, **entry} if extras else entry
        elif "version" not in entry:
            entries[key] = entry
    return dict(sorted(entries.items()))


def lock_category(category: str) -> str:
    """Return what Pipfile.lock calls a category of the Pipfile."""
    return {"packages": "default", "dev-packages": "develop"}.get(category, category)


def _is(key: str, entry: Entry, pins: Mapping[str, str]) -> bool:
    return entry.get("version") == f"=={pins.get(canonicalize_name(key))}"


def _by_name(entries: Entries) -> dict[str, Entry]:
    return {str(canonicalize_name(key)): entry for key, entry in entries.items()}


def _essence(entry: Entry | None) -> object:
    """Return what an entry installs: neither the order of its digests nor the index matters."""
    if entry is None:
        return None
    rest = {key: value for key, value in entry.items() if key not in {"index", "hashes"}}
    return rest, sorted(entry.get("hashes", []))


def _version(entry: Entry | None) -> str:
    if entry is None:
        return ""
    value = next((entry[key] for key in ("version", "ref", "path", "file") if entry.get(key)), "")
    if kind := find_secret(str(value)):
        return f"an address with {kind}"
    return str(value).removeprefix("==")
