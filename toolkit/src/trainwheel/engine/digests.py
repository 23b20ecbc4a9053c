"""Digests of files, each read only where it may have changed since it was last read.

The table keeps, for each file, the signature that it had when it was read: size, time of
modification, inode and time of change, the last of which no program can set. Bytes are the truth
and the signature a shortcut: it counts only where the file was older than its reading by the file
system's own clock, for two writes within one tick of that clock look alike.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import weakref
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from trainwheel.engine.imports import Imports, read_imports
from trainwheel.system.digest import digest_file, digest_json
from trainwheel.system.files import everything_below, write_atomically

__all__ = ["DigestTable"]

SCHEMA = 2
_FINE_TICK, _COARSE_TICK = 20_000_000, 2_000_000_000
"""Nanoseconds: the kernel's clock moves in steps of up to 10 ms, some file systems' in 2 s."""

_Signature = tuple[int, int, int, int]


class DigestTable:
    """The digests of a repository's files.

    Args:
        path: Where the table is kept; one that cannot be read counts as empty.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known, self._imports = _load(path)
        self._used: set[str] = set()
        self._is_dirty = False
        self._probe: int | None = None

    def digest(self, path: Path | str) -> str:
        """Return the sha256 of a file's bytes as they are now.

        Raises:
            OSError: It cannot be read.
        """
        name = str(path)
        signature = _sign(name)
        known = self._known.get(name)
        self._used.add(name)
        if known is not None and known[0] == signature and _is_older(signature, known[1]):
            return known[2]
        return self._read(name, signature)

    def digests(self, root: Path, names: Iterable[str]) -> dict[str, str]:
        """Return path relative to ``root``, with slashes → digest, for absolute paths."""
        start = len(str(root)) + 1
        return {name[start:]: self.digest(name) for name in names}

    def output(self, path: Path, *, without: Collection[str] = ()) -> str:
        """Return one digest of a file, or of a folder's names and contents; empty if absent.

        Args:
            path: The file or folder.
            without: Absolute names of files that do not count.
        """
        if path.is_dir():
            names = (name for name in everything_below(path) if name not in without)
            return digest_json(self.digests(path, names))
        return self.digest(path) if path.is_file() else ""

    def written(self, path: Path | str) -> tuple[int, int, int]:
        """Return what every way of writing a file changes: size, time of modification, inode."""
        return _sign(str(path))[:3]

    def imports(self, path: Path) -> Imports:
        """Return what a Python file imports; its text is read once for each content."""
        digest = self.digest(path)
        if digest not in self._imports:
            self._imports[digest] = read_imports(path.read_bytes())
            self._is_dirty = True
        return self._imports[digest]

    def carry(self, old: str, new: str) -> None:
        """Keep the digest of a file that was renamed or linked, which changes its signature."""
        known = self._known.pop(old, None)
        if known is None:
            return
        signature, (before, read_at, digest) = _sign(new), known
        if signature[:3] == before[:3] and before[1] + _tick(read_at) < read_at:
            # The one change since is our own, and it touched no byte.
            self._known[new] = (signature, signature[3] + 2 * _COARSE_TICK, digest)
            self._used.add(new)
            self._is_dirty = True

    def save(self) -> None:
        """Write the table, where anything was read anew; without files that are gone."""
        if not self._is_dirty:
            return
        kept = {name: entry for name, entry in self._known.items()
                if name in self._used or os.path.lexists(name)}  # fmt: skip
        digests = {entry[2] for entry in kept.values()}
        imports = {digest: [found.names, found.unknown_line]
                   for digest, found in self._imports.items() if digest in digests}  # fmt: skip
        document = {"schema": SCHEMA, "files": kept, "imports": imports}
        write_atomically(self._path, json.dumps(document, separators=(",", ":")).encode())
        self._is_dirty = False

    def _read(self, name: str, signature: _Signature) -> str:
        read_at, digest = self._clock(), digest_file(name)
        if _sign(name) == signature:
            self._known[name] = (signature, read_at, digest)
            self._is_dirty = True
        return digest

    def _clock(self) -> int:
        """Return the present by the clock of the file system, which may be another machine's."""
        try:
            if self._probe is None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._probe, name = tempfile.mkstemp(dir=self._path.parent)
                weakref.finalize(self, os.close, self._probe)
                Path(name).unlink()
            os.pwrite(self._probe, b"0", 0)
            return os.fstat(self._probe).st_mtime_ns
        except OSError:
            return 0  # then no signature is trusted


def _sign(name: str) -> _Signature:
    status = os.stat(name)  # noqa: PTH116
    return status.st_size, status.st_mtime_ns, status.st_ino, status.st_ctime_ns


def _is_older(signature: _Signature, read_at: int) -> bool:
    return max(signature[1], signature[3]) + _tick(read_at) < read_at


def _tick(read_at: int) -> int:
    return _FINE_TICK if read_at % 1_000_000_000 else _COARSE_TICK


_Entry = tuple[_Signature, int, str]


def _load(path: Path) -> tuple[dict[str, _Entry], dict[str, Imports]]:
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        document: Any = json.loads(path.read_bytes())
        if document["schema"] == SCHEMA:
            files = {name: _entry(*entry) for name, entry in document["files"].items()}
            imports = {
                digest: Imports(tuple(map(str, names)), int(line))
                for digest, (names, line) in document["imports"].items()
            }
            return files, imports
    return {}, {}


def _entry(signature: list[int], read_at: int, digest: str) -> _Entry:
    size, modified, inode, changed = signature
    return (size, modified, inode, changed), read_at, digest
