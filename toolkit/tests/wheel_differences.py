"""Compare two wheels that should be the same bytes, and say what differs."""

from __future__ import annotations

import zipfile
from pathlib import Path

__all__ = ["compare_wheels"]

FACTS = (
    "file_size", "CRC", "external_attr", "internal_attr", "date_time", "compress_type",
    "compress_size", "flag_bits", "create_system", "create_version", "extract_version", "extra",
    "comment",
)  # fmt: skip


def compare_wheels(first: Path, second: Path) -> tuple[str, ...]:
    """Return one phrase for each difference of two wheels; empty if they are the same bytes.

    A member is named with all in which it differs; the order of members, and what is left when
    all that agrees, are phrases of their own.
    """
    ours, others = _describe(first), _describe(second)
    phrases = []
    for name in sorted({*ours, *others}):
        pairs = [(fact, ours.get(name, {}).get(fact), others.get(name, {}).get(fact))
                 for fact in (*FACTS, "order")]  # fmt: skip
        facts = [f"{fact} ({one}, {other})" for fact, one, other in pairs if one != other]
        if facts:
            phrases.append(f"{name}: {'; '.join(facts)}")
    if not phrases and first.read_bytes() != second.read_bytes():
        phrases = ["the archive: other bytes in what surrounds its members"]
    return tuple(phrases)


def _describe(wheel: Path) -> dict[str, dict[str, object]]:
    with zipfile.ZipFile(wheel) as archive:
        infos = archive.infolist()
    facts = {info.filename: {fact: getattr(info, fact) for fact in FACTS} for info in infos}
    return {**facts, "the archive": {"order": [info.filename for info in infos]}}
