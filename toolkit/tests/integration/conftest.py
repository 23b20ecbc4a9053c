"""Fixtures: tiny model repositories to run the real chain on, and indexes to publish to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.learner import make_learner
from integration.tiny import RealIndex, Run, TinyProject, copy_of, make_tiny, serve_index


@pytest.fixture(scope="session")
def envdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Environments that all tiny projects share, for they have one lock."""
    return tmp_path_factory.mktemp("environments")


@pytest.fixture
def tiny(tmp_path: Path, envdir: Path) -> TinyProject:
    """A fresh tiny model repository under git."""
    return make_tiny(tmp_path / "tiny", envdir)


@pytest.fixture(scope="session")
def first_upload(tmp_path_factory: pytest.TempPathFactory, envdir: Path) -> tuple[TinyProject, Run]:
    """A tiny project, to be copied and not changed, and how its first upload went."""
    project = make_tiny(tmp_path_factory.mktemp("published") / "tiny", envdir)
    run = project.nox("upload")
    assert run.code == 0, run.output
    return project, run


@pytest.fixture(scope="session")
def published_once(first_upload: tuple[TinyProject, Run]) -> TinyProject:
    """A tiny project whose 0.1.0 is in its embedded index; to be copied, not changed."""
    return first_upload[0]


@pytest.fixture
def published(tmp_path: Path, published_once: TinyProject) -> TinyProject:
    """A tiny project whose 0.1.0 was trained, tested, proved, published and verified."""
    return copy_of(published_once, tmp_path / "tiny")


@pytest.fixture(scope="session")
def learner_envdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Environments that all learning projects share."""
    return tmp_path_factory.mktemp("learner-environments")


@pytest.fixture(scope="session")
def published_learner_once(
    tmp_path_factory: pytest.TempPathFactory, learner_envdir: Path
) -> TinyProject:
    """A learning project whose 0.1.0 is in its embedded index; to be copied, not changed."""
    project = make_learner(tmp_path_factory.mktemp("learner") / "tiny", learner_envdir)
    run = project.nox("upload")
    assert run.code == 0, run.output
    return project


@pytest.fixture
def published_learner(tmp_path: Path, published_learner_once: TinyProject) -> TinyProject:
    """A learning project that was published once."""
    return copy_of(published_learner_once, tmp_path / "tiny")


@pytest.fixture
def nexus(tmp_path: Path) -> Iterator[RealIndex]:
    """An empty index that anyone may read and one user may upload to."""
    with serve_index(tmp_path / "nexus") as index:
        yield index


@pytest.fixture
def shut_nexus(tmp_path: Path) -> Iterator[RealIndex]:
    """An empty index that asks for the password for reading as well."""
    with serve_index(tmp_path / "nexus", protect_reads=True) as index:
        yield index
