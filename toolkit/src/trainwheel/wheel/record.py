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
    """The entry of a file in RECORD, as text; RECORD's entry of itself has only the name."""

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
        StepFailedError: A row is not a name, a digest and a size, or its name is not the first.
    """
    rows: dict[str, Row] = {}
    try:
        for number, fields in enumerate(csv.reader(io.StringIO(data.decode("utf-8"))), 1):
            if fields and (len(fields) != len(Row._fields) or fields[0] in rows):
                reason = "is not the name, digest and size of another file"
                message = f"{source} row {number} {reason}"
                raise StepFailedError(message)
            if fields:
                rows[fields[0]] = Row(*fields)
    except (UnicodeDecodeError, csv.Error) as error:
        message = f"{source} cannot be read: {error}"
        raise StepFailedError(message) from None
    return rows


def check_record(wheel: Path) -> None:
    """Check that RECORD has one true entry for every file of a wheel, and no other entry.

    Raises:
        ConfigurationError: The file is not a readable wheel.
        StepFailedError: RECORD and the files differ.
    """
    with open_wheel(wheel) as archive:
        record = f"{find_dist_info(archive.namelist(), str(wheel))}RECORD"
        rows = parse_record(read_held(archive, record), f"RECORD of {wheel.name}")
        for info in file_entries(archive):
            row = rows.pop(info.filename, None)
            if row is None:
                message = f"{wheel.name} has {info.filename!r} more often than its RECORD"
                raise StepFailedError(message)
            entry = Row(record) if info.filename == record else _describe(archive, info)
            if row != entry:
                message = f"{wheel.name} has other bytes in {info.filename!r} than its RECORD says"
                raise StepFailedError(message)
    if rows:
        message = f"{wheel.name} does not have {min(rows)!r}, which its RECORD lists"
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
        StepFailedError: A name leads out of the folder that the wheel is unpacked in, or is not
            valid on some system; or two names are one file, or a file and a folder, on some system.
    """
    names_by_key: dict[str, str] = {}
    for name in names:
        if not _is_fit(name):
            message = f"{name!r} cannot be the name of a file in a wheel"
            raise StepFailedError(message)
        key = _fold(name)
        if key in names_by_key:
            message = f"two files of the wheel share a name: {names_by_key[key]} and {name}"
            hint = "rename one: some file systems ignore case"
            raise StepFailedError(message, hint="" if names_by_key[key] == name else hint)
        names_by_key[key] = name
    for key, name in names_by_key.items():
        for parent in map(str, PurePosixPath(key).parents):
            if parent in names_by_key:
                file = names_by_key[parent]
                message = f"{file} is a file of the wheel, and the folder of {name}"
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
