"""How far something is: as a bar, and of a file that another process sends."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

__all__ = ["bar", "sent_of"]

_WIDTH = 24


def bar(part: int, total: int) -> str:
    """Return a part of a total as a bar of fixed width; a total of 0 is complete."""
    full = min(_WIDTH, part * _WIDTH // total) if total else _WIDTH
    return f"[{'=' * full:<{_WIDTH}}]"


def sent_of(pid: int, path: Path) -> int | None:
    """Return how many bytes of a file a process has sent; None while it sends nothing.

    While a process sends a file, the place where it reads is what it has sent. Linux shows that
    for processes of one's own. A process without a connection, such as twine while it reads the
    file for its digests, sends nothing.
    """
    place, is_connected = None, False
    for descriptor, target in _open_files(pid):
        is_connected |= target.startswith("socket:")
        if target == str(path):
            place = _place_of(pid, descriptor)
    return place if is_connected else None


def _open_files(pid: int) -> Iterator[tuple[str, str]]:
    with contextlib.suppress(OSError):
        for path in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):  # closed meanwhile
                yield path.name, str(path.readlink())


def _place_of(pid: int, descriptor: str) -> int | None:
    try:
        text = Path(f"/proc/{pid}/fdinfo/{descriptor}").read_text(encoding="ascii")
        return int(text.split(maxsplit=2)[1])
    except (OSError, ValueError, IndexError):
        return None
