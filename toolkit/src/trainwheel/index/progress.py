"""How far an upload is, seen from outside: twine's own bar would need a terminal to itself.

While a process sends a file, the place where it reads is what it has sent. Linux shows that for
processes of one's own; elsewhere there is no bar.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from trainwheel.system.console import Console
from trainwheel.system.text import describe_size

__all__ = ["bar", "sent_of", "shown"]

_LARGE = 20_000_000
_PAUSE = 0.2
_WIDTH = 24


@contextlib.contextmanager
def shown(console: Console, wheel: Path, index: str) -> Iterator[Callable[[int], None]]:
    """Show an upload for as long as the block runs; yield what is told the process number.

    Args:
        console: Gets a bar on a terminal, and else one line for a wheel that takes a while.
        wheel: The file that is sent.
        index: What people call the index.
    """
    size = wheel.stat().st_size
    if not console.is_terminal and size >= _LARGE:
        console.line(f"sending {wheel.name}, {describe_size(size)}, to index {index}")
    ended = threading.Event()
    watchers: list[threading.Thread] = []

    def started(pid: int) -> None:
        if console.is_terminal:
            watchers.append(threading.Thread(target=_watch, args=(pid, console, wheel, ended)))
            watchers[0].start()

    try:
        yield started
    finally:
        ended.set()
        for watcher in watchers:
            watcher.join()


def bar(sent: int, size: int, seconds: float) -> str:
    """Return one line: how much of a file is sent, and how fast.

    Args:
        sent: Bytes so far.
        size: Bytes in all.
        seconds: Since the first of them.
    """
    share = min(sent / size, 1.0) if size else 1.0
    filled = "█" * int(share * _WIDTH)
    rate = f", {describe_size(int(sent / seconds))}/s" if seconds > 1 else ""
    of_all = f"{describe_size(sent)} of {describe_size(size)}"
    return f"{'upload':<8} {filled:░<{_WIDTH}} {share:4.0%}  {of_all}{rate}"


def sent_of(pid: int, path: Path) -> int | None:
    """Return how many bytes of a file a process has sent; None while it sends nothing.

    Before it sends, twine reads the file for its digests; it has no connection open then.
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
        told = Path(f"/proc/{pid}/fdinfo/{descriptor}").read_text(encoding="ascii")
        return int(told.split(maxsplit=2)[1])
    except (OSError, ValueError, IndexError):
        return None


def _watch(pid: int, console: Console, wheel: Path, ended: threading.Event) -> None:
    path, size, since = wheel.resolve(), wheel.stat().st_size, 0.0
    while not ended.wait(_PAUSE):
        sent = sent_of(pid, path)
        if sent is not None:
            since = since or time.monotonic()
            console.progress(bar(sent, size, time.monotonic() - since))
