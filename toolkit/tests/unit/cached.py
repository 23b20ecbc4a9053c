"""Results in a cache: storing trees of files, and looking at what is there."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from trainwheel.engine.cache import Result, ResultCache

Tree = Mapping[str, bytes | None]
RESULT = Result({"summary": "trained", "model": "ab12"}, 12.5, 1.7e9)
TRAINED: Tree = {"model.joblib": b"weights", "train/metrics.json": b"{}", "train/plots": None}


def plant(folder: Path, tree: Tree) -> dict[str, Path]:
    """Write files, and empty folders for None, and return what is at the top."""
    folder.mkdir(exist_ok=True)
    for name, data in tree.items():
        path = folder / name
        if data is None:
            path.mkdir(parents=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    return {path.name: path for path in folder.iterdir()}


def standing(folder: Path) -> Tree:
    """Return the files below a folder and what they hold, and the empty folders."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
        if path.is_file() or not any(path.iterdir())
    }


def key(name: int) -> str:
    return f"{name:064}"


def keep(cache: ResultCache, name: int, tree: Tree, step: str = "train") -> str:
    """Keep a result and take its outputs away, as a clean does."""
    with tempfile.TemporaryDirectory(dir=cache.folder.parents[1]) as folder:
        return cache.keep(step, key(name), RESULT, plant(Path(folder), tree))


def restore(cache: ResultCache, name: int, step: str = "train") -> Tree | None:
    """Return what is restored into a folder of its own; None where the result is not kept."""
    with tempfile.TemporaryDirectory(dir=cache.folder.parents[1]) as scratch:
        result = cache.restore(step, key(name), Path(scratch))
        tree = standing(Path(scratch))
    assert result == RESULT or (result, tree) == (None, {})
    return tree if result else None


def stored(cache: ResultCache) -> set[int]:
    """Return the names of the stored results, without using any."""
    return {int(path.stem) for path in cache.folder.glob("results/*/*")}


def stored_bytes(cache: ResultCache) -> int:
    return sum(path.stat().st_size for path in cache.folder.glob("files/*/*"))


def list_of(cache: ResultCache, name: int) -> Path:
    return cache.folder / "results" / "train" / f"{key(name)}.json"


def file_of(cache: ResultCache, data: bytes) -> Path:
    (path,) = (path for path in cache.folder.glob("files/*/*") if path.read_bytes() == data)
    return path
