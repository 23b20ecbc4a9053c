"""Git repositories for the benchmarks: snapshots of folders, and clones of these."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

_IDENTITY = ("-c", "user.name=Tester", "-c", "user.email=tester@example.invalid")


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
