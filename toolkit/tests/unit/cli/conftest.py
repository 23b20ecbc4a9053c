"""A repository to run commands in, and this process as it was afterwards."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from unit.repository import make_repository

OURS = ("NEXUS_", "TRAINWHEEL_", "TWINE_", "GITHUB_", "JENKINS_", "PIP_", "UV_", "CI", "BUILD_")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small model repository, which is the folder that the test runs in."""
    for name in [name for name in os.environ if name.startswith(OURS)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
    root = make_repository(tmp_path / "small")
    monkeypatch.chdir(root)
    return root
