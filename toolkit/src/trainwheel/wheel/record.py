"""RECORD: the list of a wheel's files with their names, digests and sizes.

As the binary distribution format has it, with names that can be unpacked beside each other on any
system.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import unicodedata
import zipfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import NamedTuple

from trainwheel.errors import StepFailedError
from trainwheel.wheel.archive import file_entries, open_wheel, read_held, read_pieces
from trainwheel.wheel.metadata import find_dist_info

__all__ = ["Row", "check_names", "check_record", "parse_record", "record_digest", "render_record"]


class Row(NamedTuple):
    """What RECORD says of a file, in its own spelling; of itself it gives only the name."""

    name: str
    digest: str = ""
    size: str = ""


def record_digest(digest: bytes) -> str:
    """Return a sha256 as RECORD spells it."""
    return f"sha256={base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def render_record(rows: Iterable[Row]) -> bytes:
    """Return the text of a RECORD."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode("utf-8")


def parse_record(data: bytes, source: str) -> dict[str, Row]:
    """Return the rows of a RECORD by name.

    Raises:
        StepFailedError: It is no list of names, digests and sizes, or names a file twice.
    """
    rows: dict[str, Row] = {}
    try:
        for number, fields in enumerate(csv.reader(io.StringIO(data.decode("utf-8"))), 1):
            if fields and (len(fields) != len(Row._fields) or fields[0] in rows):
                message = f"{source} row {number} is no name, digest and size of another file"
                raise StepFailedError(message)
            if fields:
                rows[fields[0]] = Row(*fields)
    except (UnicodeDecodeError, csv.Error) as error:
        message = f"{source} cannot be read: {error}"
        raise StepFailedError(message) from None
    return rows


def check_record(wheel: Path) -> None:
    """Check that RECORD tells of every file of a wheel, once and truly, and of no other.

    Raises:
        ConfigurationError: It is not a readable wheel.
        StepFailedError: RECORD says otherwise than the file is.
    """
    with open_wheel(wheel) as archive:
        record = f"{find_dist_info(archive.namelist(), str(wheel))}RECORD"
        rows = parse_record(read_held(archive, record), f"RECORD of {wheel.name}")
        for info in file_entries(archive):
            row = rows.pop(info.filename, None)
            if row is None:
                message = f"{wheel.name} holds {info.filename!r}, which RECORD lacks or has once"
                raise StepFailedError(message)
            true = Row(record) if info.filename == record else _describe(archive, info)
            if row != true:
                message = f"{wheel.name} holds {info.filename!r} otherwise than RECORD says"
                raise StepFailedError(message)
    if rows:
        message = f"{wheel.name} lacks {min(rows)!r}, which RECORD names"
        raise StepFailedError(message)


def _describe(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Row:
    digest = hashlib.sha256()
    for piece in read_pieces(archive, info):
        digest.update(piece)
    return Row(info.filename, record_digest(digest.digest()), str(info.file_size))


_LIMIT = 1 << 16
_CONTROLS = frozenset({"Cc", "Cs"})


def check_names(names: Iterable[str]) -> None:
    """Check the names of all files of a wheel.

    Raises:
        StepFailedError: One leaves the folder that it is unpacked in, is no name on some system,
            or two of them are one file, or a file and a folder, on some system.
    """
    seen: dict[str, str] = {}
    for name in names:
        if not _is_fit(name):
            message = f"{name!r} cannot be the name of a file in a wheel"
            raise StepFailedError(message)
        folded = _fold(name)
        if folded in seen:
            message = f"two files of the wheel share a name: {seen[folded]} and {name}"
            hint = "rename one: not every file system tells capitals from small letters"
            raise StepFailedError(message, hint="" if seen[folded] == name else hint)
        seen[folded] = name
    for folded, name in seen.items():
        for parent in PurePosixPath(folded).parents:
            if str(parent) in seen:
                message = f"{seen[str(parent)]} is a file of the wheel, and the folder of {name}"
                raise StepFailedError(message)


def _fold(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _is_fit(name: str) -> bool:
    return not (
        {"", ".", ".."} & set(name.split("/"))
        or "\\" in name
        or PureWindowsPath(name).anchor
        or any(unicodedata.category(character) in _CONTROLS for character in name)
        or len(name.encode("utf-8")) >= _LIMIT
    )
