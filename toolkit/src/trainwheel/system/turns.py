"""Threads that take turns: one of them at a time runs, and while it waits another one does.

What a run keeps in memory is changed by one thread alone, although what the threads wait for, such
as processes and servers, goes on side by side. A thread without a turn, as in a program that has
only one, waits like any other.
"""

from __future__ import annotations

import contextlib
import threading
from collections import defaultdict
from collections.abc import Hashable, Iterator

__all__ = ["OneByOne", "aside", "turn"]

_turn = threading.Lock()
_holder = threading.local()


@contextlib.contextmanager
def turn() -> Iterator[None]:
    """Wait for this thread's turn, and keep it within the block."""
    with _turn:
        _holder.is_here = True
        try:
            yield
        finally:
            _holder.is_here = False


@contextlib.contextmanager
def aside() -> Iterator[None]:
    """Let other threads have their turns within the block, in which this one only waits."""
    if not getattr(_holder, "is_here", False):
        yield
        return
    _holder.is_here = False
    _turn.release()
    try:
        yield
    finally:
        _turn.acquire()
        _holder.is_here = True


class OneByOne:
    """Lets one thread at a time do something, although it gives its turn away meanwhile.

    A lock that is held over `aside` in any other way, be it that of `functools.cached_property`
    before Python 3.12, is one for which a thread waits that has the turn, and all wait for that.
    """

    def __init__(self) -> None:
        self._locks: defaultdict[Hashable, threading.RLock] = defaultdict(threading.RLock)

    @contextlib.contextmanager
    def at(self, what: Hashable) -> Iterator[None]:
        """Wait until no other thread is at the same, and keep others from it within the block."""
        lock = self._locks[what]
        if not lock.acquire(blocking=False):
            with aside():
                lock.acquire()
        try:
            yield
        finally:
            lock.release()
