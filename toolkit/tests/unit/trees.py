"""Small trees of files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

Files = Mapping[str, str]


def plant(root: Path, files: Files) -> Path:
    """Write files below a folder and return it."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def names(root: Path, files: Iterable[Path]) -> set[str]:
    """Return the paths of files below a folder, as text."""
    return {path.relative_to(root).as_posix() for path in files}
