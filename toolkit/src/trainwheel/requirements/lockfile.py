"""Read Pipfile.lock: the locked packages of each category, with their digests."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final

from packaging.markers import Marker

from trainwheel.errors import LockfileError
from trainwheel.requirements.addresses import refuse_entry_secrets, refuse_source_secrets
from trainwheel.requirements.freshness import is_fresh
from trainwheel.requirements.pep508 import (
    Package,
    format_requirement,
    join_markers,
    project_name,
    reference,
)
from trainwheel.requirements.pipfile import Pipfile, canonical_category, parse_package

__all__ = [
    "PIPFILE_LOCK",
    "LockedRequirement",
    "Lockfile",
    "check_digests",
    "check_fresh",
    "check_secrets",
    "local_packages",
    "parse_lockfile",
    "render_requirements",
    "requirements",
    "slice_digest",
]

_REPOSITORY = "put a wheel of it on an index: a repository has no digest"
PIPFILE_LOCK: Final = "Pipfile.lock"


@dataclass(frozen=True, slots=True)
class Lockfile:
    """A parsed Pipfile.lock.

    Attributes:
        categories: Packages by *Pipfile* category name (`packages`, not `default`).
        meta: The ``_meta`` section.
        file: Its name, for messages.
        hint: How it is made again.
    """

    categories: Mapping[str, tuple[Package, ...]]
    meta: Mapping[str, Any]
    file: str = PIPFILE_LOCK
    hint: str = "run `nox -s lock` and commit Pipfile.lock"

    def packages(self, category: str = "packages") -> tuple[Package, ...]:
        """Return the packages of a category, none if it is missing."""
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
        category: The Pipfile's name of the first category that locks it.
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
    """Read the text of a Pipfile.lock; None stands for a missing file.

    Raises:
        LockfileError: Missing, not JSON, not shaped like a lock, or with a secret in an address. An
            entry that cannot be read is reported when its category is asked for.
    """
    data = _load(text)
    _refuse_secrets(data)
    return Lockfile(_Categories(dict(_sections(data))), MappingProxyType(data.get("_meta", {})))


class _Categories(Mapping[str, tuple[Package, ...]]):
    """The packages of each category, read when they are asked for: a run needs few categories."""

    def __init__(self, sections: Mapping[str, Mapping[str, Any]]) -> None:
        self._sections = sections
        self._read: dict[str, tuple[Package, ...]] = {}

    def __getitem__(self, category: str) -> tuple[Package, ...]:
        if category not in self._read:
            where = f"Pipfile.lock: [{category}]"
            rows = self._sections[category].items()
            self._read[category] = tuple(parse_package(*row, where=where) for row in rows)
        return self._read[category]

    def __iter__(self) -> Iterator[str]:
        return iter(self._sections)

    def __len__(self) -> int:
        return len(self._sections)


def check_secrets(text: str | None) -> None:
    """Check that a lock holds no secret, where its packages are not needed.

    A lock that is missing or cannot be read passes.

    Raises:
        LockfileError: One of its addresses holds a secret.
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
    return [(canonical_category(name), table) for name, table in data.items() if name != "_meta"]


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
        names = {package.name for package in lock.packages(category)}
        missing = [package.key for package in packages if package.name not in names]
        if missing:
            message += f": {missing[0]} of [{category}] is not in it"
            break
    raise LockfileError(message, hint="run `nox -s lock` and commit both files")


def requirements(lock: Lockfile, *categories: str) -> tuple[LockedRequirement, ...]:
    """Return the locked packages of several categories, merged and sorted by name.

    Args:
        lock: The lock.
        categories: Pipfile names (`packages`, `dev-packages`, …) or the lock's own.

    Raises:
        LockfileError: A category is not in the lock, or two pin one package differently.
    """
    rows: dict[str, LockedRequirement] = {}
    for category in map(canonical_category, categories):
        if category not in lock.categories:
            message = f"Pipfile.lock has no category [{category}]"
            raise LockfileError(message, hint="add it to the Pipfile and run `nox -s lock`")
        for package in lock.packages(category):
            row = _read_row(package, category)
            present = rows.get(row.name)
            rows[row.name] = row if present is None else _merge(present, row)
    return tuple(rows[name] for name in sorted(rows))


def _read_row(package: Package, category: str) -> LockedRequirement:
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
    """Return one row that applies where either does, with the extras and digests of both."""
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


def local_packages(rows: Iterable[LockedRequirement]) -> tuple[str, ...]:
    """Return the names that :func:`render_requirements` skips: local files and folders."""
    return tuple(row.name for row in rows if row.kind == "local")


def render_requirements(rows: Iterable[LockedRequirement]) -> str:
    """Return a requirements file for ``uv pip install --require-hashes``.

    Local packages are skipped, for a path has no digest; :func:`local_packages` names them. An
    entry without digests needs a marker: pipenv locks neither version nor digest if the marker is
    false on the machine that locks, and uv ignores the line wherever it is false again.

    Raises:
        LockfileError: An entry without marker and digest: a repository, or one that pipenv could
            not resolve.
    """
    lines = [_line(row) for row in rows if row.kind != "local"]
    return "".join(f"{line}\n" for line in lines)


def _line(row: LockedRequirement) -> str:
    if not row.hashes and not row.marker:
        raise _without_digest(row.category, row.name, row.kind)
    return " \\\n    ".join((row.text, *(f"--hash={digest}" for digest in row.hashes)))


def check_digests(lock: Lockfile) -> None:
    """Check that every release and every archive has a digest, as a lock that was just made should.

    pipenv writes ``"version": "*"`` for an entry whose marker is false where it locks, without the
    marker if that is written as ``sys_platform = …``, and no digest of an archive.

    Raises:
        LockfileError: One has none.
    """
    for category, packages in lock.categories.items():
        for package in packages:
            if not (package.hashes or package.vcs or package.path):
                kind = "archive" if package.url else "release"
                raise _without_digest(category, package.name, kind)


def _without_digest(category: str, name: str, kind: str) -> LockfileError:
    message = f"Pipfile.lock: [{category}] {name} has no digest to check"
    hint = "remove its marker, which was false where it was locked, from the Pipfile"
    if kind == "vcs":
        return LockfileError(message, hint=_REPOSITORY)
    if kind == "archive":
        hint = "append #sha256= and the digest to its address in the Pipfile"
    return LockfileError(message, hint=f"{hint}, and run `nox -s lock`")


def slice_digest(lock: Lockfile, categories: Iterable[str]) -> str:
    """Return the SHA-256 of what `categories` install: pins, extras, markers, digests, paths.

    The order of the categories and of the JSON keys does not matter, nor does the index.
    """
    rows = [
        [row.name, row.pin, row.extras, row.marker, row.hashes, row.kind]
        for row in requirements(lock, *categories)
    ]
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()
