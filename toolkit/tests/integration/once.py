"""What every worker needs and one of them makes: environments, projects that have trained."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

__all__ = ["Once", "once_for"]


@dataclass(frozen=True)
class Once:
    """Folders that several processes use and one of them makes.

    Args:
        base: Where they stand.
    """

    base: Path

    def folder(self, name: str, make: Callable[[Path], object]) -> Path:
        """Return a folder that holds what ``make`` puts into it; others wait until it is done."""
        folder, done = self.base / name, self.base / f"{name}.done"
        with (self.base / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                # The rest of a worker that failed half-way.
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                make(folder)
                done.touch()
        return folder


def once_for(factory: pytest.TempPathFactory) -> Once:
    """Return the folders of this run of the tests, the same for all of its workers."""
    base = factory.getbasetemp()
    return Once(base.parent if "PYTEST_XDIST_WORKER" in os.environ else base)
