"""Training on a real Dask cluster, by code that knows of none: as here, and not lost."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from integration.cluster.searcher import (
    ADDRESS,
    FITS,
    Scheduler,
    count_fits,
    scores,
    train,
    use_example,
)
from integration.tiny import TinyProject, wait_for

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def test_a_cluster_of_this_machine_finds_what_processes_of_its_own_find(
    searched_once: TinyProject, clustered_once: TinyProject
) -> None:
    assert scores(clustered_once) == scores(searched_once)


def test_workers_that_are_killed_half_way_cost_only_what_they_held(
    project: TinyProject, scheduler: Scheduler, searched_once: TinyProject, tmp_path: Path
) -> None:
    fits = tmp_path / "fits"
    variables = {"TINY_FITS": str(fits), "TINY_PAUSE": "0.05"}
    workers = [scheduler.add_worker(**variables) for _ in range(2)]
    started = project.start(*project.argv("train"), **{ADDRESS: scheduler.address})
    wait_for(lambda: count_fits(fits) >= FITS // 2, started)

    for worker in workers:
        worker.send_signal(signal.SIGKILL)
    scheduler.add_worker(**variables)

    output, _ = started.communicate(timeout=120)
    assert started.returncode == 0, output
    assert scores(project) == scores(searched_once)
    # A fit that was lost before it wrote its line is counted once.
    assert FITS <= count_fits(fits) < FITS * 3 // 2
    assert '"lost_workers": 2' in project.read("build/train/training.json")


def test_a_search_that_is_killed_half_way_is_finished_with_the_missing_part(
    project: TinyProject, tmp_path: Path
) -> None:
    use_example(project)
    project.configure('train.env = ["TINY_FITS", "TINY_PAUSE"]')
    fits, checkpoints = tmp_path / "fits", project.root / ".trainwheel/checkpoints"
    variables = {"TINY_FITS": str(fits), "TINY_PAUSE": "0.05"}
    started = project.start(*project.argv("train"), **variables)
    wait_for(lambda: count_fits(fits) >= FITS // 2, started)
    for process in project.survivors():
        os.kill(process, signal.SIGKILL)
    started.communicate(timeout=60)
    assert any(checkpoints.iterdir())
    begun = count_fits(fits)

    run = train(project, **variables)

    assert run.code == 0, run.output
    # Fitted again is what nobody had kept yet, be it begun or ended; not what had been kept.
    assert begun < FITS
    assert FITS <= count_fits(fits) < FITS + begun // 2
    assert len(scores(project)) == FITS // 5
    assert not checkpoints.exists()
