"""Parallel work of every kind comes to its end on a cluster, be it an error."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.cluster.searcher import Scheduler, run_scheduler
from integration.tiny import TinyProject
from trainwheel.cli.opening import open_run
from trainwheel.guest import CLUSTER
from trainwheel.steps import load_chain
from trainwheel.steps.shared.cluster import pack
from trainwheel.system.environ import Environment

pytestmark = [pytest.mark.integration, pytest.mark.slow]

CASES = Path(__file__).with_name("on_cluster.py")


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory, clustered_once: TinyProject) -> Path:
    """What is shipped to workers."""
    path = tmp_path_factory.mktemp("archive") / "modules.zip"
    root, envdir = clustered_once.root, clustered_once.envdir
    run = open_run(root, envdir, Environment(), load_chain().categories)
    path.write_bytes(pack(run.workspace).content)
    return path


@pytest.fixture(scope="session")
def long_lived(
    tmp_path_factory: pytest.TempPathFactory, clustered_once: TinyProject
) -> Iterator[Scheduler]:
    """A scheduler and a worker that serve one case after the other."""
    env = clustered_once.envdir / "train-engine"
    with run_scheduler(env, tmp_path_factory.mktemp("long-lived") / "dask") as scheduler:
        scheduler.add_worker()
        yield scheduler


def on_cluster(scheduler: Scheduler, archive: Path, case: str) -> object:
    """Return what came of a case of `on_cluster.py`."""
    python, worker = scheduler.dask.with_name("python"), scheduler.workers[0]
    words = (scheduler.address, str(archive), case, str(worker.pid))
    argv = (str(python), "-P", str(CASES), str(CLUSTER.parent), *words)
    run = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert run.stdout, run.stderr
    return json.loads(run.stdout)


@pytest.mark.parametrize(
    ("case", "found"),
    [
        ("nested", [0, 0, 1, 5, 14, 30]),
        ("arrays", [45.0 + number for number in range(8)]),
        ("unordered", list(range(50))),
        ("error", "LookupError: call 0 failed"),
        ("unpicklable", "TypeError: cannot pickle '_thread.lock' object"),
    ],
)
def test_parallel_work_of_every_kind_comes_to_its_end(
    long_lived: Scheduler, archive: Path, case: str, found: object
) -> None:
    assert on_cluster(long_lived, archive, case) == found


@pytest.mark.parametrize(
    ("case", "found"),
    [
        ("deadly", "ClusterError: a task ended every worker that ran it, 1 of them"),
        ("abandoned", "the cluster has had no worker for 1 s"),
    ],
)
def test_work_whose_workers_end_is_given_up(
    env: Path, archive: Path, tmp_path: Path, case: str, found: str
) -> None:
    once = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0"}
    with run_scheduler(env, tmp_path / "dask", **once) as scheduler:
        scheduler.add_worker()

        assert on_cluster(scheduler, archive, case) == found
