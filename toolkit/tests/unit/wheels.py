"""Real wheels, written by zipfile as the binary distribution format says."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path


def write_wheel(  # noqa: PLR0913 - what a wheel consists of, each by name
    folder: Path,
    name: str = "tiny_model",
    version: str = "0.1.0",
    *,
    members: Mapping[str, bytes] | None = None,
    requires: Sequence[str] = (),
    headers: str = "",
) -> Path:
    """Write a wheel whose RECORD is true and stands last, and return its path.

    Args:
        folder: Where it goes; made where it is missing.
        name: Of the distribution, as it stands in a file name.
        version: Its version.
        members: Further files and their bytes, beside the package's ``__init__.py``.
        requires: What its ``Requires-Dist`` lines say.
        headers: Further lines of its METADATA.
    """
    dist_info = f"{name}-{version}.dist-info"
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines += [*(f"Requires-Dist: {line}" for line in requires), headers]
    content = {
        f"{name}/__init__.py": b"",
        **(members or {}),
        f"{dist_info}/METADATA": ("\n".join(filter(None, lines)) + "\n\nA description.\n").encode(),
        f"{dist_info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    content[f"{dist_info}/RECORD"] = record_of(content, f"{dist_info}/RECORD").encode()
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for number, (member, data) in enumerate(content.items()):
            info = zipfile.ZipInfo(member, (2024, 2, 1, 12, 30, number * 2 % 60))
            info.external_attr = (0o100755 if member.endswith(".sh") else 0o100644) << 16
            info.compress_type = zipfile.ZIP_STORED if number % 2 else zipfile.ZIP_DEFLATED
            archive.writestr(info, data)
    return wheel


def provenance_of(
    release_key: str, name: str = "tiny_model", version: str = "0.1.0"
) -> dict[str, bytes]:
    """Return the member of a wheel that says its release key."""
    text = json.dumps({"schema": 1, "release_key": release_key})
    return {f"{name}-{version}.dist-info/trainwheel/provenance.json": text.encode()}


def record_of(content: Mapping[str, bytes], record: str) -> str:
    """Return the text of a RECORD: a digest and a size for each file but itself."""
    text = io.StringIO()
    rows = [[name, digest(data), str(len(data))] for name, data in content.items()]
    csv.writer(text, lineterminator="\n").writerows([*rows, [record, "", ""]])
    return text.getvalue()


def digest(data: bytes) -> str:
    """Return a digest as RECORD spells it."""
    encoded = base64.urlsafe_b64encode(hashlib.sha256(data).digest())
    return f"sha256={encoded.rstrip(b'=').decode()}"


def read_members(wheel: Path) -> dict[str, bytes]:
    """Return the bytes of every file of a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return {info.filename: archive.read(info) for info in archive.infolist()}


def rewrite(wheel: Path, **changes: bytes | None) -> Path:
    """Give files of a wheel, by the stems of their names, other bytes; None leaves one out."""
    with zipfile.ZipFile(wheel) as source:
        members = [(info, source.read(info)) for info in source.infolist()]
    with zipfile.ZipFile(wheel, "w") as target:
        for info, held in members:
            data = changes.get(info.filename.rpartition("/")[2].partition(".")[0], held)
            if data is not None:
                target.writestr(info, data)
    return wheel


def check_record(wheel: Path) -> None:
    """Check that RECORD tells of every file, once and truly, and of no other."""
    members = read_members(wheel)
    (record,) = (name for name in members if name.endswith(".dist-info/RECORD"))
    rows = list(csv.reader(io.StringIO(members[record].decode())))
    assert sorted(row[0] for row in rows) == sorted(members)
    for name, told, size in rows:
        expected = ("", "") if name == record else (digest(members[name]), str(len(members[name])))
        assert (told, size) == expected, name
