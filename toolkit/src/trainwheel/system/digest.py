"""Digests of values, files and lists of files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

__all__ = ["digest_file", "digest_files", "digest_json"]


def digest_json(value: object) -> str:
    """Return the sha256 of a JSON value, independent of the order of its keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def digest_file(path: Path | str) -> str:
    """Return the sha256 of a file's bytes, read in pieces."""
    with open(path, "rb", buffering=0) as stream:  # noqa: PTH123 - text, where there are many
        return hashlib.file_digest(stream, "sha256").hexdigest()


def digest_files(root: Path, files: Iterable[Path]) -> dict[str, str]:
    """Return path relative to ``root`` → sha256 for each file, reading every one."""
    return {path.relative_to(root).as_posix(): digest_file(path) for path in files}
