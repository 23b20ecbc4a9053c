"""What most tests of steps start from."""

from __future__ import annotations

from pathlib import Path

import pytest

from unit.repository import make_repository


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small model repository, with a model and without records."""
    return make_repository(tmp_path / "small")
