"""Which files below a folder anybody opened meanwhile, as Linux says it: inotify(7)."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import select
import struct
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

__all__ = ["watch_opened"]

_OPENED: Final = 0x020
_WRITTEN: Final = 0x002 | 0x080 | 0x100  # written to, moved here, made
_IS_FOLDER: Final = 0x40000000
_EVENT: Final = struct.Struct("iIII")  # watch, mask, cookie, length of the name that follows


@contextlib.contextmanager
def watch_opened(root: Path, skip: Iterable[str] = ()) -> Iterator[set[str]]:
    """Yield a set that holds, after the block, the regular files that were opened during it.

    It is good for a notice and proves nothing: where the system has no inotify, or its limit is
    reached, the set stays empty. A file that was written or made meanwhile is not in it, nor is
    one in a folder that was made meanwhile or that a link leads to.

    Args:
        root: The folder; the names in the set are relative to it, with slashes.
        skip: Folders that do not count: absolute paths, or names of folders at any depth.
    """
    opened: set[str] = set()
    written: set[str] = set()
    descriptor, watched = _start(str(root), frozenset(skip))

    def note(data: bytes) -> None:
        for watch, mask, name in _events(data):
            if name and not mask & _IS_FOLDER:
                (opened if mask & _OPENED else written).add(f"{watched[watch]}/{name}")

    try:
        with _drained(descriptor, note) if watched else contextlib.nullcontext():
            yield opened
    finally:
        if descriptor >= 0:
            os.close(descriptor)
    paths = [Path(path) for path in opened - written]
    opened.clear()
    regular = (path for path in paths if path.is_file() and not path.is_symlink())
    opened.update(path.relative_to(root).as_posix() for path in regular)


def _start(root: str, skip: frozenset[str]) -> tuple[int, dict[int, str]]:
    """Return a descriptor, -1 for none, and the folders by their watches, none if not all."""
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "inotify_init1"):  # not Linux
        return -1, {}
    descriptor = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    watched: dict[int, str] = {}
    for folder in _folders(root, skip) if descriptor >= 0 else ():
        watch = libc.inotify_add_watch(descriptor, os.fsencode(folder), _OPENED | _WRITTEN)
        if watch < 0 and ctypes.get_errno() == errno.ENOSPC:
            return descriptor, {}
        watched[watch] = folder
    return descriptor, watched


def _folders(folder: str, skip: frozenset[str]) -> Iterator[str]:
    yield folder
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            is_folder = entry.is_dir(follow_symlinks=False)
            if is_folder and entry.name not in skip and entry.path not in skip:
                yield from _folders(entry.path, skip)


def _events(data: bytes) -> Iterator[tuple[int, int, str]]:
    while data:
        watch, mask, _, length = _EVENT.unpack_from(data)
        name, data = data[_EVENT.size : _EVENT.size + length], data[_EVENT.size + length :]
        yield watch, mask, os.fsdecode(name.rstrip(b"\0"))


@contextlib.contextmanager
def _drained(descriptor: int, note: Callable[[bytes], None]) -> Iterator[None]:
    """Hand over what comes during the block, before the system's queue runs over."""
    end, stop = os.pipe()
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    poll.register(end, select.POLLIN)

    def drain() -> None:
        is_over = False
        while not is_over:
            is_over = end in dict(poll.poll())
            with contextlib.suppress(BlockingIOError):
                while True:
                    note(os.read(descriptor, 1 << 16))

    thread = threading.Thread(target=drain, name="opened files", daemon=True)
    thread.start()
    try:
        yield
    finally:
        os.write(stop, b".")
        thread.join()
        os.close(end)
        os.close(stop)
