"""Small trees of files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from trainwheel.engine.closure import Closure, import_closure
from trainwheel.engine.imports import Imports, read_imports

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


def scan(path: Path) -> Imports:
    """Return what a file imports, as the table of digests does."""
    return read_imports(path.read_bytes())


def find_closure(root: Path, *entries: str, source: str = "model") -> Closure:
    """Return what entries import; those that end in .py are files."""
    places = [root / entry if entry.endswith(".py") else entry for entry in entries]
    return import_closure(places, root=root, source=root / source, scan=scan)


def closed(root: Path, *entries: str, source: str = "model") -> set[str]:
    """Return the names of the files that entries import, all by names that are known."""
    closure = find_closure(root, *entries, source=source)
    assert closure.widened_by == ""
    return names(root, closure.files)
