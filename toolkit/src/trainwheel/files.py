"""Which files a name stands for: itself, or all below a folder, with links followed.

A link counts by what it leads to. One that leads nowhere is no file (editors leave such locks);
one that leads round in a circle is refused, for what it holds has no end.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from trainwheel.errors import ConfigurationError

__all__ = ["everything_below", "list_files"]

_CACHES = frozenset({"__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache"})
_CACHE_SUFFIXES = (".pyc", ".egg-info")

_Identity = tuple[int, int]


def list_files(path: Path) -> Iterator[Path]:
    """Yield a file itself, or the files below a folder, without caches, in a fixed order.

    Raises:
        ConfigurationError: A symbolic link leads round in a circle, or a folder cannot be read.
    """
    return map(Path, _files(str(path), skip_caches=True))


def everything_below(path: Path) -> Iterator[str]:
    """Yield the same as :func:`list_files`, caches included, as text: there may be many.

    Raises:
        ConfigurationError: As there.
    """
    return _files(str(path), skip_caches=False)


def _files(path: str, *, skip_caches: bool) -> Iterator[str]:
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - Path objects for 10,000 files cost too much
    except OSError as error:
        _check_circle(path, error)
        return
    if stat.S_ISREG(mode):
        yield path
    elif stat.S_ISDIR(mode):
        yield from _below(path, (), skip_caches=skip_caches)


def _below(folder: str, above: tuple[_Identity, ...], *, skip_caches: bool) -> Iterator[str]:
    try:
        status = os.stat(folder)  # noqa: PTH116
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        message = f"{folder} cannot be read: {error.strerror}"
        raise ConfigurationError(message) from None
    identity = (status.st_dev, status.st_ino)
    if identity in above:
        _refuse_circle(folder)
    for entry in entries:
        if skip_caches and (entry.name in _CACHES or entry.name.endswith(_CACHE_SUFFIXES)):
            continue
        try:
            is_folder, is_file = entry.is_dir(), entry.is_file()
        except OSError as error:
            _check_circle(entry.path, error)
            continue
        if is_file:
            yield entry.path
        elif is_folder:
            yield from _below(entry.path, (*above, identity), skip_caches=skip_caches)


def _check_circle(path: str, error: OSError) -> None:
    if error.errno == errno.ELOOP:
        _refuse_circle(path)


def _refuse_circle(path: str) -> NoReturn:
    message = f"a symbolic link leads round in a circle at {path}"
    raise ConfigurationError(message, hint="remove the link")
