"""Open the archive that a wheel is, without trusting it.

A wheel may come from anywhere and have any damage. Whatever cannot be read is a ConfigurationError,
and no size that an archive states decides how much memory is used.
"""

from __future__ import annotations

import contextlib
import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from trainwheel.errors import ConfigurationError
from trainwheel.system.text import describe_size

__all__ = [
    "LIMIT",
    "file_entries",
    "open_member",
    "open_wheel",
    "pieces",
    "read_held",
    "read_pieces",
]

LIMIT: Final = 16 << 20
"""The largest member that is read as a whole, in bytes."""

_DIRECTORY_LIMIT = 8 << 20
_PIECE = 1 << 20
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})

# All that zipfile raised for the damaged archives of test_record.py. NotImplementedError is a
# RuntimeError, and a name that cannot be decoded a ValueError.
_DAMAGE = (
    OSError,
    EOFError,
    RuntimeError,
    ValueError,
    OverflowError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)


@contextlib.contextmanager
def open_wheel(wheel: Path) -> Iterator[zipfile.ZipFile]:
    """Open a wheel; errors of the block that uses it are left as they are.

    Raises:
        ConfigurationError: It is not a readable wheel.
    """
    with contextlib.ExitStack() as stack:
        with _translate_damage(wheel):
            stream = stack.enter_context(_Wary(io.FileIO(str(wheel))))
            archive = stack.enter_context(zipfile.ZipFile(stream))
        yield archive


def file_entries(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """Return the entries of an archive without folders, in their order."""
    # Not is_dir, which fails on an empty name in Python 3.11.
    return [info for info in archive.infolist() if not info.filename.endswith("/")]


@contextlib.contextmanager
def open_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[IO[bytes]]:
    """Open a member; only read in the block, for its errors are taken for damage.

    Raises:
        ConfigurationError: It cannot be read, or is neither stored nor deflated.
    """
    with _translate_damage(archive.filename):
        if info.compress_type not in _METHODS:
            message = f"{info.filename!r} is compressed by method {info.compress_type}"
            raise zipfile.BadZipFile(message)
        with archive.open(info) as stream:
            yield stream


def read_pieces(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield the bytes of a member, 1 MiB at a time.

    Raises:
        ConfigurationError: It cannot be read, or has another size than the archive states.
    """
    with open_member(archive, info) as stream:
        yield from pieces(stream, info.file_size)


def pieces(stream: IO[bytes], size: int) -> Iterator[bytes]:
    """Yield the bytes of a stream, 1 MiB at a time.

    Raises:
        EOFError: There are more or fewer than ``size``.
    """
    remaining = size
    while remaining >= 0 and (piece := stream.read(_PIECE)):
        remaining -= len(piece)
        yield piece
    if remaining:
        message = (
            f"it has {'more' if remaining < 0 else 'fewer'} than the {size} bytes that it states"
        )
        raise EOFError(message)


def read_held(archive: zipfile.ZipFile, name: str, limit: int = LIMIT) -> bytes:
    """Return the bytes of a member of an open wheel, by its full name.

    Raises:
        ConfigurationError: There is none, it is larger than ``limit`` bytes, or damaged.
    """
    try:
        info = archive.getinfo(name)
    except KeyError:
        message = f"{archive.filename} does not have {name}"
        raise ConfigurationError(message) from None
    if info.file_size > limit:
        message = f"{name} in {archive.filename} is larger than {describe_size(limit)}"
        raise ConfigurationError(message)
    return b"".join(read_pieces(archive, info))


class _Wary(io.BufferedReader):
    """A file that is not read in large pieces: zipfile trusts the size of its own directory."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > _DIRECTORY_LIMIT:
            message = f"its list of files takes {size} bytes"
            raise zipfile.BadZipFile(message)
        return super().read(size)


@contextlib.contextmanager
def _translate_damage(wheel: Path | str | None) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        message = f"{wheel} does not exist"
        raise ConfigurationError(message, hint="make it with: make package.model") from None
    except _DAMAGE as error:
        message = f"{wheel} is not a readable wheel: {str(error) or 'it is cut short'}"
        raise ConfigurationError(message) from None
