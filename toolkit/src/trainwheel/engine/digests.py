"""Digests of files, which are read again only where they may have changed.

The table keeps the signature that each file had when it was read: its size, its time of
modification, its inode, and its time of change, which no program can set. The signature counts
only if the file was already older than one tick of the file system's clock when it was read: two
writes within one tick have the same times, so the second would not be noticed. (Git calls such a
file "racily clean".)
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import weakref
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any

from trainwheel.system.digest import digest_file, digest_json
from trainwheel.system.files import everything_below, write_atomically
from trainwheel.system.ignored import DEFAULTS, Ignored

__all__ = ["DigestTable"]

SCHEMA = 3
_FINE_TICK, _COARSE_TICK = 20_000_000, 2_000_000_000
"""Nanoseconds: Linux stamps files by a clock with steps of up to 10 ms; FAT keeps times to 2 s."""

_Signature = tuple[int, int, int, int]


class DigestTable:
    """The digests of a repository's files.

    Args:
        path: The table's file; one that cannot be read counts as empty.
        clock: Returns the present in nanoseconds since 1970; by default the clock of the file
            system that holds the table.
        ignored: The names that do not count in a folder.
    """

    def __init__(
        self, path: Path, clock: Callable[[], int] | None = None, ignored: Ignored = DEFAULTS
    ) -> None:
        self._path = path
        self._ignored = ignored
        self._clock = clock or _FileClock(path.parent)
        self._entries = _load(path)
        self._used: set[str] = set()
        self._is_dirty = False

    def digest(self, path: Path | str) -> str:
        """Return the sha256 of a file's bytes as they are now.

        Raises:
            OSError: It cannot be read.
        """
        name = str(path)
        signature = _sign(name)
        entry = self._entries.get(name)
        self._used.add(name)
        if entry is not None and entry[0] == signature and _is_older(signature, entry[1]):
            return entry[2]
        return self._read(name, signature)

    def now(self) -> int:
        """Return the present by the clock of the file system, in nanoseconds since 1970."""
        return self._clock()

    def is_touched(self, path: Path, since: int) -> bool:
        """Return whether a file or folder has changed after a moment that `now` returned."""
        with contextlib.suppress(OSError):
            return path.stat().st_ctime_ns > since
        return False

    def digests(self, root: Path, names: Iterable[str]) -> dict[str, str]:
        """Return path → digest, for absolute paths; one below ``root`` is given relative to it."""
        start = f"{root}/"
        return {name.removeprefix(start): self.digest(name) for name in names}

    def signatures(self, root: Path, names: Iterable[str]) -> dict[str, tuple[int, int, int]]:
        """Return path → what `written` was when its digest was last asked for, where it is known.

        Args:
            root: The repository.
            names: Paths as `digests` returns them.
        """
        entries = ((name, self._entries.get(os.path.join(root, name))) for name in names)  # noqa: PTH118
        return {name: entry[0][:3] for name, entry in entries if entry is not None}

    def output(self, path: Path, *, at: Path | None = None, without: Collection[str] = ()) -> str:
        """Return one digest of a file, or of a folder's names and contents; empty if absent.

        Args:
            path: The file or folder.
            at: The place that is meant for it, where it is still elsewhere.
            without: Absolute names of files to skip.
        """
        if path.is_dir():
            names = everything_below(path, self._ignored, at)
            names = (name for name in names if name not in without)
            return digest_json(self.digests(path, names))
        return self.digest(path) if path.is_file() else ""

    def written(self, path: Path | str) -> tuple[int, int, int]:
        """Return a value that changes with every write: size, time of modification, inode."""
        return _sign(str(path))[:3]

    def carry(self, old: str, new: str) -> None:
        """Keep the digest of a file that was renamed or linked, which changes its signature."""
        entry = self._entries.pop(old, None)
        if entry is None:
            return
        signature, (before, read_at, digest) = _sign(new), entry
        if signature[:3] == before[:3] and before[1] + _tick(read_at) < read_at:
            # The time of change is that of our own rename or link, which changes no byte.
            self._entries[new] = (signature, signature[3] + 2 * _COARSE_TICK, digest)
            self._used.add(new)
            self._is_dirty = True

    def save(self) -> None:
        """Write the table if it changed, without the files that no longer exist."""
        if not self._is_dirty:
            return
        files = {name: entry for name, entry in self._entries.items()
                 if name in self._used or os.path.lexists(name)}  # fmt: skip
        document = {"schema": SCHEMA, "files": files}
        write_atomically(self._path, json.dumps(document, separators=(",", ":")).encode())
        self._is_dirty = False

    def _read(self, name: str, signature: _Signature) -> str:
        read_at, digest = self._clock(), digest_file(name)
        if _sign(name) == signature:
            self._entries[name] = (signature, read_at, digest)
        else:  # it is being written
            self._entries.pop(name, None)
        self._is_dirty = True
        return digest


class _FileClock:
    """Returns the present by the clock of a file system, which may be another machine's.

    Args:
        folder: On this file system; it is made where it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._probe: int | None = None

    def __call__(self) -> int:
        try:
            if self._probe is None:
                self._folder.mkdir(parents=True, exist_ok=True)
                self._probe, name = tempfile.mkstemp(dir=self._folder)
                weakref.finalize(self, os.close, self._probe)
                Path(name).unlink()
            os.pwrite(self._probe, b"0", 0)
            return os.fstat(self._probe).st_mtime_ns
        except OSError:
            return 0  # no file is older, so no signature counts


def _sign(name: str) -> _Signature:
    status = os.stat(name)  # noqa: PTH116
    return status.st_size, status.st_mtime_ns, status.st_ino, status.st_ctime_ns


def _is_older(signature: _Signature, read_at: int) -> bool:
    return max(signature[1], signature[3]) + _tick(read_at) < read_at


def _tick(read_at: int) -> int:
    return _FINE_TICK if read_at % 1_000_000_000 else _COARSE_TICK


_Entry = tuple[_Signature, int, str]


def _load(path: Path) -> dict[str, _Entry]:
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        document: Any = json.loads(path.read_bytes())
        if document["schema"] == SCHEMA:
            return {name: _entry(*entry) for name, entry in document["files"].items()}
    return {}


def _entry(signature: list[int], read_at: int, digest: str) -> _Entry:
    size, mtime, inode, ctime = signature
    return (size, mtime, inode, ctime), read_at, digest
