"""What has changed in a virtual environment since it was filled.

Its stamp, written last, has the names of its packages and scripts: one look at two folders shows
what was added, removed or has another version. A file counts as edited if it has another digest
than in RECORD. Files are read if their inode changed after the stamp was written, which no tool can
hide as it can the time of modification; on demand all are.

What is not in RECORD counts at the top only: packages keep caches in their own folders.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from packaging.utils import canonicalize_name

from trainwheel.install.installed import (
    DIST_INFO,
    Installed,
    changed_since,
    digest_of,
    names_in,
    project_of,
)
from trainwheel.system.text import shown
from trainwheel.system.turns import OneByOne

__all__ = [
    "COMPARED",
    "STAMP",
    "Seen",
    "changes_in",
    "homes_in",
    "note_compared",
    "read_stamp",
    "renew",
    "sum_up",
    "was_compared",
    "write_stamp",
]

STAMP, COMPARED = ".trainwheel-stamp", ".trainwheel-compared"
_CONFIG = "pyvenv.cfg"
_MOST_CHANGES = 4
_HOUR = 3600
"""Seconds for which one comparison of every file is enough in CI: a job has many runs."""
_MARGIN = 1_000_000_000
"""Nanoseconds by which a file system's clock may be behind that of Python."""


@dataclass(frozen=True)
class Stamp:
    """What an environment held when it was filled.

    Args:
        digest: The digest of all that went in.
        names: What is in its folders of packages and scripts.
        digests: The digests of files of which RECORD has none or another one; empty for a file
            that RECORD lists and that was not there.
        when: Nanoseconds; a file that has not changed since was compared.
    """

    digest: str
    names: frozenset[str]
    digests: Mapping[str, str]
    when: int


@dataclass
class Seen:
    """What a run has compared already.

    Args:
        environments: Environment → the digest of all that went in.
        records: Digest of a RECORD → what its package has that differs from it: digests by path.
        making: Lets one step at a time look at an environment and make it.
    """

    environments: dict[Path, str] = field(default_factory=dict)
    records: dict[str, dict[str, str]] = field(default_factory=dict)
    making: OneByOne = field(default_factory=OneByOne, repr=False)

    def compare(
        self, home: Path, again: Collection[str] = (), *, is_trusted: bool = False
    ) -> list[str]:
        """Return the packages in an environment that differ from their RECORD.

        Each is compared once in a run.

        Args:
            home: The environment.
            again: Packages to compare once more.
            is_trusted: Count what was not compared yet as equal to its RECORD.
        """
        installed, edited = Installed.at(home), list[str]()
        paths = defaultdict[str, list[str]](list)
        for path, row in installed.rows.items():
            paths[row.owner].append(path)
        for owner, digest in installed.records.items():
            name = project_of(owner)
            if digest in self.records and name not in again:
                continue
            odd = {} if is_trusted else dict(installed.differing(paths[owner], {}))
            self.records[digest] = odd
            edited += [name] if odd else []
        return edited


def read_stamp(home: Path) -> Stamp | None:
    """Return an environment's stamp; None where it was not filled, or by another version."""
    try:
        path = home / STAMP
        document = json.loads(path.read_bytes())
        names = frozenset(map(str, document["names"]))
        digests = {str(name): str(digest) for name, digest in document["digests"].items()}
        return Stamp(str(document["digest"]), names, digests, path.stat().st_mtime_ns)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def homes_in(folder: Path) -> list[Path]:
    """Return the environments in a folder that were filled, and not by another version."""
    return [path.parent for path in sorted(folder.glob(f"*/{STAMP}")) if read_stamp(path.parent)]


def write_stamp(home: Path, digest: str, seen: Seen | None = None) -> None:
    """Write what an environment holds.

    Args:
        home: The environment.
        digest: The digest of all that went in.
        seen: What this run has compared.
    """
    digests = {_CONFIG: digest_of(home / _CONFIG)}
    installed, records = Installed.at(home), seen.records if seen else {}
    for owner, record in installed.records.items():
        digests |= {installed.record_of(owner): record, **records.get(record, {})}
    document = {"digest": digest, "names": sorted(names_in(home)), "digests": digests}
    (home / STAMP).write_text(json.dumps(document, indent=0), encoding="utf-8")
    note_compared(home)


def note_compared(home: Path) -> None:
    """Note that every file of an environment was compared just now."""
    with contextlib.suppress(OSError):
        (home / COMPARED).touch()


def was_compared(home: Path) -> bool:
    """Return whether every file of an environment was compared within the last hour."""
    with contextlib.suppress(OSError):
        return 0 <= time.time() - (home / COMPARED).stat().st_mtime < _HOUR
    return False


def renew(home: Path, start: int) -> None:
    """Note that all that changed before a time, in nanoseconds, was compared."""
    with contextlib.suppress(OSError):  # It may be read-only: then more is read the next time.
        path, when = home / STAMP, start - _MARGIN
        if not when <= path.stat().st_mtime_ns <= start:
            os.utime(path, ns=(when, when))


def changes_in(home: Path, *, whole: bool = False) -> list[str]:
    """Return what has changed in an environment since it was filled, each as a clause.

    Args:
        home: The environment.
        whole: Read every file that is listed in a RECORD.
    """
    stamp = read_stamp(home)
    if stamp is None:
        return ["its stamp cannot be read"]
    names = names_in(home)
    if changes := list(_describe(home, stamp.names, names)):
        return changes
    # Where the clock was ahead, nobody knows what was compared.
    is_known = stamp.when <= time.time_ns() + _MARGIN and not whole
    changed = changed_since(home, stamp.when if is_known else 0)
    if not changed:
        return []
    installed = Installed.at(home)
    paths = [path for path in {*installed.rows, *stamp.digests}
             if path in changed or not os.path.lexists(f"{home}/{path}")]  # fmt: skip
    edited = {installed.owner(path) for path, _ in installed.differing(paths, stamp.digests)}
    return [f"{owner} was edited" for owner in sorted(edited)]


def sum_up(changes: Iterable[str]) -> str:
    """Return changes as one clause."""
    first, *_ = parts = [*changes]
    if len(parts) > _MOST_CHANGES:
        parts = [*parts[:_MOST_CHANGES], f"{len(parts) - _MOST_CHANGES} more"]
    return f"{', '.join(parts[:-1])} and {parts[-1]}" if parts[1:] else first


def _describe(home: Path, before: frozenset[str], now: frozenset[str]) -> Iterator[str]:
    """Yield what was added, removed or exchanged: packages first, then what belongs to none."""
    if before == now:
        return
    old, new = _versions(before - now), _versions(now - before)
    for name in sorted({*old, *new}):
        lost, added = old.get(name, []), new.get(name, [])
        if len(lost) == len(added) == 1:
            yield f"{name} is {added[0]} instead of {lost[0]}"
            continue
        yield from (f"{name} {version} is gone" for version in lost)
        yield from (f"{name} {version} was added" for version in added)
    # What a removed package had is known no more.
    gone = set[str]() if old else _others(before - now)
    more = _others(now - before - Installed.at(home).names())
    yield from (f"{shown(name)} was added" for name in sorted(more - gone))
    yield from (f"{shown(name)} is gone" for name in sorted(gone - more))
    yield from (f"{shown(name)} was replaced" for name in sorted(gone & more))


def _versions(names: Iterable[str]) -> dict[str, list[str]]:
    """Return the versions of packages by the names of their metadata."""
    versions = defaultdict[str, list[str]](list)
    for match in filter(None, map(DIST_INFO.fullmatch, sorted(names))):
        versions[canonicalize_name(match[1])].append(match[2])
    return versions


def _others(names: Iterable[str]) -> set[str]:
    return {name.partition(" -> ")[0] for name in names if not DIST_INFO.fullmatch(name)}
