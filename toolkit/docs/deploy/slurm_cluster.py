"""Start Dask's workers as SLURM jobs, run a command on them, and end them.

    python slurm_cluster.py make train

The environment that this runs in, and the home folder, must be seen by every node.
"""

# ruff: noqa: INP001, S603 - a script, which starts what its user types
# mypy: disable-error-code="import-not-found,import-untyped"

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from dask_jobqueue import SLURMCluster
from distributed.security import Security

JOBS = 4
JOB = {
    "queue": "cpu",
    "walltime": "04:00:00",
    "cores": 8,
    "processes": 8,
    "memory": "32GiB",
}
WAIT_FOR_A_WORKER = 3600


def write_keys(folder: Path) -> tuple[str, str, str]:
    """Write an authority, a certificate and its key, of this run alone, into a private folder."""
    made = Security.temporary()
    pems = {"ca": made.tls_ca_file, "cert": made.tls_client_cert, "key": made.tls_client_key}
    for name, pem in pems.items():
        (folder / name).write_text(pem, encoding="ascii")
    return str(folder / "ca"), str(folder / "cert"), str(folder / "key")


def run_on_cluster(command: list[str], keys: tuple[str, str, str]) -> int:
    """Run a command while the workers are there, and return its exit code."""
    authority, certificate, key = keys
    roles = ("scheduler", "worker", "client")
    security = Security(
        require_encryption=True,
        tls_ca_file=authority,
        **{f"tls_{role}_cert": certificate for role in roles},
        **{f"tls_{role}_key": key for role in roles},
    )
    options = {"dashboard_address": ":0"}
    with SLURMCluster(**JOB, security=security, scheduler_options=options) as cluster:
        cluster.scale(jobs=JOBS)
        cluster.wait_for_workers(1, timeout=WAIT_FOR_A_WORKER)
        address = {
            "TRAINWHEEL_DASK_SCHEDULER": cluster.scheduler_address,
            "TRAINWHEEL_DASK_CA_FILE": authority,
            "TRAINWHEEL_DASK_CERT_FILE": certificate,
            "TRAINWHEEL_DASK_KEY_FILE": key,
        }
        return subprocess.run(command, env={**os.environ, **address}, check=False).returncode


if __name__ == "__main__":
    # At scancel and at the end of its time the keys are removed and the workers ended as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix=".dask-keys-", dir=Path.home()) as private:
        sys.exit(run_on_cluster(sys.argv[1:] or ["make", "train"], write_keys(Path(private))))
