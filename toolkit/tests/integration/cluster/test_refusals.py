"""A cluster that cannot train is told in one line, within half a minute."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import trustme

from integration.cluster.searcher import ADDRESS, Once, Scheduler, run_scheduler, scores, train
from integration.tiny import TinyProject
from trainwheel.install.environments import Installer, find_uv
from trainwheel.requirements.lockfile import parse_lockfile, render_requirements, requirements
from trainwheel.system.environ import read_environment

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def refuse(project: TinyProject, address: str, **variables: str) -> tuple[str, float]:
    """Return the one line by which training on a cluster is refused, and after how long."""
    started = time.monotonic()
    run = train(project, **{ADDRESS: address}, **variables)
    seconds = time.monotonic() - started
    assert not (project.root / "model/tiny_model/artefact").exists()
    assert not project.made()
    return run.error("failed").partition("aborted: ")[2], seconds


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


def test_a_training_that_takes_longer_than_its_limit_is_ended(
    project: TinyProject, scheduler: Scheduler
) -> None:
    project.configure('train.dask.time-limit = "15 s"')
    scheduler.add_worker(TINY_PAUSE="60")

    error, _ = refuse(project, scheduler.address)

    assert error.startswith("failed: training took too long: ended after 15 s")


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
