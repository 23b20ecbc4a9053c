"""Check that a Pipfile.lock was made from this Pipfile.

Two digests can prove it. pipenv's own, ``_meta.hash``, covers the sources: for a Pipfile without
``[[source]]`` those come from the pip configuration of the machine that locked, so it cannot be
repeated on another one. Where the lock records them, they are taken from the lock. The
*stamp* is ours: it covers only what the Pipfile itself says. pipenv keeps neither the stamp nor
any other key of ``_meta`` when it locks again, so a stamp never outlives its lock.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from packaging.utils import canonicalize_name

from trainwheel.requirements.pipfile import Pipfile

__all__ = [
    "STAMP_KEY",
    "is_fresh",
    "is_stamped",
    "pipenv_hashes",
    "pipfile_digest",
    "stamp_lock",
]

STAMP_KEY = "trainwheel-pipfile-sha256"

# Sections that pipenv's digest omits or treats specially (plette's PIPFILE_SECTIONS).
_APART = frozenset(
    (
        *("source", "packages", "dev-packages", "requires", "scripts", "pipfile", "pipenv"),
        *("default", "develop"),
    )
)


def pipfile_digest(pipfile: Pipfile) -> str:
    """Return the SHA-256 of all that a lock depends on: sources as written, requires, packages."""
    return _digest(pipfile.raw, pipfile.sources, canonical=True)


def pipenv_hashes(pipfile: Pipfile, lock_sources: Sequence[Mapping[str, Any]]) -> frozenset[str]:
    """Return every value that pipenv may have written as ``_meta.hash.sha256``.

    Package names went in as written until 2026, canonical since; both are accepted.

    Args:
        pipfile: The Pipfile that was locked.
        lock_sources: ``_meta.sources``, for a Pipfile that names none.
    """
    sources = pipfile.sources or tuple(lock_sources)
    return frozenset(_digest(pipfile.raw, sources, canonical=flag) for flag in (True, False))


def is_stamped(text: str | None) -> bool:
    """Return whether a lock has a stamp, without reading it all; None stands for a missing file."""
    return f'"{STAMP_KEY}"' in (text or "")


def is_fresh(pipfile: Pipfile, meta: Mapping[str, Any]) -> bool:
    """Return whether a lock with this ``_meta`` was made from `pipfile`."""
    stamp = meta.get(STAMP_KEY)
    if stamp is not None:
        return bool(stamp == pipfile_digest(pipfile))
    sources, digests = meta.get("sources"), meta.get("hash")
    digest = digests.get("sha256") if isinstance(digests, Mapping) else None
    return digest in pipenv_hashes(pipfile, sources if isinstance(sources, list) else [])


def stamp_lock(text: str, pipfile: Pipfile) -> str:
    """Return the text of a lock that `pipenv lock` has just made, stamped.

    For a Pipfile without ``[[source]]`` the machine's sources are taken out as well, from
    ``_meta`` and from the entries: they are a fact of that machine, and may hold credentials.
    The layout stays pipenv's.
    """
    lock = json.loads(text)
    meta = lock.setdefault("_meta", {})
    meta[STAMP_KEY] = pipfile_digest(pipfile)
    if not pipfile.sources:
        meta["sources"] = []
        for category, entries in lock.items():
            for entry in entries.values() if category != "_meta" else ():
                entry.pop("index", None)
    return json.dumps(lock, indent=4, separators=(",", ": "), sort_keys=True) + "\n"


def _digest(
    raw: Mapping[str, Any], sources: Sequence[Mapping[str, Any]], *, canonical: bool
) -> str:
    """Return the digest that pipenv computes over a Pipfile with these `sources`."""

    def section(values: Mapping[str, Any]) -> dict[str, Any]:
        return {canonicalize_name(key) if canonical else key: v for key, v in values.items()}

    data: dict[str, Any] = {
        "_meta": {"sources": list(sources), "requires": raw.get("requires", {})},
        "default": section(raw.get("packages", {})),
        "develop": section(raw.get("dev-packages", {})),
    }
    data |= {name: section(values) for name, values in raw.items() if name not in _APART}
    content = json.dumps(data, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(content.encode()).hexdigest()
