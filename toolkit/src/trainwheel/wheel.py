"""Look into wheels and finish them: members, RECORD, metadata (binary distribution format)."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import shutil
import zipfile
import zlib
from collections.abc import Mapping
from email.parser import BytesParser
from pathlib import Path

from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from trainwheel.errors import ConfigurationError

__all__ = ["add_metadata", "list_members", "read_name", "read_release_key", "read_requirements"]

_RELEASE = "trainwheel/release.json"


def read_name(wheel: Path) -> tuple[str, str]:
    """Return the normalised distribution name and the version that a wheel's file name holds.

    Raises:
        ConfigurationError: It is not the name of a wheel.
    """
    try:
        name, version, _, _ = parse_wheel_filename(wheel.name)
    except InvalidWheelFilename as error:
        message = f"{wheel} is not named as a wheel is: {error}"
        raise ConfigurationError(message) from None
    return str(name), str(version)


def list_members(wheel: Path) -> tuple[str, ...]:
    """Return the names of a wheel's files, sorted.

    Raises:
        ConfigurationError: It is not a readable wheel.
    """
    with _open(wheel) as archive:
        return tuple(sorted(name for name in archive.namelist() if not name.endswith("/")))


def read_requirements(wheel: Path) -> tuple[str, ...]:
    """Return a wheel's ``Requires-Dist`` lines.

    Raises:
        ConfigurationError: It is not a readable wheel.
    """
    with _open(wheel) as archive:
        metadata = _read(archive, f"{_dist_info(archive)}METADATA")
    return tuple(BytesParser().parsebytes(metadata, headersonly=True).get_all("Requires-Dist", []))


def read_release_key(wheel: Path) -> str | None:
    """Return the release key that travels in a wheel; None where another tool made it.

    Raises:
        ConfigurationError: It is not a readable wheel.
    """
    with _open(wheel) as archive:
        name = _dist_info(archive) + _RELEASE
        text = _read(archive, name) if name in archive.namelist() else b"{}"
    try:
        document = json.loads(text)
    except ValueError:
        return None
    key = document.get("release_key") if isinstance(document, dict) else None
    return key if isinstance(key, str) else None


def add_metadata(wheel: Path, release_key: str) -> None:
    """Put the release key into a wheel's metadata and make its RECORD agree.

    Every other member keeps its bytes, mode, time and place; the new one takes the time of
    RECORD, so that the result is as repeatable as the wheel was.
    """
    text = json.dumps({"schema": 1, "release_key": release_key}, sort_keys=True) + "\n"
    finished = wheel.with_name(f".{wheel.name}.tmp")
    with _open(wheel) as source:
        dist_info = _dist_info(source)
        with zipfile.ZipFile(finished, "w", zipfile.ZIP_DEFLATED) as target:
            _copy(source, target, dist_info, {dist_info + _RELEASE: text.encode()})
    finished.replace(wheel)


def _copy(
    source: zipfile.ZipFile, target: zipfile.ZipFile, dist_info: str, extra: Mapping[str, bytes]
) -> None:
    record = source.getinfo(f"{dist_info}RECORD")
    for info in source.infolist():
        if info.filename not in {record.filename, *extra}:
            with source.open(info) as stream, target.open(_alike(info), "w") as sink:
                shutil.copyfileobj(stream, sink, 1 << 20)
    for name, data in extra.items():
        target.writestr(_alike(record, name), data)
    rows = list(csv.reader(io.StringIO(source.read(record).decode())))
    kept = [row for row in rows if row and row[0] not in {record.filename, *extra}]
    added = [[name, _record_digest(data), str(len(data))] for name, data in extra.items()]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([*kept, *added, [record.filename, "", ""]])
    target.writestr(_alike(record), text.getvalue())


def _alike(info: zipfile.ZipInfo, name: str | None = None) -> zipfile.ZipInfo:
    copy = zipfile.ZipInfo(name or info.filename, info.date_time)
    copy.external_attr, copy.compress_type = info.external_attr, info.compress_type
    copy.file_size = info.file_size if name is None else 0
    return copy


def _record_digest(data: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=")
    return f"sha256={digest.decode()}"


def _dist_info(archive: zipfile.ZipFile) -> str:
    for name in archive.namelist():
        folder, _, rest = name.partition("/")
        if folder.endswith(".dist-info") and rest == "METADATA":
            return f"{folder}/"
    message = f"{archive.filename} is not a wheel: it has no METADATA"
    raise ConfigurationError(message)


def _read(archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        return archive.read(name)
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        message = f"{archive.filename} is not a readable wheel: {error}"
        raise ConfigurationError(message) from None


def _open(wheel: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(wheel)
    except FileNotFoundError:
        message = f"{wheel} does not exist"
        raise ConfigurationError(message, hint="make it with: make package.model") from None
    except (OSError, zipfile.BadZipFile) as error:
        message = f"{wheel} is not a readable wheel: {error}"
        raise ConfigurationError(message) from None
