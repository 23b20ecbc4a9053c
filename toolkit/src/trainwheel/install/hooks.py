"""What the library itself puts beside the packages of an environment."""

from __future__ import annotations

from pathlib import Path

from trainwheel.guest import WATCH
from trainwheel.install.bytecode import site_packages
from trainwheel.install.installed import HOOKS
from trainwheel.system.files import write_atomically

__all__ = ["write_hooks"]

_PTH = b"""\
import os; os.environ.get("TRAINWHEEL_WATCH") and __import__("_trainwheel_watch")
"""


def write_hooks(home: Path) -> None:
    """Put beside the packages what watches a process in which `TRAINWHEEL_WATCH` is set.

    Raises:
        OSError: It is not there, and cannot be written.
    """
    for name, data in zip(HOOKS, (WATCH.read_bytes(), _PTH), strict=True):
        path = site_packages(home) / name
        if not path.is_file() or path.read_bytes() != data:
            write_atomically(path, data)
