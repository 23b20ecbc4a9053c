"""What several tests of the engine begin with."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainwheel.engine.cache import ResultCache
from trainwheel.system.digest import digest_file
from unit.repository import make_repository


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small model repository."""
    return make_repository(tmp_path / "small")


@pytest.fixture
def cache(tmp_path: Path) -> ResultCache:
    """An empty cache with room for all that most tests keep."""
    return ResultCache(tmp_path / ".trainwheel" / "cache", 1000, digest_file)


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """The empty folder of a step."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder
