"""Which files a name stands for, and how files and folders are written, placed and removed.

A name stands for itself, or all below a folder, with links followed. A link counts by what it
leads to. A link to nothing is not a file (editors leave such links as locks). A link to a folder
above it is refused, since following it would never end. What is below a folder may be ignored by
its name; a name that is given itself never is.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, NoReturn

from trainwheel.errors import ConfigurationError
from trainwheel.system.ignored import DEFAULTS, Ignored

__all__ = [
    "copy_file",
    "decode",
    "everything_below",
    "link_or_copy",
    "list_files",
    "place",
    "read_text",
    "remove",
    "replacing",
    "scratch_folder",
    "write_atomically",
]

_Identity = tuple[int, int]
_Skips = Callable[[os.DirEntry[str]], object]


def list_files(path: Path, ignored: Ignored = DEFAULTS) -> Iterator[Path]:
    """Yield a file itself, or the files below a folder that are not ignored, in a fixed order.

    Raises:
        ConfigurationError: A symbolic link leads round in a circle, or a folder cannot be read.
    """
    return map(Path, everything_below(path, ignored))


def everything_below(
    path: Path, ignored: Ignored | None = None, at: Path | None = None
) -> Iterator[str]:
    """Yield the same as text, for there may be many; by default all, whatever their names.

    Args:
        path: A file, which is never ignored itself, or a folder.
        ignored: Which names below it are skipped.
        at: The place that is meant for it, where it is still elsewhere.

    Raises:
        ConfigurationError: As there.
    """
    top = str(path)
    try:
        mode = os.stat(top).st_mode  # noqa: PTH116 - Path objects for 10,000 files cost too much
    except OSError as error:
        _check_circle(top, error)
        return
    if stat.S_ISREG(mode):
        yield top
    elif stat.S_ISDIR(mode):
        skips = None if ignored is None else ignored.skips_below(top, str(at or top))
        yield from _below(top, (), skips)


def _below(folder: str, above: tuple[_Identity, ...], skips: _Skips | None) -> Iterator[str]:
    try:
        status = os.stat(folder)  # noqa: PTH116
        with os.scandir(folder) as scan:
            entries = sorted(scan, key=lambda entry: entry.name)
    except OSError as error:
        message = f"{folder} cannot be read: {error.strerror}"
        raise ConfigurationError(message) from None
    identity = (status.st_dev, status.st_ino)
    if identity in above:
        _refuse_circle(folder)
    for entry in entries:
        if skips is not None and skips(entry):
            continue
        try:
            is_folder, is_file = entry.is_dir(), entry.is_file()
        except OSError as error:
            _check_circle(entry.path, error)
            continue
        if is_file:
            yield entry.path
        elif is_folder:
            yield from _below(entry.path, (*above, identity), skips)


def _check_circle(path: str, error: OSError) -> None:
    if error.errno == errno.ELOOP:
        _refuse_circle(path)


def _refuse_circle(path: str) -> NoReturn:
    message = f"a symbolic link leads round in a circle at {path}"
    raise ConfigurationError(message, hint="remove the link")


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that a reader, or a kill, finds the old or the new content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path, path.stat().st_mode & 0o777 if path.exists() else 0o644) as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


@contextlib.contextmanager
def replacing(path: Path, mode: int) -> Iterator[IO[bytes]]:
    """Yield a file beside ``path`` that takes its place at the end, or is removed."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
        Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def decode(data: bytes, name: str) -> str:
    """Return the text of a file that was read, without its byte order mark.

    Raises:
        ConfigurationError: It is not UTF-8.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        message = f"{name} is not UTF-8"
        raise ConfigurationError(message, hint="save it as UTF-8") from None


@contextlib.contextmanager
def scratch_folder(parent: Path, name: str) -> Iterator[Path]:
    """Yield a fresh folder below ``parent`` that is removed afterwards, whatever happens."""
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory("", f"{name}-", parent, ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def place(new: Path, final: Path) -> None:
    """Rename what a step made into its place; the old content goes only when the new is there.

    Where that cannot be renamed, the new content is brought beside it first, under a name that is
    ignored. A kill while an old folder is being removed then leaves a part of it.
    """
    final.parent.mkdir(parents=True, exist_ok=True)
    try:
        _swap(new, final)
    except OSError as error:
        # Another file system or mount; on overlayfs, also a folder of a lower layer (Linux,
        # Documentation/filesystems/overlayfs.rst, "Renaming directories").
        if error.errno != errno.EXDEV:
            raise
        near = final.with_name(f".{final.name}.new~")
        _bring(new, near)
        if _is_folder(near) or _is_folder(final):
            remove(final)
        near.replace(final)


def _swap(new: Path, final: Path) -> None:
    if not (_is_folder(new) or _is_folder(final)):
        new.replace(final)
        return
    # A folder cannot be renamed over what is there, unlike a file over a file.
    old = new.with_name(f"{new.name}.old")
    while os.path.lexists(old):  # another output may be called so
        old = old.with_name(f"{old.name}.old")
    with contextlib.suppress(FileNotFoundError):
        final.rename(old)
    try:
        new.rename(final)
    except OSError:
        with contextlib.suppress(OSError):
            old.rename(final)
        raise
    remove(old)


def _bring(source: Path, target: Path) -> None:
    """Move what may be on another file system; if that fails, the source is still whole."""
    remove(target)
    try:
        source.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        try:
            _copy(source, target)
        except OSError:
            remove(target)
            raise
        remove(source)


def _copy(source: Path, target: Path) -> None:
    # Not shutil.copytree: on a full disk it tries every other file as well.
    if not _is_folder(source):
        shutil.copy2(source, target, follow_symlinks=False)
        return
    target.mkdir()
    for path in source.iterdir():
        _copy(path, target / path.name)


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def link_or_copy(source: Path | str, target: Path | str, *, is_executable: bool = False) -> None:
    """Make ``target`` the same file, or a copy where that cannot be.

    Args:
        source: A file.
        target: What is not there yet.
        is_executable: Whether a copy can be executed; the same file is as it is.
    """
    try:
        os.link(source, target)
    except OSError:
        # Another file system, one without links, too many links, somebody else's file.
        copy_file(source, target, is_executable=is_executable)


def copy_file(source: Path | str, target: Path | str, *, is_executable: bool = False) -> None:
    """Copy a file's bytes; a copy that can be executed can be by whoever may read it."""
    shutil.copyfile(source, target)
    if is_executable:
        mode = os.stat(target).st_mode  # noqa: PTH116 - text, where there may be many
        os.chmod(target, mode | (mode & 0o444) >> 2)  # noqa: PTH101


def remove(path: Path) -> None:
    """Remove a file or a folder, and follow no link; what cannot be removed stays."""
    with contextlib.suppress(OSError, ValueError):
        if _is_folder(path):
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()


def read_text(path: Path) -> str | None:
    """Return a file's text; None where there is none.

    Raises:
        ConfigurationError: It cannot be read, or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path.name} cannot be read: {error}"
        raise ConfigurationError(message) from None
