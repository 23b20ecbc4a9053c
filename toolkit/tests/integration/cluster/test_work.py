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
from integration.tiny import TinyProject, copy_of, wait_for
from trainwheel.wheel.metadata import read_member
from trainwheel.wheel.provenance import parse_provenance

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def test_a_cluster_of_this_machine_finds_what_processes_of_its_own_find(
    searched_once: TinyProject, clustered_once: TinyProject
) -> None:
    assert scores(clustered_once) == scores(searched_once)


def test_workers_elsewhere_get_the_modules_and_find_the_same(
    project: TinyProject, scheduler: Scheduler, searched_once: TinyProject
) -> None:
    for _ in range(2):
        scheduler.add_worker()

    run = train(project, **{ADDRESS: scheduler.address})

    assert run.code == 0, run.output
    assert f"cluster: 2 workers of {scheduler.address}" in run.output
    assert scores(project) == scores(searched_once)
    # What was shipped is taken away again.
    assert not list(scheduler.folder.rglob("estimator.py"))


def test_a_worker_that_is_killed_half_way_costs_only_what_it_held(
    project: TinyProject, scheduler: Scheduler, searched_once: TinyProject, tmp_path: Path
) -> None:
    fits = tmp_path / "fits"
    victim, _ = (scheduler.add_worker(TINY_FITS=str(fits), TINY_PAUSE="0.05") for _ in range(2))
    started = project.start(*project.argv("train"), **{ADDRESS: scheduler.address})
    wait_for(lambda: count_fits(fits) >= FITS // 2, started)

    victim.send_signal(signal.SIGKILL)

    output, _ = started.communicate(timeout=120)
    assert started.returncode == 0, output
    assert "was lost; tasks repeated elsewhere: " in output
    assert scores(project) == scores(searched_once)
    # A fit that was lost before it wrote its line is counted once.
    assert FITS <= count_fits(fits) < FITS * 3 // 2
    assert '"lost_workers": 1' in project.read("build/train/training.json")


def test_a_cluster_that_loses_all_its_workers_goes_on_with_new_ones(
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


def test_an_edited_module_is_what_a_worker_of_long_standing_runs(
    project: TinyProject, scheduler: Scheduler, tmp_path: Path
) -> None:
    fits = tmp_path / "fits"
    scheduler.add_worker(TINY_FITS=str(fits))
    assert train(project, **{ADDRESS: scheduler.address}).code == 0
    project.replace("model/tiny_training/estimator.py", "{self.C}", "edited")

    run = train(project, **{ADDRESS: scheduler.address})

    assert run.code == 0, run.output
    lines = fits.read_text().splitlines()
    assert len(lines) == 2 * FITS
    assert lines.count("edited") == FITS


def test_what_a_task_ends_in_comes_back_as_its_error(
    project: TinyProject, scheduler: Scheduler
) -> None:
    scheduler.add_worker(TINY_BREAKS_IMPORT="1")

    run = train(project, **{ADDRESS: scheduler.address})

    assert run.code != 0
    assert "All the 200 fits failed" in run.output
    assert "imported too late" in run.output


@pytest.mark.parametrize("engine", ["local", "dask"])
def test_a_search_that_is_killed_half_way_is_finished_with_the_missing_part(
    project: TinyProject, tmp_path: Path, engine: str
) -> None:
    project.replace("pyproject.toml", 'engine = "dask"', f'engine = "{engine}"')
    use_example(project)
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
    # What two workers had begun and not ended is fitted again, five fits each.
    assert FITS <= count_fits(fits) <= FITS + 2 * 5
    assert begun < FITS
    assert len(scores(project)) == FITS // 5
    assert not checkpoints.exists()


def test_the_engine_that_is_not_configured_makes_the_same_model(
    project: TinyProject, scheduler: Scheduler
) -> None:
    project.replace("pyproject.toml", 'engine = "dask"', 'engine = "local"')
    scheduler.add_worker()

    run = train(project, "--", "--check-repeatable", **{ADDRESS: scheduler.address})

    assert run.code == 0, run.output
    assert "hash seed 1, local: same bytes" in run.output
    assert "hash seed 2, local: same bytes" in run.output
    assert "hash seed 0, dask: same bytes" in run.output
    told = "repeats byte for byte: 3 more trainings, hash seeds 1, 2, 0, local and dask"
    assert told in project.read("build/train/report.html")


def test_the_wheel_says_that_a_cluster_trained_it(
    tmp_path: Path, clustered_once: TinyProject
) -> None:
    project = copy_of(clustered_once, tmp_path / "tiny")
    # Its model answers with a score, where that of the tiny project doubles.
    project.replace("tests/system/test_tiny_model.py", '["value"] == 4.0', '["value"] < 1')

    run = project.nox("package")

    assert run.code == 0, run.output
    provenance = parse_provenance(read_member(project.wheel, "trainwheel/provenance.json"))
    assert provenance.training.engine == "dask"
