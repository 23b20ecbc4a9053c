"""What holds for every test: no network, and nothing of this machine's own settings."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from pytest_socket import disable_socket, enable_socket

from trainwheel.system.process import reopen

pytest_plugins = ["sentences"]
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

# Hypothesis has a profile of its own in CI; here too, a test waits for others that use the cores.
settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
if not os.environ.get("CI"):
    settings.load_profile("shared")


def pytest_configure() -> None:
    """Let Ctrl-C interrupt what tests start, as at a terminal.

    A job that a shell starts in the background ignores it, and everything that it starts does.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let every worker begin with what may take longest, so that no one is waited for at the end.

    ``--dist worksteal`` gives each a part of the list, of the same length, and what is stolen from
    a worker is the end of its part: long tests that stand together would run one after the other.
    """
    items.sort(key=_time_limit, reverse=True)
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    heads: list[list[pytest.Item]] = [[] for _ in range(workers)]
    others = [item for item in items if not _time_limit(item)]
    for item in items[: len(items) - len(others)]:
        min(heads, key=lambda head: sum(map(_time_limit, head))).append(item)
    ordered: list[pytest.Item] = []
    for number, head in enumerate(heads):
        share = (len(items) - len(ordered)) // (workers - number) - len(head)
        ordered += head + others[: max(share, 0)]
        del others[: max(share, 0)]
    items[:] = ordered + others


def _time_limit(item: pytest.Item) -> float:
    marker = item.get_closest_marker("timeout")
    return float(marker.args[0]) if marker is not None and marker.args else 0.0


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Refuse sockets to every test that is not marked as one of integration."""
    if item.get_closest_marker("integration") is None:
        disable_socket(allow_unix_socket=True)
    else:
        enable_socket()


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Put back the handlers of signals, which every command sets, and let processes start."""
    handlers = {number: signal.getsignal(number) for number in _ENDING}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)
    reopen()
