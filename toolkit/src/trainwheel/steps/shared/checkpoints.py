"""Checkpoints of long training, from which the run after a killed one continues.

There is a folder for each state of training's inputs, so that nothing is taken over that was
computed from other data or by other code. Checkpoints are not outputs: they are not shipped, not
compared and not stored in the cache of results.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

from trainwheel.engine.layout import Layout

__all__ = ["checkpoints_for", "forget_checkpoints"]

_KEPT = 3
"""The most folders, the newest ones: a developer may switch between a few branches."""


def checkpoints_for(layout: Layout, key: str, *, is_fresh: bool = False) -> Path:
    """Make the folder for a state of training's inputs, and return it.

    Args:
        layout: The paths of the repository.
        key: The key of training's fingerprint.
        is_fresh: Begin with an empty folder, even if an earlier run left something.
    """
    folder = _folder(layout, key)
    if is_fresh:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    os.utime(folder)
    by_age = sorted(folder.parent.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in by_age[_KEPT:]:
        shutil.rmtree(old, ignore_errors=True)
    return folder


def forget_checkpoints(layout: Layout, key: str) -> None:
    """Remove the folder for a state of training's inputs, once training has ended well."""
    folder = _folder(layout, key)
    shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):  # others are still unfinished
        folder.parent.rmdir()


def _folder(layout: Layout, key: str) -> Path:
    return layout.checkpoints / key[:16]
