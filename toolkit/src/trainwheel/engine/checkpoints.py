"""Where long training keeps unfinished work, so that a killed run goes on from there.

A folder for each state of what training depends on: what was computed from other inputs, or by
other code, is never taken. It is no output; nothing of it is shipped, kept in the cache of results
or compared.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

from trainwheel.engine.layout import Layout

__all__ = ["checkpoints_for", "forget_checkpoints"]

_KEPT = 3
"""How many states are kept, the newest ones: someone may go back and forth between branches."""


def checkpoints_for(layout: Layout, key: str, *, is_fresh: bool = False) -> Path:
    """Return the folder for a state of training's inputs, made where it is missing.

    Args:
        layout: Where everything stands.
        key: Of the fingerprint of what training depends on.
        is_fresh: Begin with an empty folder, whatever an earlier run left there.
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
    """Remove the folder of a state that has been trained to its end."""
    folder = _folder(layout, key)
    shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):  # others are still unfinished
        folder.parent.rmdir()


def _folder(layout: Layout, key: str) -> Path:
    return layout.checkpoints / key[:16]
