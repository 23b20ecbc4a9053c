"""The library's own wheel, made from its installed files, for repositories that include it."""

from __future__ import annotations

import hashlib
import importlib.metadata
import zipfile
from collections.abc import Iterator
from pathlib import Path

from trainwheel.errors import ConfigurationError
from trainwheel.wheel.record import Row, record_digest, render_record

__all__ = ["write_own_wheel"]

_NAME = "trainwheel"
_PACKAGE = Path(__file__).parents[1]
_METADATA = ("METADATA", "entry_points.txt")
_TAGS = "Wheel-Version: 1.0\nGenerator: trainwheel\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
_DATE = (2020, 1, 1, 0, 0, 0)
_MODE = 0o100644 << 16


def write_own_wheel(folder: Path) -> Path:
    """Write the wheel of the library that runs this, and return its path.

    The bytes depend on the library's files alone, not on how or where it was installed.

    Args:
        folder: Where the wheel goes; made where it is missing.

    Raises:
        ConfigurationError: The library was not installed, but is run from its sources.
    """
    try:
        distribution = importlib.metadata.distribution(_NAME)
    except importlib.metadata.PackageNotFoundError:
        message = "a wheel of the library cannot be made here: it is not installed"
        raise ConfigurationError(message, hint="install it, from its folder or its wheel") from None
    version = distribution.version
    info = f"{_NAME}-{version}.dist-info"
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / f"{_NAME}-{version}-py3-none-any.whl"
    rows = []
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in _members(distribution, info):
            _write(archive, name, content)
            digest = record_digest(hashlib.sha256(content).digest())
            rows.append(Row(name, digest, str(len(content))))
        record = f"{info}/RECORD"
        _write(archive, record, render_record([*rows, Row(record)]))
    return wheel


def _members(
    distribution: importlib.metadata.Distribution, info: str
) -> Iterator[tuple[str, bytes]]:
    for path in sorted(_PACKAGE.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path.relative_to(_PACKAGE.parent).as_posix(), path.read_bytes()
    for name in _METADATA:
        text = distribution.read_text(name)
        if text is not None:
            yield f"{info}/{name}", text.encode()
    yield f"{info}/WHEEL", _TAGS.encode()


def _write(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, _DATE)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = _MODE
    archive.writestr(entry, content)
