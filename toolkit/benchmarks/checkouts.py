"""Git repositories for the benchmarks: snapshots of folders, and clones of these."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

_IDENTITY = ("-c", "user.name=Tester", "-c", "user.email=tester@example.invalid")
_REST = 61.0
"""Seconds. ext4 without a journal does not hand out inodes that were freed within the last minute,
and looks past each of them (decision 14)."""


def snapshot(source: Path, target: Path, *, skip: str = "") -> Path:
    """Commit what git knows of a folder, or would add, as a repository of its own.

    Args:
        source: A folder of a work tree; as it is now, not as it was committed.
        target: The new repository.
        skip: The start of the names that are omitted.
    """
    listing = ("ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in git(source, *listing).split("\0"):
        if (source / name).is_file() and not (skip and name.startswith(skip)):
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / name, target / name)
    git(target, "init", "-q")
    git(target, "add", "-A")
    git(target, *_IDENTITY, "commit", "-qm", "Start")
    return target


def git(folder: Path, *words: str) -> str:
    """Run git to its end and return what it printed."""
    argv = (shutil.which("git") or "git", *words)
    return subprocess.run(argv, cwd=folder, check=True, capture_output=True, text=True).stdout


def move_aside(path: Path, folder: Path) -> None:
    """Move what is to be gone into a folder, instead of removing it while something is timed."""
    if path.exists():
        folder.mkdir(exist_ok=True)
        path.rename(Path(tempfile.mkdtemp(dir=folder), path.name))


def remove_all(folders: Iterable[Path], rest: float = _REST) -> None:
    """Remove folders, and wait until what is timed next does not suffer from that.

    Args:
        folders: As `move_aside` fills them.
        rest: Seconds to wait.
    """
    present = [folder for folder in folders if folder.exists()]
    for folder in present:
        shutil.rmtree(folder)
    if present:
        os.sync()  # what is not on the disk yet counts as freed for longer
        time.sleep(rest)
