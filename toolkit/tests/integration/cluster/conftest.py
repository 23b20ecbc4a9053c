"""Fixtures: a project that has searched, here and on a cluster, and schedulers without workers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from integration.cluster.searcher import (
    Scheduler,
    make_searcher,
    project_in,
    run_scheduler,
    train,
    use_engine,
)
from integration.once import Once
from integration.tiny import TinyProject, copy_of


@pytest.fixture(scope="session")
def searched_once(once: Once) -> TinyProject:
    """A project that has searched here; to be copied, not changed."""

    def search(folder: Path) -> None:
        run = train(make_searcher(folder / "tiny", folder / "environments"))
        assert run.code == 0, run.output

    return project_in(once.folder("searched", search))


@pytest.fixture(scope="session")
def clustered_once(once: Once, searched_once: TinyProject) -> TinyProject:
    """The same, after a search on a cluster of this machine alone; to be copied, not changed."""

    def search(folder: Path) -> None:
        project = copy_of(searched_once, folder / "tiny")
        use_engine(project)
        run = train(project)
        assert run.code == 0, run.output
        assert "cluster: 2 workers of tls://127.0.0.1:" in run.output

    return replace(searched_once, root=once.folder("clustered", search) / "tiny")


@pytest.fixture
def env(clustered_once: TinyProject) -> Path:
    """The environment of training on a cluster, which workers may share."""
    return clustered_once.envdir / "packages-engine"


@pytest.fixture
def project(tmp_path: Path, clustered_once: TinyProject) -> TinyProject:
    """A project whose training is to run on a cluster, and has not."""
    project = copy_of(clustered_once, tmp_path / "tiny")
    project.run("rm", "-rf", "build", ".trainwheel", "model/tiny_model/artefact")
    return project


@pytest.fixture
def scheduler(tmp_path: Path, env: Path) -> Iterator[Scheduler]:
    """A scheduler without workers."""
    with run_scheduler(env, tmp_path / "dask") as scheduler:
        yield scheduler
