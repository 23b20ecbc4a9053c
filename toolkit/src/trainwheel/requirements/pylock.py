"""``pylock.toml``, the lock of PEP 751: read for its pins, and written for the proved wheel."""

from __future__ import annotations

import itertools
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import tomlkit
from packaging import pylock
from packaging.markers import Marker
from packaging.pylock import PackageSdist, PackageWheel, Pylock, PylockValidationError
from packaging.utils import canonicalize_name, parse_sdist_filename, parse_wheel_filename
from packaging.version import Version

from trainwheel.errors import LockfileError
from trainwheel.requirements.addresses import find_secret, refuse_entry_secrets
from trainwheel.requirements.lock_tables import answer_marker
from trainwheel.requirements.lockfile import LockedRequirement
from trainwheel.requirements.pep508 import Package
from trainwheel.system.digest import digest_file

__all__ = ["digests_of_files", "locked_files", "pylock_path", "read_pylock", "render_pylock"]

_File = TypeVar("_File", PackageWheel, PackageSdist)


def read_pylock(text: str, name: str, _member: str) -> Mapping[str, tuple[Package, ...]]:
    """Return the packages of a pylock.toml by category: its default ones, its extras, its groups.

    Args:
        text: The lock.
        name: Its name, for messages.

    Raises:
        LockfileError: It is not as PEP 751 says, or an address in it holds a secret.
        ValueError: It is not TOML.
    """
    try:
        lock = Pylock.from_dict(tomllib.loads(text))
    except PylockValidationError as error:
        # It is not a ValueError.
        message = f"{name} cannot be read: {error}"
        raise LockfileError(message) from None
    asked: dict[str, tuple[Sequence[str], Sequence[str]]] = {
        **{canonicalize_name(extra): ((extra,), ()) for extra in lock.extras or ()},
        **{canonicalize_name(group): ((), (group,)) for group in lock.dependency_groups or ()},
    }
    base = tuple(_pylock_rows(lock, (), lock.default_groups or (), name))
    others = {
        category: tuple(row for row in _pylock_rows(lock, extras, groups, name) if row not in base)
        for category, (extras, groups) in asked.items()
    }
    return {**others, "packages": base}


def _pylock_rows(
    lock: Pylock, extras: Sequence[str], groups: Sequence[str], file: str
) -> Iterator[Package]:
    for entry in lock.packages:
        where = f"{file}: {entry.name}"
        marker = answer_marker(str(entry.marker or ""), extras, groups, where=where)
        is_project = entry.directory and entry.directory.path in {".", "./"}
        if marker is not None and not is_project:
            yield replace(_pylock_package(entry, file), markers=(marker,) if marker else ())


def _pylock_package(entry: Any, file: str) -> Package:
    package = Package(key=entry.name, name=entry.name)
    origin = entry.vcs or entry.archive or entry.directory
    if origin is None:
        files = [*(entry.wheels or ()), *([entry.sdist] if entry.sdist else ())]
        version = entry.version or _version_in(files[0].filename)
        return replace(package, specifier=f"=={version}")
    url = getattr(origin, "url", None)
    refuse_entry_secrets(entry.name, url or "", f"{file}:")
    if not url:
        return replace(package, path=origin.path)
    subdirectory = origin.subdirectory or ""
    if entry.vcs:
        ref = {"vcs": origin.type, "ref": origin.commit_id}
        return replace(package, url=url, subdirectory=subdirectory, **ref)
    return replace(package, url=url, subdirectory=subdirectory)


def _version_in(filename: str) -> str:
    if filename.endswith(".whl"):
        return str(parse_wheel_filename(filename)[1])
    return str(parse_sdist_filename(filename)[1])


def pylock_path(wheel: Path) -> Path:
    """Return the path of the lock beside a wheel, ``pylock.NAME-1_2_3.toml``.

    PEP 751 allows one dot on each side of the name; uv refuses another one, and pip would read the
    file as a list of requirements.
    """
    release = "-".join(wheel.name.split("-")[:2]).replace(".", "_")
    return wheel.with_name(f"pylock.{release}.toml")


def locked_files(texts: Iterable[str], rows: Iterable[LockedRequirement]) -> list[pylock.Package]:
    """Return the locked packages with the files that the lock allows, by name.

    A file on an index has its address there. One that is on a disk, or whose address holds a
    secret, has its name alone: put beside the lock, it is found.

    Args:
        texts: What uv says of the packages: each a pylock.toml with their files.
        rows: The packages, with the digests of the files that may be installed.

    Raises:
        LockfileError: A package is on no index with a digest that is locked.
    """
    locked = {row.name: row for row in rows}
    known: dict[str, list[pylock.Package]] = {}
    for text in texts:
        for entry in Pylock.from_dict(tomllib.loads(text)).packages:
            known.setdefault(entry.name, []).append(entry)
    return [_exact(entries, locked[key]) for key, entries in known.items()]


def digests_of_files(packages: Iterable[pylock.Package]) -> dict[str, dict[str, str]]:
    """Return name of a package → name of each of its wheels → sha256."""
    return {
        one.name: {file.filename: file.hashes["sha256"] for file in one.wheels or ()}
        for one in packages
    }


def render_pylock(packages: Iterable[pylock.Package], wheel: Path) -> str:
    """Return the lock of a wheel, which lies beside it, and of all that it was proved with.

    Args:
        packages: As `locked_files` returns them.
        wheel: The wheel.
    """
    name, version = parse_wheel_filename(wheel.name)[:2]
    digests = {"sha256": digest_file(wheel)}
    file = PackageWheel(path=wheel.name, size=wheel.stat().st_size, hashes=digests)
    own = pylock.Package(name=name, version=version, wheels=[file])
    rows = sorted([*packages, own], key=lambda package: package.name)
    lock = Pylock(lock_version=Version("1.0"), created_by="trainwheel", packages=rows)
    lock.validate()
    return tomlkit.dumps(lock.to_dict())


def _exact(entries: Sequence[pylock.Package], row: LockedRequirement) -> pylock.Package:
    """Return a package with the files that are locked, the marker of our lock, and no index.

    Args:
        entries: What several places say of the package; the first that has a file counts.
        row: The package in the lock.
    """
    wheels = [_wheel(file) for file in _locked(row, (e.wheels or () for e in entries))]
    sdists = [_sdist(f) for f in _locked(row, ([e.sdist] if e.sdist else () for e in entries))]
    archive = next((e.archive for e in entries if e.archive), None)
    if archive and find_secret(archive.url or "", variables=False):
        archive = None
    if not wheels and not sdists and not archive:
        message = f"no index names a file of {row.name} whose digest is in Pipfile.lock"
        raise LockfileError(message, hint="lock it again: nox -s lock")
    return pylock.Package(
        name=entries[0].name,
        version=entries[0].version,
        marker=Marker(row.marker) if row.marker else None,
        wheels=wheels or None,
        sdist=sdists[0] if sdists else None,
        archive=archive,
    )


def _locked(row: LockedRequirement, lists: Iterable[Sequence[_File]]) -> list[_File]:
    """Return each file whose digest is locked once, by name."""
    files: dict[str, _File] = {}
    for file in itertools.chain.from_iterable(lists):
        digest = f"sha256:{file.hashes.get('sha256')}"
        if digest in row.hashes:
            files.setdefault(digest, file)
    return sorted(files.values(), key=lambda file: file.filename)


def _wheel(file: PackageWheel) -> PackageWheel:
    return PackageWheel(**_place(file), size=file.size, hashes=_digest(file))


def _sdist(file: PackageSdist) -> PackageSdist:
    return PackageSdist(**_place(file), size=file.size, hashes=_digest(file))


def _digest(file: PackageWheel | PackageSdist) -> dict[str, str]:
    return {"sha256": file.hashes["sha256"]}


def _place(file: PackageWheel | PackageSdist) -> dict[str, Any]:
    url = file.url or ""
    if urlsplit(url).scheme in {"http", "https"} and not find_secret(url, variables=False):
        return {"url": url}
    return {"path": file.filename}
