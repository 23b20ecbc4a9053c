"""Compare two wheels that should be the same bytes, and say what differs."""

from __future__ import annotations

import itertools
import zipfile
from collections.abc import Iterator
from pathlib import Path

from trainwheel.errors import TrainwheelError
from trainwheel.wheel.archive import open_wheel, pieces, read_held, read_pieces
from trainwheel.wheel.record import parse_record

__all__ = ["compare_wheels"]

_METHODS = {zipfile.ZIP_STORED: "stored", zipfile.ZIP_DEFLATED: "deflated"}


def compare_wheels(first: Path, second: Path) -> tuple[str, ...]:
    """Return one phrase for each difference of two wheels; empty if they are the same bytes.

    A member is named with all in which it differs: bytes, mode, time, compression, what else its
    entry says, and its row of RECORD. Members on one side only and another order are phrases of
    their own, and so is what is left when all that agrees.

    Raises:
        ConfigurationError: One of them is not a readable wheel.
    """
    with open_wheel(first) as one, open_wheel(second) as other:
        found = (*_compare_names(one, other), *_compare_members(one, other))
        at = _first_difference(first, second)
        if at is None or found:
            return found
        return (f"byte {at}, in how {_member_at(one, at)} is packed, or in what surrounds it",)


def _compare_names(one: zipfile.ZipFile, other: zipfile.ZipFile) -> Iterator[str]:
    names, others = one.namelist(), other.namelist()
    for name in sorted({*names} ^ {*others}):
        yield f"{name}: only in the {'first' if name in names else 'second'}"
    common = {*names} & {*others}
    orders = [[name for name in listed if name in common] for listed in (names, others)]
    for place, (name, instead) in enumerate(itertools.zip_longest(*orders), 1):
        if name != instead:
            yield f"order: place {place} has {name} in the first, {instead} in the second"
            return


def _compare_members(one: zipfile.ZipFile, other: zipfile.ZipFile) -> Iterator[str]:
    rows, other_rows = _read_rows(one), _read_rows(other)
    for name in sorted({*one.namelist()} & {*other.namelist()}):
        info, instead = one.getinfo(name), other.getinfo(name)
        differences = [
            *_compare_contents(one, info, other, instead),
            *_compare_entries(info, instead),
        ]
        if rows.get(name) != other_rows.get(name):
            differences.append(f"RECORD row ({rows.get(name)}, {other_rows.get(name)})")
        if differences:
            yield f"{name}: {'; '.join(differences)}"


def _compare_contents(
    one: zipfile.ZipFile, info: zipfile.ZipInfo, other: zipfile.ZipFile, instead: zipfile.ZipInfo
) -> Iterator[str]:
    at = _position(read_pieces(one, info), read_pieces(other, instead))
    if at is not None:
        yield f"bytes from {at} on ({info.file_size} and {instead.file_size} in all)"


def _compare_entries(info: zipfile.ZipInfo, instead: zipfile.ZipInfo) -> Iterator[str]:
    facts, others = _describe(info), _describe(instead)
    for what, fact in facts.items():
        if fact != others[what]:
            yield f"{what} ({fact}, {others[what]})"
    if info.CRC == instead.CRC and info.compress_type == instead.compress_type:
        sizes = info.compress_size, instead.compress_size
        if sizes[0] != sizes[1]:
            yield f"the same bytes deflated to {sizes[0]} and {sizes[1]}: another zlib or level"


def _describe(info: zipfile.ZipInfo) -> dict[str, str]:
    year, month, day, *clock = info.date_time
    return {
        "mode": f"{info.external_attr >> 16:o}",
        "time": f"{year}-{month:02}-{day:02} {':'.join(f'{part:02}' for part in clock)}",
        "compression": _METHODS.get(info.compress_type, str(info.compress_type)),
        "flags": f"{info.flag_bits:#06x}",
        "system": str(info.create_system),
        "versions": f"{info.create_version}/{info.extract_version}",
        "attributes": f"{info.external_attr & 0xFFFF:#x}/{info.internal_attr:#x}",
        "extra field": info.extra.hex() or "none",
        "comment": repr(info.comment),
    }


def _read_rows(archive: zipfile.ZipFile) -> dict[str, str]:
    """Return name → digest and size; nothing where RECORD cannot be read, its bytes tell then."""
    record = next((name for name in archive.namelist() if name.endswith(".dist-info/RECORD")), "")
    try:
        rows = parse_record(read_held(archive, record), record)
    except TrainwheelError:
        return {}
    return {row.name: f"{row.digest:.15} {row.size}".strip() for row in rows.values()}


def _first_difference(first: Path, second: Path) -> int | None:
    with first.open("rb") as one, second.open("rb") as other:
        sizes = first.stat().st_size, second.stat().st_size
        return _position(pieces(one, sizes[0]), pieces(other, sizes[1]))


def _member_at(archive: zipfile.ZipFile, at: int) -> str:
    begun = [info for info in archive.infolist() if info.header_offset <= at]
    return max(begun, key=lambda info: info.header_offset).filename if begun else "nothing"


def _position(ours: Iterator[bytes], others: Iterator[bytes]) -> int | None:
    """Return the number of the first byte in which two streams differ; None if they do not."""
    start = 0
    for piece, instead in itertools.zip_longest(ours, others, fillvalue=b""):
        if piece != instead:
            same = itertools.takewhile(
                lambda pair: pair[0] == pair[1], zip(piece, instead, strict=False)
            )
            return start + sum(1 for _ in same)
        start += len(piece)
    return None
