"""The cache of results: inputs that a step has seen before restore its outputs without a run.

Each file is stored once, under the sha256 of its bytes, and each result as a list of names::

    files/ab/abcdef…          a hard link to an output where that is possible, else a copy
    results/STEP/KEY.json     the files of a result, and the facts that its step reported

An output that is edited in place changes the linked file as well, so a file is restored only
after its bytes were compared with its name. That finds damage, not malice: a restored model is
code once it is unpickled, so **whoever can write to this folder can run code** in every run that
restores from it. Where CI carries the folder from run to run, only runs that may publish should
be able to write to it.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from trainwheel.engine.cache_listing import Listing, Result, parse_listing, render_listing
from trainwheel.engine.observed import Observed
from trainwheel.errors import TrainwheelError
from trainwheel.system.files import (
    copy_file,
    everything_below,
    link_or_copy,
    remove,
    write_atomically,
)
from trainwheel.system.text import describe_size

__all__ = ["Result", "ResultCache"]

_TICK = 2_000_000_000
"""Nanoseconds between two uses: FAT keeps times to 2 s, other file systems more finely."""


@dataclass(frozen=True)
class ResultCache:
    """The results of earlier runs in one repository, for a process that holds its run lock.

    Args:
        folder: Where they are stored.
        limit: The most bytes that the stored files may have; the results used longest ago are
            removed first. 0 stores and restores nothing.
        digest: Returns the sha256 of a file, and raises `OSError` where it cannot be read.
        most_results: The most results: the list of each is read whenever one is added.
    """

    folder: Path
    limit: int
    digest: Callable[[Path], str]
    most_results: int = 1000

    def keep(self, step: str, key: str, result: Result, outputs: Mapping[str, Path]) -> str:
        """Store the outputs of a step, and remove the results that were used longest ago.

        Args:
            step: The step's name.
            key: The key of its fingerprint.
            result: What is known of the run.
            outputs: The name of each output → the file or folder.

        Returns:
            Why the result is not stored, as a clause; empty where it is, or where the limit is 0.
        """
        path, reason = self._list_of(step, key), ""
        try:
            if self.limit > 0:
                reason = self._add(path, result, outputs)
        except OSError as error:
            reason = f"{error.filename or self.folder}: {error.strerror or error}"
        except TrainwheelError as error:
            reason = error.message
        with contextlib.suppress(OSError):
            self._prune(path)
        return reason

    def observations(self, step: str) -> Iterator[tuple[str, Observed]]:
        """Yield the key of each result of a step, the last used one first, with what was read."""
        for _, path in self._lists() if self.limit > 0 else ():
            listing = _read(path) if path.parent.name == step else None
            if listing is not None and listing.result.observed is not None:
                yield path.stem, listing.result.observed

    def holds(self, step: str, key: str) -> bool:
        """Return whether there is a result, by the names of its files; their bytes are not read."""
        listing = _read(self._list_of(step, key)) if self.limit > 0 else None
        return listing is not None and all(
            _is_stored(Path(self._file(digest))) for digest in listing.digests
        )

    def restore(self, step: str, key: str, scratch: Path) -> Result | None:
        """Put the outputs of an earlier run, under their names, into an empty folder.

        Returns:
            What is known of that run; None where the cache does not hold it. A damaged result is
            removed, and nothing of it is left in the folder.
        """
        if self.limit <= 0:
            return None
        path = self._list_of(step, key)
        listing = _read(path)
        if listing is None or not all(map(self._is_intact, listing.digests)):
            _drop(path)
            return None
        try:
            self._copy_out(listing, scratch)
        except (OSError, ValueError):
            for name in listing.outputs:
                remove(scratch / name)
            return None
        with contextlib.suppress(OSError):
            self._use(path)
        return listing.result

    def withdraw(self, step: str, key: str) -> str:
        """Remove the result of inputs with which the step has failed since.

        Returns:
            Why it is still there, as a clause; empty where it is gone.
        """
        path = self._list_of(step, key)
        _drop(path)
        return "" if _read(path) is None else f"{path} cannot be removed"

    def _list_of(self, step: str, key: str) -> Path:
        return self.folder / "results" / step / f"{key}.json"

    def _file(self, digest: str) -> str:
        return f"{self.folder}/files/{digest[:2]}/{digest}"

    def _add(self, path: Path, result: Result, outputs: Mapping[str, Path]) -> str:
        if absent := [name for name, top in outputs.items() if not top.exists()]:
            return f"{absent[0]} does not exist"
        files = _files_of(outputs)
        digests = {name: self.digest(Path(file)) for name, file in files.items()}
        status = {name: os.stat(file) for name, file in files.items()}  # noqa: PTH116
        sizes = {digest: status[name].st_size for name, digest in digests.items()}
        if (size := sum(sizes.values())) > self.limit:
            return f"its {describe_size(size)} exceed tool.trainwheel.cache.limit"
        for start in {digest[:2] for digest in sizes}:
            _make_folders(self.folder, "files", start)
        for name, digest in digests.items():
            _store(files[name], self._file(digest))
        executable = frozenset(name for name in files if status[name].st_mode & stat.S_IXUSR)
        listing = Listing(result, digests, executable, _folders_of(outputs))
        _make_folders(self.folder, "results", path.parent.name)
        write_atomically(path, render_listing(path.parent.name, path.stem, listing))
        self._use(path)
        return ""

    def _is_intact(self, digest: str) -> bool:
        path = Path(self._file(digest))
        with contextlib.suppress(OSError):
            if _is_stored(path) and self.digest(path) == digest:
                return True
        _drop(path)
        return False

    def _copy_out(self, listing: Listing, scratch: Path) -> None:
        for name in listing.folders:
            os.mkdir(f"{scratch}/{name}")  # noqa: PTH102 - text, where there may be many
        for name, digest in listing.files.items():
            source, is_executable = self._file(digest), name in listing.executable
            if bool(os.stat(source).st_mode & stat.S_IXUSR) == is_executable:  # noqa: PTH116
                link_or_copy(source, f"{scratch}/{name}", is_executable=is_executable)
            else:
                copy_file(source, f"{scratch}/{name}", is_executable=is_executable)

    def _use(self, path: Path) -> None:
        """Make a result the one that was used last, even if the clock was set back."""
        others = max((time for time, other in self._lists() if other != path), default=0)
        now = max(time.time_ns(), others + _TICK)
        os.utime(path, ns=(now, now))

    def _lists(self) -> list[tuple[int, Path]]:
        """Return when each result was last used, and its list; the most recent one first."""
        entries = _two_levels(self.folder / "results")
        lists = [(e.stat(follow_symlinks=False).st_mtime_ns, Path(e.path)) for e in entries]
        return sorted(lists, reverse=True)

    def _prune(self, newest: Path) -> None:
        """Remove the results used longest ago beyond the limit, and files that no result names."""
        sizes = self._sizes()
        digests: set[str] = set()
        room, most = self.limit, self.most_results
        for path in sorted((path for _, path in self._lists()), key=lambda path: path != newest):
            listing = _read(path) if room >= 0 and most else None
            if listing is not None and listing.digests <= sizes.keys():
                more = listing.digests - digests
                room -= sum(map(sizes.__getitem__, more))
                if room >= 0:
                    digests |= more
                    most -= 1
                    continue
            remove(path)
        for digest in sizes.keys() - digests:
            remove(Path(self._file(digest)))

    def _sizes(self) -> dict[str, int]:
        """Return how many bytes each stored file has, and remove whatever else is there."""
        sizes = {}
        for entry in _two_levels(self.folder / "files"):
            if entry.is_file(follow_symlinks=False) and entry.path == self._file(entry.name):
                sizes[entry.name] = entry.stat(follow_symlinks=False).st_size
            else:
                remove(Path(entry.path))
        return sizes


def _read(path: Path) -> Listing | None:
    try:
        if _is_stored(path) and path.suffix == ".json":
            return parse_listing(path.parent.name, path.stem, path.read_bytes())
    except OSError:
        pass
    return None


def _is_stored(path: Path) -> bool:
    """Return whether this is a file, in folders that are not links to a place elsewhere."""
    folder = path.parent
    if folder.is_symlink() or folder.parent.is_symlink():
        return False
    return path.is_file() and not path.is_symlink()


def _drop(path: Path) -> None:
    """Remove a file of the cache, or the link in its path that leads out of the cache."""
    way = (path.parents[1], path.parent, path)
    remove(next((part for part in way if part.is_symlink()), path))


def _files_of(outputs: Mapping[str, Path]) -> dict[str, str]:
    """Return the name of each file in a result → where it is."""
    return {
        f"{name}{path.removeprefix(str(top))}": path
        for name, top in outputs.items()
        for path in everything_below(top)
    }


def _folders_of(outputs: Mapping[str, Path]) -> tuple[str, ...]:
    # Links are followed: everything_below() has refused those that lead round in a circle.
    return tuple(
        f"{name}{folder.removeprefix(str(top))}"
        for name, top in outputs.items()
        for folder, _, _ in os.walk(top, followlinks=True)
    )


def _store(source: str, target: str) -> None:
    """Store a file under its digest again, for the stored one may have been edited since."""
    is_link = os.path.islink(source)  # noqa: PTH114 - text, where there may be many
    with contextlib.suppress(OSError):
        if not is_link:
            os.link(source, target)
            return
    with contextlib.suppress(OSError):
        if os.path.samestat(os.lstat(source), os.lstat(target)):
            return
    new = Path(f"{target}.new")
    remove(new)
    if is_link:
        copy_file(source, str(new))
    else:
        link_or_copy(source, str(new))
    new.replace(target)


def _make_folders(folder: Path, *names: str) -> None:
    """Make folders in the cache, in the place of a link, which would lead out of it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        folder /= name
        if folder.is_symlink() or not folder.is_dir():
            remove(folder)
        folder.mkdir(exist_ok=True)


def _two_levels(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Yield the entries of the folders in a folder, and what is not a folder in there."""
    if folder.is_symlink() or not folder.is_dir():
        return
    for entry in _entries(folder):
        if entry.is_dir(follow_symlinks=False):
            yield from _entries(entry.path)
        else:
            yield entry


def _entries(folder: Path | str) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return list(entries)
