"""Finish a wheel: its members in one fixed form, large files added, RECORD written anew.

The same members give the same bytes on every machine, except that deflated bytes depend on the zlib
that Python was linked with. The digests of the members in RECORD do not.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import io
import os
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from trainwheel.errors import ConfigurationError, InputChangedError, StepFailedError
from trainwheel.system.files import replacing
from trainwheel.wheel.archive import file_entries, open_member, open_wheel, pieces
from trainwheel.wheel.metadata import find_dist_info
from trainwheel.wheel.record import Row, check_names, record_digest, render_record

__all__ = ["finish"]

STORE_ABOVE: Final = 256_000_000
"""Members of more bytes are stored: deflating them takes longer than it saves."""

_TIME = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
_MODE, _EXECUTABLE = 0o644, 0o755
_SAMPLE = 1 << 16
_WORTH = 0.95


def finish(  # noqa: PLR0913 - what goes into a wheel, each by name
    built: Path,
    target: Path,
    extra: Mapping[str, bytes | Path],
    *,
    digests: Mapping[str, str] | None = None,
    replaced: Mapping[str, bytes] | None = None,
    store_above: int = STORE_ABOVE,
) -> None:
    """Write ``target``: the members of ``built`` and those of ``extra``, in one fixed form.

    The package's members come first, sorted by name, then those of ``.dist-info``, RECORD last.
    All are dated 1980-01-01, as made on Unix, with mode 0755 where the owner could execute the
    built member, else 0644; folders have no entries. A member is stored if it has more than
    ``store_above`` bytes, or if its first, middle and last 64 KiB (all of it up to 192 KiB),
    deflated at level 1, keep more than 95 % of their size; else it is deflated at zlib's level 6.

    Files are read in pieces: memory does not grow with them. ``target`` is written beside its
    place and renamed; it may be ``built`` itself. On failure nothing of it is left.

    Args:
        built: A wheel.
        target: Where the finished wheel goes; its folder exists.
        extra: Full name of a member to add → its bytes, or the file that holds them. Those of the
            metadata folder begin with `trainwheel.wheel.metadata.dist_info_of`.
        digests: Name of a member → sha256, in hex, that it must have.
        replaced: Full name of a member of ``built`` → its new bytes.
        store_above: In bytes.

    Raises:
        ConfigurationError: ``built`` is not a readable wheel, or a file to add cannot be read.
        InputChangedError: A file to add changed while it was read.
        StepFailedError: A name is not valid or occurs twice, a digest differs, or writing failed.
    """
    expected = dict(digests or {})
    with open_wheel(built) as archive:
        dist_info, members = _plan(archive, extra, replaced or {})
        if missing := sorted(expected.keys() - {member.name for member in members}):
            message = f"{missing[0]} is missing from the wheel"
            raise StepFailedError(message)
        with _placed(target) as stream, zipfile.ZipFile(stream, "w") as sink:
            rows = []
            for member in members:
                row = _write(sink, member, store_above)
                _check_digest(member, row, expected.get(member.name))
                rows.append(row)
            record = f"{dist_info}RECORD"
            text = render_record([*rows, Row(record)])
            _write(sink, _from_extra(record, text), store_above)


@dataclass(frozen=True)
class _Member:
    """A file to write.

    Args:
        name: In the wheel.
        size: In bytes.
        mode: Its permissions.
        origin: Its source, for messages.
        open: Opens it for reading; a failure in the block is a TrainwheelError.
    """

    name: str
    size: int
    mode: int
    origin: str
    open: Callable[[], AbstractContextManager[IO[bytes]]]

    def pieces(self) -> Iterator[bytes]:
        with self.open() as stream:
            yield from pieces(stream, self.size)

    def shrinks(self) -> bool:
        """Whether deflating saves enough, by samples."""
        with self.open() as stream:
            if self.size <= 3 * _SAMPLE:
                sample = stream.read(3 * _SAMPLE)
            else:
                sample = b"".join(
                    _read_at(stream, start)
                    for start in (0, (self.size - _SAMPLE) // 2, self.size - _SAMPLE)
                )
        return len(zlib.compress(sample, 1)) <= _WORTH * len(sample)


def _plan(
    archive: zipfile.ZipFile, extra: Mapping[str, bytes | Path], replaced: Mapping[str, bytes]
) -> tuple[str, tuple[_Member, ...]]:
    """Return the metadata folder, and all members but RECORD in the order of writing."""
    entries = file_entries(archive)
    names = [info.orig_filename for info in entries]
    check_names([*names, *extra])
    dist_info = find_dist_info([*names, *extra], str(archive.filename))
    record = f"{dist_info}RECORD"
    if record not in names:
        message = f"{archive.filename} is not a wheel: it has no RECORD"
        raise ConfigurationError(message)
    members = [
        *(
            _from_extra(info.filename, replaced[info.filename])
            if info.filename in replaced
            else _from_wheel(archive, info)
            for info in entries
            if info.filename != record
        ),
        *(_from_extra(name, source) for name, source in extra.items()),
    ]
    members.sort(key=lambda member: (member.name.startswith(dist_info), member.name))
    return dist_info, tuple(members)


def _read_at(stream: IO[bytes], start: int) -> bytes:
    stream.seek(start)
    return stream.read(_SAMPLE)


def _from_wheel(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> _Member:
    mode = _EXECUTABLE if info.external_attr >> 16 & stat.S_IXUSR else _MODE
    opener = functools.partial(open_member, archive, info)
    origin = f"{info.filename} in {archive.filename}"
    return _Member(info.orig_filename, info.file_size, mode, origin, opener)


def _from_extra(name: str, source: bytes | Path) -> _Member:
    if isinstance(source, bytes):
        return _Member(name, len(source), _MODE, name, functools.partial(io.BytesIO, source))
    with _translate_errors(source):
        state = source.stat()
        if not stat.S_ISREG(state.st_mode):
            raise OSError(0, "it is not a regular file")
    opener = functools.partial(_open_file, source, _identify(state))
    return _Member(name, state.st_size, _MODE, str(source), opener)


@contextlib.contextmanager
def _open_file(path: Path, identity: tuple[int, ...]) -> Iterator[IO[bytes]]:
    """Open a file, and check at the end that it is still the one with this identity."""
    with _translate_errors(path):
        with path.open("rb") as stream:
            yield stream
        if _identify(path.stat()) != identity:
            raise EOFError  # as for a file that got longer or shorter while it was read


def _identify(state: os.stat_result) -> tuple[int, ...]:
    return (state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns)


@contextlib.contextmanager
def _translate_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except EOFError:
        message = f"{path} changed while the wheel was written"
        raise InputChangedError(message) from None
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}"
        raise ConfigurationError(message) from None


def _write(archive: zipfile.ZipFile, member: _Member, store_above: int) -> Row:
    info = zipfile.ZipInfo(member.name, _TIME)
    info.create_system = _UNIX
    info.external_attr = (stat.S_IFREG | member.mode) << 16
    info.file_size = member.size  # decides on ZIP64
    is_deflated = member.size <= store_above and member.shrinks()
    info.compress_type = zipfile.ZIP_DEFLATED if is_deflated else zipfile.ZIP_STORED
    digest = hashlib.sha256()
    with archive.open(info, "w") as sink:
        for piece in member.pieces():
            digest.update(piece)
            sink.write(piece)
    return Row(member.name, record_digest(digest.digest()), str(member.size))


def _check_digest(member: _Member, row: Row, expected: str | None) -> None:
    if expected is not None and row.digest != record_digest(bytes.fromhex(expected)):
        message = f"{member.origin} has another sha256 than the file that was to be shipped"
        raise StepFailedError(message)


@contextlib.contextmanager
def _placed(target: Path) -> Iterator[IO[bytes]]:
    """Yield a file that takes the place of ``target`` at the end."""
    try:
        with replacing(target, _MODE) as stream:
            yield stream
    except OSError as error:
        # An error of write() does not name the file.
        failure = OSError(error.errno, error.strerror, str(target))
        raise StepFailedError.of_system(failure) from None
