"""A repository to run commands in, and this process as it was afterwards."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from trainwheel.system.process import reopen
from unit.repository import make_repository

OURS = ("NEXUS_", "TRAINWHEEL_", "TWINE_", "GITHUB_", "JENKINS_", "PIP_", "UV_", "CI", "BUILD_")
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    """Put back the handlers of signals, which every command sets, and let processes start."""
    handlers = {number: signal.getsignal(number) for number in _ENDING}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)
    reopen()


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small model repository, which is the folder that the test runs in."""
    for name in [name for name in os.environ if name.startswith(OURS)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
    root = make_repository(tmp_path / "small")
    monkeypatch.chdir(root)
    return root
