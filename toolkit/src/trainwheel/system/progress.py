"""How far something is: as a bar, of training, and of a file that another process sends."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from trainwheel.system.console import Console

__all__ = ["PROGRESS", "bar", "sent_of", "show_progress"]

PROGRESS = "\x1e"
"""The first character of a line that reports progress; such lines are not part of the output.

It is ASCII's record separator, which RFC 7464 puts before each value for the same purpose.
"""
_SPARSE = 10.0
"""Seconds between two lines of progress where no line can be overwritten."""

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


def show_progress(
    console: Console, clock: Callable[[], float] = time.monotonic, *, is_quiet: bool = False
) -> Callable[[str], None]:
    """Return a function that shows a line of training: its progress and, unless quiet, its output.

    On a terminal one line is overwritten; elsewhere a piece of work has a line every ten seconds,
    and a shorter one has none.
    """
    last, before = clock(), ("", 0)

    def echo(line: str) -> None:
        nonlocal last, before
        if not line.startswith(PROGRESS):
            if not is_quiet:
                console.line(f"  {line}", is_live=True)
            return
        label, count, total = (*line.removeprefix(PROGRESS).split("\t"), "", "")[:3]
        share = f" of {total}" if total not in {"", "0"} else ""
        if console.is_terminal:
            is_known = count.isdecimal() and total.isdecimal() and int(total)
            start = bar(int(count), int(total)) if is_known else "…"
            console.progress(f"train    {start} {count}{share} {label}")
            return
        number = int(count) if count.isdecimal() else 0
        is_new, before = label != before[0] or number <= before[1], (label, number)
        if is_new or clock() - last >= _SPARSE:
            if not is_new:
                console.line(f"  {count}{share} {label} done", is_live=True)
            last = clock()

    return echo
