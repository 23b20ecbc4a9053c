"""Parallel work of every kind comes to its end on a cluster, be it an error or a refusal."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trustme

from integration.cluster.searcher import Scheduler, run_scheduler
from integration.once import Once
from integration.tiny import TinyProject
from trainwheel.cli.opening import open_run
from trainwheel.guest import CLUSTER
from trainwheel.install.environments import Installer, find_uv
from trainwheel.requirements.lockfile import parse_lockfile, render_requirements, requirements
from trainwheel.steps import load_chain
from trainwheel.steps.shared.cluster import pack
from trainwheel.system.environ import Environment, read_environment

pytestmark = [pytest.mark.integration, pytest.mark.slow]

CASES = Path(__file__).with_name("on_cluster.py")
ESTIMATOR = "model/tiny_training/estimator.py"
Case = Callable[..., object]


@pytest.fixture
def on_cluster(project: TinyProject, env: Path, tmp_path: Path) -> Case:
    """Runs a case of `on_cluster.py` with the project's modules, as the training host would."""

    def run(scheduler: Scheduler, case: str, **security: str) -> object:
        opened = open_run(project.root, project.envdir, Environment(), load_chain().categories)
        shipment, archive = pack(opened.workspace), tmp_path / "modules.zip"
        archive.write_bytes(shipment.content)
        plan: dict[str, Any] = {"address": scheduler.address, "security": security}
        plan |= {"name": "cases", "archive": str(archive), "digest": shipment.digest}
        plan |= {"folders": list(shipment.folders), "modules": list(shipment.modules)}
        pids = [str(worker.pid) for worker in scheduler.workers[:1]]
        python = str(env / "bin" / "python")
        argv = (python, "-P", str(CASES), str(CLUSTER.parent), json.dumps(plan), case, *pids)
        done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
        assert done.stdout, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.fixture(scope="module")
def long_lived(
    tmp_path_factory: pytest.TempPathFactory, clustered_once: TinyProject
) -> Iterator[Scheduler]:
    """A scheduler and a worker that serve one case after the other."""
    env = clustered_once.envdir / "packages-engine"
    with run_scheduler(env, tmp_path_factory.mktemp("long-lived") / "dask") as scheduler:
        scheduler.add_worker()
        yield scheduler


@pytest.mark.parametrize(("case", "result"), [
    ("nested", [0, 0, 1, 5, 14, 30]), ("arrays", [45.0 + number for number in range(8)]),
    ("unordered", list(range(50))), ("error", "LookupError: call 0 failed"),
    ("unpicklable", "TypeError: cannot pickle '_thread.lock' object"),
])  # fmt: skip
def test_parallel_work_of_every_kind_comes_to_its_end(
    long_lived: Scheduler, on_cluster: Case, case: str, result: object
) -> None:
    assert on_cluster(long_lived, case) == result


def test_an_edited_module_is_what_a_worker_of_long_standing_runs(
    long_lived: Scheduler, on_cluster: Case, project: TinyProject
) -> None:
    source = project.read(ESTIMATOR)
    for mark in (1, 2):
        project.write(ESTIMATOR, f"{source}\n\nMARK = {mark}\n")
        assert on_cluster(long_lived, "shipped") == [mark, mark]
    # What was shipped is taken away again.
    assert not list(long_lived.folder.rglob("estimator.py"))


@pytest.mark.parametrize(("case", "message"), [
    ("deadly", "ClusterError: a task ended every worker that ran it, 1 of them"),
    ("abandoned", "the cluster has had no worker for 1 s"),
])  # fmt: skip
def test_work_whose_workers_end_is_given_up(
    env: Path, on_cluster: Case, tmp_path: Path, case: str, message: str
) -> None:
    once = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0"}
    with run_scheduler(env, tmp_path / "dask", **once) as scheduler:
        scheduler.add_worker()

        assert on_cluster(scheduler, case) == message


def test_workers_that_are_missing_or_cannot_import_a_module_are_named(
    scheduler: Scheduler, on_cluster: Case
) -> None:
    assert "no worker" in str(on_cluster(scheduler, "nested"))

    scheduler.add_worker(TINY_LACKS_PACKAGE="1")

    message = str(on_cluster(scheduler, "nested"))
    assert "tiny_training.estimator: ModuleNotFoundError" in message
    assert "a_package_that_only_the_laptop_has" in message


def test_a_cluster_with_other_keys_is_refused(env: Path, on_cluster: Case, tmp_path: Path) -> None:
    names = {"ca": "tls_ca_file", "cert": "tls_client_cert", "key": "tls_client_key"}
    ours, theirs = ({key: str(tmp_path / f"{who}-{key}.pem") for key in names} for who in "ab")
    for files in (ours, theirs):
        authority = trustme.CA()
        issued = authority.issue_cert("cluster.example.invalid")
        authority.cert_pem.write_to_path(files["ca"])
        issued.cert_chain_pems[0].write_to_path(files["cert"])
        issued.private_key_pem.write_to_path(files["key"])
    options = ("--tls-ca-file", ours["ca"], "--tls-cert", ours["cert"], "--tls-key", ours["key"])
    with run_scheduler(env, tmp_path / "dask", "--protocol", "tls", *options) as scheduler:
        security = {names[key]: path for key, path in theirs.items()}
        message = str(on_cluster(scheduler, "nested", **security))

    assert scheduler.address in message
    assert "certificate" in message.lower()


@pytest.fixture(scope="session")
def older_env(once: Once, clustered_once: TinyProject) -> Path:
    """The environment of training with an earlier scikit-learn."""

    def install(folder: Path) -> None:
        installer = Installer(read_environment())
        python = installer.create(folder / "env")
        lock = parse_lockfile(clustered_once.read("Pipfile.lock"))
        locked = requirements(lock, "packages", "train", "engine")
        others = render_requirements(entry for entry in locked if entry.name != "scikit-learn")
        installer.install(python, others, "--no-deps")
        words = ("pip", "install", "--quiet", "--no-deps", "--python", str(python))
        argv = (find_uv(), *words, *installer.settings.arguments, "scikit-learn==1.8.0")
        subprocess.run(argv, check=True, env={**os.environ, **installer.settings.variables})

    return once.folder("older", install) / "env"


@pytest.mark.parametrize("who", ["the scheduler", "worker tcp://127.0.0.1:"])
def test_another_scikit_learn_is_named_with_who_has_it(
    env: Path, older_env: Path, on_cluster: Case, tmp_path: Path, who: str
) -> None:
    is_scheduler = who == "the scheduler"
    with run_scheduler(older_env if is_scheduler else env, tmp_path / "dask") as scheduler:
        replace(scheduler, dask=older_env / "bin" / "dask").add_worker()

        message = str(on_cluster(scheduler, "nested"))

    assert message.startswith(who)
    assert "scikit-learn 1.8.0 instead of 1." in message
