"""Read a file through the compression that joblib may have used; nothing of it is kept."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import lzma
import os
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

__all__ = ["COMPRESSION_ERRORS", "Source", "compression_of", "open_source"]

COMPRESSION_ERRORS = (EOFError, OSError, zlib.error, lzma.LZMAError)
"""What a damaged stream raises while it is read."""

_PIECE = 1 << 16
# Before 0.10 joblib wrote the length in hexadecimal, 19 bytes wide, and 20 under Python 2.
_ZFILE = re.compile(rb"ZF0x[0-9a-fA-F]+L? *")
_ZLIB_HEAD = re.compile(rb"\x78[\x01\x5e\x9c\xda]")
_PREFIXES = {
    b"ZF0x": "zfile",
    b"\x1f\x8b": "gzip",
    b"BZh": "bz2",
    b"\xfd7zXZ\0": "xz",
    b"\x5d\0": "lzma",
    b"\x04\x22\x4d\x18": "lz4",
    b"\x28\xb5\x2f\xfd": "zstd",
}


class Source:
    """The bytes of a file, uncompressed.

    Args:
        stream: What to read.
        size: Its length in bytes if it is a plain file, in which skipping costs nothing.
    """

    def __init__(self, stream: io.BufferedReader, size: int | None = None) -> None:
        self._stream, self._size = stream, size

    def read(self, count: int) -> bytes:
        """Return the next bytes.

        Raises:
            EOFError: There are fewer.
        """
        data = self._stream.read(count)
        if len(data) != count:
            raise EOFError
        return data

    def line(self) -> bytes:
        """Return the next line without its end; of a long one the first 64 KiB.

        Raises:
            EOFError: The file ends before the line does.
        """
        line = piece = self._stream.readline(_PIECE)
        while not piece.endswith(b"\n"):
            if not piece:
                raise EOFError
            piece = self._stream.readline(_PIECE)
        return line.removesuffix(b"\n")

    def skip(self, count: int) -> None:
        """Pass over bytes.

        Raises:
            EOFError: There are fewer.
            ValueError: The count is negative.
        """
        if count < 0:
            message = "a negative number of bytes"
            raise ValueError(message)
        if self._size is not None and count > _PIECE:
            if self._stream.tell() + count > self._size:
                raise EOFError
            self._stream.seek(count, io.SEEK_CUR)
            return
        while count:
            count -= len(self.read(min(count, _PIECE)))

    def is_at_end(self) -> bool:
        """Return whether all has been read."""
        return not self._stream.peek(1)


class _Inflated(io.RawIOBase):
    """The content of a zlib stream (RFC 1950), for which the standard library has no file."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self._inflate = stream, zlib.decompressobj()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = b""
        while not data and not self._inflate.eof:
            piece = self._inflate.unconsumed_tail or self._stream.read(_PIECE)
            data = self._inflate.decompress(piece, len(buffer))
            if not piece and not data and not self._inflate.eof:
                raise EOFError
        buffer[: len(data)] = data
        return len(data)


def compression_of(head: bytes) -> str:
    """Return how a file is compressed that begins with `head`; empty for not at all."""
    for prefix, name in _PREFIXES.items():
        if head.startswith(prefix):
            return name
    return "zlib" if _ZLIB_HEAD.match(head) else ""


@contextlib.contextmanager
def open_source(path: Path) -> Iterator[Source]:
    """Yield the content of a file, uncompressed.

    Raises:
        NotImplementedError: The standard library cannot read the compression, which it names.
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        head = file.peek(_PIECE)
        compression = compression_of(head)
        if not compression:
            yield Source(file, os.fstat(file.fileno()).st_size)
            return
        match compression:
            case "gzip":
                stream: Any = gzip.GzipFile(fileobj=file)
            case "bz2":
                stream = bz2.BZ2File(file)
            case "xz" | "lzma":
                stream = lzma.LZMAFile(file)  # noqa: SIM115 - closing `file` is enough
            case "zlib" | "zfile":
                header = _ZFILE.match(head)
                file.seek(header.end() if header else 0)
                stream = _Inflated(file)
            case _:
                raise NotImplementedError(compression)
        yield Source(io.BufferedReader(stream, _PIECE))
