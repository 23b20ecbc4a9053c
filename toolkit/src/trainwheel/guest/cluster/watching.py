"""Report what a cluster loses while it trains, and end a training that no worker is left for."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from distributed import Client

from .backend import ClusterError

__all__ = ["Losses", "watch"]

_EMPTY = 300.0
"""Seconds that a cluster may be without any worker."""

_PAUSE = 1.0


@dataclass
class Losses:
    """What a training lost: workers, and the tasks that had to be repeated for it."""

    workers: int = 0
    tasks: int = 0

    def note(self, event: tuple[float, Any], say: Callable[[str], None]) -> None:
        """Take note of an event of the scheduler, and say what it means."""
        _, details = event
        if not isinstance(details, dict) or details.get("action") != "remove-worker":
            return
        repeated = sum(
            len(details.get(f"{kind}-tasks", ())) for kind in ("processing", "lost-computed")
        )
        # One that was told to leave has handed over what it held.
        if details.get("expected") and not repeated:
            return
        self.workers += 1
        self.tasks += repeated
        what = "nothing was lost" if not repeated else f"tasks repeated elsewhere: {repeated}"
        say(f"worker {details.get('worker', 'unknown')} was lost; {what}")


@contextlib.contextmanager
def watch(
    client: Client,
    say: Callable[[str], None],
    give_up: Callable[[ClusterError], None],
    *,
    empty: float = _EMPTY,
) -> Iterator[Losses]:
    """Watch a cluster during a training; yield what it lost so far.

    Args:
        client: Of the scheduler.
        say: Told a line for each worker that is lost.
        give_up: Called, from another thread, once no worker has been there for long.
        empty: How long that is, in seconds.
    """
    losses, ended = Losses(), threading.Event()
    client.subscribe_topic("all", lambda event: losses.note(event, say))

    def look() -> None:
        last = time.monotonic()
        while not ended.wait(_PAUSE):
            if client.status == "running" and client.scheduler_info(n_workers=-1)["workers"]:
                last = time.monotonic()
            elif time.monotonic() - last > empty:
                message = f"the cluster has had no worker for {empty:.0f} s"
                give_up(ClusterError(message, "start workers, and run the same command again"))
                return

    threading.Thread(target=look, daemon=True).start()
    try:
        yield losses
    finally:
        ended.set()
        with contextlib.suppress(Exception):  # the scheduler may be gone
            client.unsubscribe_topic("all")
