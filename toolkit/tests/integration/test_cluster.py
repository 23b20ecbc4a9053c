"""Training on a real Dask cluster, by code that knows of none."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import trustme

from integration.searcher import (
    FITS,
    Once,
    Scheduler,
    count_fits,
    make_searcher,
    project_in,
    run_scheduler,
    scores,
    train,
    use_engine,
    use_example,
)
from integration.tiny import TinyProject, copy_of, wait_for
from trainwheel.environ import Environment, read_environment
from trainwheel.environments import Installer, find_uv
from trainwheel.hosts import CLUSTER
from trainwheel.lockfile import parse_lockfile, render_requirements, requirements
from trainwheel.project import open_project
from trainwheel.shipping import pack

pytestmark = [pytest.mark.integration, pytest.mark.slow]

ADDRESS = "TRAINWHEEL_DASK_SCHEDULER"
CASES = Path(__file__).with_name("on_cluster.py")


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Once:
    """Makes a folder once for all processes that run tests beside each other."""
    base = tmp_path_factory.getbasetemp()
    return Once(base.parent if "PYTEST_XDIST_WORKER" in os.environ else base)


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
    return clustered_once.envdir / "train-cluster"


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
    assert FITS < count_fits(fits) < FITS * 3 // 2
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


def test_a_scheduler_that_is_down_is_told_in_one_line(project: TinyProject) -> None:
    error, seconds = refuse(project, "tcp://127.0.0.1:9")

    assert error.startswith("failed: no scheduler answers at tcp://127.0.0.1:9")
    assert "start it, or correct the address" in error
    assert seconds < 30


def test_a_scheduler_that_is_down_stops_a_release_before_its_first_step(
    project: TinyProject,
) -> None:
    project.write("docs/conf.py", "raise SystemExit('the site was built')\n")

    run = project.nox("upload", **{ADDRESS: "tcp://127.0.0.1:9"})

    assert "no scheduler answers at tcp://127.0.0.1:9" in run.error("failed")
    assert run.output.count("\n") <= 2, run.output
    # Where there is nothing to train, nobody asks for it.
    assert train(project, **{ADDRESS: ""}).code == 0
    assert train(project, **{ADDRESS: "tcp://127.0.0.1:9"}).line("train ") == "train    unchanged"


def test_a_cluster_without_workers_is_told_in_one_line(
    project: TinyProject, scheduler: Scheduler
) -> None:
    error, seconds = refuse(project, scheduler.address)

    assert error.startswith("failed: the cluster has no worker; start workers")
    assert seconds < 30


def test_a_module_that_a_worker_cannot_import_is_told_in_one_line(
    project: TinyProject, scheduler: Scheduler
) -> None:
    scheduler.add_worker()
    scheduler.add_worker(TINY_LACKS_PACKAGE="1")

    error, seconds = refuse(project, scheduler.address)

    assert "cannot import tiny_training.estimator: ModuleNotFoundError" in error
    assert "a_package_that_only_the_laptop_has" in error
    assert "Pipfile.lock" in error
    assert seconds < 30


def test_what_a_task_ends_in_comes_back_as_its_error(
    project: TinyProject, scheduler: Scheduler
) -> None:
    scheduler.add_worker(TINY_BREAKS_IMPORT="1")

    run = train(project, **{ADDRESS: scheduler.address})

    assert run.code != 0
    assert "All the 200 fits failed" in run.output
    assert "imported too late" in run.output


def test_a_training_that_takes_longer_than_its_limit_is_ended(
    project: TinyProject, scheduler: Scheduler
) -> None:
    project.configure('train.dask.time-limit = "15 s"')
    scheduler.add_worker(TINY_PAUSE="60")

    error, _ = refuse(project, scheduler.address)

    assert error.startswith("failed: training took too long: ended after 15 s")


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


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory, clustered_once: TinyProject) -> Path:
    """What is shipped to workers."""
    path = tmp_path_factory.mktemp("archive") / "modules.zip"
    project = open_project(clustered_once.root, clustered_once.envdir, Environment())
    path.write_bytes(pack(project).content)
    return path


@pytest.fixture(scope="session")
def long_lived(
    tmp_path_factory: pytest.TempPathFactory, clustered_once: TinyProject
) -> Iterator[Scheduler]:
    """A scheduler and a worker that serve one case after the other."""
    env = clustered_once.envdir / "train-cluster"
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


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two folders with keys of two authorities that know nothing of each other."""
    folders = (tmp_path_factory.mktemp("ours"), tmp_path_factory.mktemp("theirs"))
    for folder in folders:
        authority = trustme.CA()
        issued = authority.issue_cert("cluster.example.invalid")
        authority.cert_pem.write_to_path(str(folder / "ca.pem"))
        issued.cert_chain_pems[0].write_to_path(str(folder / "cert.pem"))
        issued.private_key_pem.write_to_path(str(folder / "key.pem"))
    return folders


@pytest.fixture
def guarded(tmp_path: Path, env: Path, keys: tuple[Path, Path]) -> Iterator[Scheduler]:
    """A scheduler and a worker that talk to those who have their keys."""
    names = ("--tls-ca-file", "ca.pem"), ("--tls-cert", "cert.pem"), ("--tls-key", "key.pem")
    options = [word for option, name in names for word in (option, str(keys[0] / name))]
    with run_scheduler(env, tmp_path / "dask", "--protocol", "tls", *options) as scheduler:
        scheduler.add_worker()
        yield scheduler


def variables_for(folder: Path) -> dict[str, str]:
    kinds = ("CA", "CERT", "KEY")
    return {f"TRAINWHEEL_DASK_{kind}_FILE": str(folder / f"{kind.lower()}.pem") for kind in kinds}


def test_a_cluster_with_keys_is_opened_by_them(
    project: TinyProject, guarded: Scheduler, keys: tuple[Path, Path], searched_once: TinyProject
) -> None:
    assert guarded.address.startswith("tls://")
    for kind in ("ca", "cert", "key"):
        project.configure(f'train.dask.{kind}-file = "{keys[0] / kind}.pem"')

    run = train(project, **{ADDRESS: guarded.address})

    assert run.code == 0, run.output
    assert scores(project) == scores(searched_once)


def test_a_cluster_with_other_keys_is_told_in_one_line(
    project: TinyProject, guarded: Scheduler, keys: tuple[Path, Path]
) -> None:
    error, seconds = refuse(project, guarded.address, **variables_for(keys[1]))

    assert error.startswith(f"failed: no scheduler answers at {guarded.address}")
    assert "certificate" in error.lower()
    assert seconds < 30


@pytest.fixture(scope="session")
def older_env(once: Once, clustered_once: TinyProject) -> Path:
    """The environment of training with an earlier scikit-learn."""

    def install(folder: Path) -> None:
        installer = Installer(read_environment())
        python = installer.create(folder / "env")
        lock = parse_lockfile(clustered_once.read("Pipfile.lock"))
        locked = requirements(lock, "packages", "train", "engine")
        others = render_requirements(found for found in locked if found.name != "scikit-learn")
        installer.install(python, others, "--no-deps")
        words = ("pip", "install", "--quiet", "--no-deps", "--python", str(python))
        argv = (find_uv(), *words, *installer.settings.arguments, "scikit-learn==1.8.0")
        subprocess.run(argv, check=True, env={**os.environ, **installer.settings.variables})

    return once.folder("older", install) / "env"


def test_a_cluster_with_another_scikit_learn_is_told_in_one_line(
    project: TinyProject, older_env: Path, tmp_path: Path
) -> None:
    with run_scheduler(older_env, tmp_path / "dask") as scheduler:
        scheduler.add_worker()

        error, seconds = refuse(project, scheduler.address)

    assert error.startswith("failed: the scheduler has scikit-learn 1.8.0 instead of 1.")
    assert "Pipfile.lock" in error
    assert seconds < 30


def test_a_worker_with_another_scikit_learn_is_told_in_one_line(
    project: TinyProject, scheduler: Scheduler, older_env: Path
) -> None:
    scheduler.add_worker()
    older = replace(scheduler, dask=older_env / "bin" / "dask")
    older.add_worker()

    error, seconds = refuse(project, scheduler.address)

    assert error.startswith("failed: worker tcp://127.0.0.1:")
    assert "has scikit-learn 1.8.0 instead of 1." in error
    assert seconds < 30


def refuse(project: TinyProject, address: str, **variables: str) -> tuple[str, float]:
    """Return the one line by which training on a cluster is refused, and after how long."""
    started = time.monotonic()
    run = train(project, **{ADDRESS: address}, **variables)
    seconds = time.monotonic() - started
    assert not (project.root / "model/tiny_model/artefact").exists()
    assert not project.made()
    return run.error("failed").partition("aborted: ")[2], seconds
