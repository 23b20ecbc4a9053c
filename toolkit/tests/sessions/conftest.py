"""What registering sessions changes in this process is put back after every test."""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterator
from pathlib import Path

import nox
import pytest
from nox import registry

from trainwheel.system.environ import NEXUS_VARIABLES
from unit.repository import make_repository

OWN = (
    *NEXUS_VARIABLES,
    *("BUILD_NUMBER", "GITHUB_RUN_NUMBER", "TRAINWHEEL_INDEX", "TRAINWHEEL_VERSION"),
    *("TRAINWHEEL_VERBOSE", "CI", "JENKINS_URL"),
)


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    """Nox's registry, options and loggers, and the handlers of signals, as they were."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    loggers = [logging.getLogger(name) for name in ("nox", "urllib3")]
    before = [(logger, logger.filters[:], logger.level) for logger in loggers]
    stop = nox.options.stop_on_first_error
    registry.reset()
    yield
    registry.reset()
    nox.options.stop_on_first_error = stop
    for logger, filters, level in before:
        logger.filters[:] = filters
        logger.setLevel(level)
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small model repository, which is the folder that the test runs in."""
    for name in OWN:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
    root = make_repository(tmp_path / "small")
    monkeypatch.chdir(root)
    return root
