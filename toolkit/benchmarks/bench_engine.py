"""What a cluster costs and gains: one worker against two, and each task beside loky.

Every engine runs the same calls in an environment of the lock, in turn, on one machine. Workers are
real processes on loopback with one thread each; they share this machine's cores with the rest.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from benchmarks.timing import machine

from integration.cluster.searcher import make_searcher, run_scheduler, use_engine
from integration.tiny import TinyProject
from trainwheel.cli.opening import open_run
from trainwheel.guest import CLUSTER
from trainwheel.steps import load_chain
from trainwheel.steps.shared.cluster import pack
from trainwheel.system.environ import Environment

pytestmark = [pytest.mark.bench, pytest.mark.integration, pytest.mark.timeout(3600)]

SCRIPT = Path(__file__).with_name("engines.py")
TO_LOKY = 1.25
"""At most so many times loky's seconds with two workers, for calls of 300 ms."""


@pytest.fixture
def project(tmp_path: Path) -> TinyProject:
    """A project whose environment of training has distributed."""
    project = make_searcher(tmp_path / "tiny", tmp_path / "environments")
    use_engine(project)
    run = project.nox("train")
    assert run.code == 0, run.output
    return project


def test_one_and_two_workers_beside_loky(project: TinyProject, tmp_path: Path) -> None:
    env = project.envdir / "packages-engine"
    archive = tmp_path / "modules.zip"
    run = open_run(project.root, project.envdir, Environment(), load_chain().categories)
    archive.write_bytes(pack(run.workspace).content)

    def measure(engine: str, address: str = "") -> dict[str, float]:
        argv = (str(env / "bin/python"), "-P", str(SCRIPT), str(CLUSTER.parent), engine, address,
                str(archive))  # fmt: skip
        variables = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(SCRIPT.parent)}
        completed = subprocess.run(argv, env=variables, capture_output=True, text=True, check=False)
        assert completed.returncode == 0, completed.stderr
        return dict(json.loads(completed.stdout.splitlines()[-1]))

    results = {"serial": measure("serial"), "loky, 2": measure("loky")}
    # joblib's own backend does not ship the script that it is given.
    with run_scheduler(env, tmp_path / "dask") as scheduler:
        found = {"PYTHONPATH": str(SCRIPT.parent)}
        scheduler.add_worker(**found)
        results["dask, 1 worker"] = measure("dask", scheduler.address)
        scheduler.add_worker(**found)
        results["dask, 2 workers"] = measure("dask", scheduler.address)
        results["joblib's own, 2"] = measure("joblib", scheduler.address)
    print(describe(results))
    gain = results["dask, 1 worker"]["300 ms"] / results["dask, 2 workers"]["300 ms"]
    ratio = results["dask, 2 workers"]["300 ms"] / results["loky, 2"]["300 ms"]
    print(f"two workers against one, 300 ms: {gain:.2f} times; against loky: {ratio:.2f} times")
    assert ratio <= TO_LOKY


def describe(results: Mapping[str, Mapping[str, float]]) -> str:
    """Return the medians as a table, and what a call of 1 ms costs beyond its work."""
    names = list(next(iter(results.values())))
    lines = [machine(), "", f"| engine | {' | '.join(names)} | overhead a call |"]
    lines.append(f"|{'---|' * (len(names) + 2)}")
    for engine, found in results.items():
        # Two calls at a time, but for the one worker and for serial.
        at_once = 1 if engine in {"serial", "dask, 1 worker"} else 2
        overhead = (found["1 ms"] * at_once / 400 - 0.001) * 1000
        cells = " | ".join(f"{found[name]:.2f}" for name in names)
        lines.append(f"| {engine} | {cells} | {overhead:.2f} ms |")
    return "\n".join(lines)
