"""Pipfile.lock text to values: what is locked, per category, with digests."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from packaging.markers import Marker

from trainwheel.errors import LockfileError
from trainwheel.requirements.addresses import refuse_entry_secrets, refuse_source_secrets
from trainwheel.requirements.freshness import is_fresh
from trainwheel.requirements.package import Package
from trainwheel.requirements.pep508 import format_requirement, join_markers, project_name, reference
from trainwheel.requirements.pipfile import (
    Pipfile,
    canonical_category,
    parse_package,
    parse_pipfile,
)

__all__ = [
    "LockedRequirement",
    "Lockfile",
    "Package",
    "Pipfile",
    "check_fresh",
    "check_secrets",
    "local_packages",
    "parse_lockfile",
    "parse_pipfile",
    "render_requirements",
    "requirements",
    "slice_digest",
]


@dataclass(frozen=True, slots=True)
class Lockfile:
    """A parsed Pipfile.lock.

    Attributes:
        categories: Packages by *Pipfile* category name (`packages`, not `default`).
        meta: The ``_meta`` section.
    """

    categories: Mapping[str, tuple[Package, ...]]
    meta: Mapping[str, Any]

    def packages(self, category: str = "packages") -> tuple[Package, ...]:
        """Return the packages of `category`; a category that is not there is empty."""
        return self.categories.get(canonical_category(category), ())


@dataclass(frozen=True, slots=True)
class LockedRequirement:
    """One package to install.

    Attributes:
        name: PEP 503 name.
        pin: ``==1.2.3`` or the address of a direct reference; a path for a local package.
        extras: Sorted.
        marker: In packaging's spelling; empty for always.
        hashes: ``sha256:…``, sorted.
        kind: ``release``, ``archive``, ``vcs`` or ``local``.
        category: Where it was found first, by its Pipfile name.
    """

    name: str
    pin: str
    extras: tuple[str, ...]
    marker: str
    hashes: tuple[str, ...]
    kind: str
    category: str

    @property
    def text(self) -> str:
        """The requirement as PEP 508 writes it, without hashes."""
        name = f"{self.name}[{','.join(self.extras)}]" if self.extras else self.name
        pin = self.pin if self.kind == "release" else f" @ {self.pin}"
        return f"{name}{pin}" + (f" ; {self.marker}" if self.marker else "")


def parse_lockfile(text: str | None) -> Lockfile:
    """Return what the text of a Pipfile.lock says; None stands for a file that is not there.

    Raises:
        LockfileError: Missing, not JSON, not shaped like a lock, or with a secret in an address.
    """
    data = _load(text)
    _refuse_secrets(data)
    categories = {
        category: tuple(
            parse_package(key, value, where=f"Pipfile.lock: [{category}]")
            for key, value in section.items()
        )
        for category, section in _sections(data)
    }
    return Lockfile(MappingProxyType(categories), MappingProxyType(data.get("_meta", {})))


def check_secrets(text: str | None) -> None:
    """Check that a lock which is not read for its packages holds no secret.

    One that cannot be read is passed over, as one that is missing.

    Raises:
        LockfileError: It does.
    """
    try:
        data = _load(text)
    except LockfileError:
        return
    _refuse_secrets(data)


def _load(text: str | None) -> dict[str, dict[str, Any]]:
    hint = "run `nox -s lock` and commit Pipfile.lock"
    if text is None:
        message = "Pipfile.lock is missing"
        raise LockfileError(message, hint=hint)
    try:
        data = json.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError) as error:
        message = f"Pipfile.lock is not valid JSON: {error}"
        raise LockfileError(message, hint=hint) from None
    if not isinstance(data, dict) or not all(isinstance(v, dict) for v in data.values()):
        message = "Pipfile.lock is not a table of categories"
        raise LockfileError(message, hint=hint)
    return data


def _sections(data: Mapping[str, dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    """Return the categories by the Pipfile's names."""
    return [(canonical_category(name), found) for name, found in data.items() if name != "_meta"]


def _refuse_secrets(data: Mapping[str, dict[str, Any]]) -> None:
    sources = data.get("_meta", {}).get("sources")
    refuse_source_secrets(sources, "Pipfile.lock: source {} of _meta")
    for category, section in _sections(data):
        for key, value in section.items():
            refuse_entry_secrets(key, value, f"Pipfile.lock: [{category}]")


def check_fresh(pipfile: Pipfile, lock: Lockfile) -> None:
    """Check that `lock` was made from `pipfile`; :mod:`trainwheel.requirements.freshness` says how.

    Raises:
        LockfileError: It was not.
    """
    if is_fresh(pipfile, lock.meta):
        return
    message = "Pipfile.lock is not the lock of this Pipfile"
    for category, packages in pipfile.categories.items():
        locked = {package.name for package in lock.packages(category)}
        missing = [package.key for package in packages if package.name not in locked]
        if missing:
            message += f": {missing[0]} of [{category}] is not in it"
            break
    raise LockfileError(message, hint="run `nox -s lock` and commit both files")


def requirements(lock: Lockfile, *categories: str) -> tuple[LockedRequirement, ...]:
    """Return all that `categories` lock, merged and sorted by name.

    Args:
        lock: The lock.
        categories: Pipfile names (`packages`, `dev-packages`, …) or the lock's own.

    Raises:
        LockfileError: A category is not in the lock, or two pin one package differently.
    """
    merged: dict[str, LockedRequirement] = {}
    for category in map(canonical_category, categories):
        if category not in lock.categories:
            message = f"Pipfile.lock has no category [{category}]"
            raise LockfileError(message, hint="add it to the Pipfile and run `nox -s lock`")
        for package in lock.packages(category):
            found = _locked(package, category)
            present = merged.get(found.name)
            merged[found.name] = found if present is None else _merge(present, found)
    return tuple(merged[name] for name in sorted(merged))


def _locked(package: Package, category: str) -> LockedRequirement:
    where = f"Pipfile.lock: [{category}]"
    kind = "vcs" if package.vcs else "archive" if package.url else "release"
    if package.path:
        kind, pin = "local", package.path
    elif package.url:
        pin = reference(package)
    else:
        pin = package.specifier
        format_requirement(package, where=where)
    return LockedRequirement(
        name=project_name(package, where=where),
        pin=pin,
        extras=package.extras,
        marker=join_markers(package.markers, where=f"{where} {package.key}"),
        hashes=tuple(sorted(package.hashes)),
        kind=kind,
        category=category,
    )


def _merge(first: LockedRequirement, second: LockedRequirement) -> LockedRequirement:
    """Return one requirement for both: needed where either is, with the extras of both."""
    if first.pin != second.pin:
        message = (
            f"Pipfile.lock pins {first.name} {first.pin} in [{first.category}]"
            f" and {second.pin} in [{second.category}]"
        )
        raise LockfileError(message, hint="name one version in the Pipfile and run `nox -s lock`")
    marker = ""
    if first.marker and second.marker:
        same = first.marker == second.marker
        both = f"({first.marker}) or ({second.marker})"
        marker = first.marker if same else str(Marker(both))
    return replace(
        first,
        extras=tuple(sorted({*first.extras, *second.extras})),
        marker=marker,
        hashes=tuple(sorted({*first.hashes, *second.hashes})),
    )


def local_packages(locked: Iterable[LockedRequirement]) -> tuple[str, ...]:
    """Return the names that :func:`render_requirements` leaves out: local files and folders."""
    return tuple(requirement.name for requirement in locked if requirement.kind == "local")


def render_requirements(locked: Iterable[LockedRequirement]) -> str:
    """Return a requirements file for ``uv pip install --require-hashes``.

    Local packages are left out, for a path has no digest; :func:`local_packages` names them. An
    entry without digests stays only with a marker: pipenv locks neither version nor digest where
    the marker is false as it locks, and uv passes over such a line where it is false again.

    Raises:
        LockfileError: An entry without marker and digest: a repository, or one that pipenv could
            not resolve.
    """
    lines = [_line(requirement) for requirement in locked if requirement.kind != "local"]
    return "".join(f"{line}\n" for line in lines)


def _line(requirement: LockedRequirement) -> str:
    if not requirement.hashes and not requirement.marker:
        message = (
            f"Pipfile.lock: [{requirement.category}] {requirement.name} has no digest to check"
        )
        hint = "take out its marker and run `nox -s lock`"
        if requirement.kind == "vcs":
            hint = "put a wheel of it on an index: a repository has none"
        raise LockfileError(message, hint=hint)
    return " \\\n    ".join((requirement.text, *(f"--hash={h}" for h in requirement.hashes)))


def slice_digest(lock: Lockfile, categories: Iterable[str]) -> str:
    """Return the SHA-256 of what `categories` install: pins, extras, markers, digests, paths.

    The order of the categories and of the JSON keys does not count, nor which index serves.
    """
    rows = [
        [row.name, row.pin, row.extras, row.marker, row.hashes, row.kind]
        for row in requirements(lock, *categories)
    ]
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()
