"""The Dask cluster that training works on: where it is, what opens it, what it is sent."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trainwheel.engine.entry_points import words_of_python
from trainwheel.engine.project import Project
from trainwheel.errors import ConfigurationError, LockfileError, StepFailedError
from trainwheel.guest import CLUSTER
from trainwheel.requirements.pipfile import canonical_category
from trainwheel.settings.values import a_scheduler
from trainwheel.steps.shared.shipping import pack
from trainwheel.system.environ import SecretClass
from trainwheel.system.process import Command, await_line, end_group, start

__all__ = ["Cluster", "cluster_of", "plan_for", "reach", "scheduler_of"]

_START = 60.0
_ANSWER = 5.0
"""Seconds in which a scheduler has to take a connection."""
_KEYS = {"CA_FILE": "tls_ca_file", "CERT_FILE": "tls_client_cert", "KEY_FILE": "tls_client_key"}
"""End of a variable's name → what distributed calls the file."""


@dataclass(frozen=True)
class Cluster:
    """Where a cluster is and what opens it.

    Args:
        address: Of its scheduler; empty for one of this machine, which is yet to be started.
        keys: What distributed calls a file of keys → its path; empty without TLS.
    """

    address: str = ""
    keys: Mapping[str, str] = field(default_factory=dict)


def cluster_of(project: Project) -> Cluster | None:
    """Return the cluster that the configuration and the environment name; None for neither.

    Raises:
        ConfigurationError: An address, a file of keys, the packages or the command do not fit.
    """
    address = scheduler_of(project)
    if project.config.engine == "local":
        return None
    names = {package.name for package in _packages(project)}
    if "distributed" not in names:
        message = 'tool.trainwheel.train.engine is "dask", but [engine] of the Pipfile has none'
        hint = 'add distributed = "*" there and run `nox -s lock`'
        raise LockfileError(message, hint=hint)
    if not address and "cryptography" not in names:
        message = "a cluster of this machine needs keys, but [engine] has no cryptography"
        hint = 'add cryptography = "*" there and run `nox -s lock`, or name a scheduler'
        raise LockfileError(message, hint=hint)
    if words_of_python(project.training_command(Path("MODEL"), Path("REPORT"))) is None:
        message = "training on a cluster needs a command of Python's"
        hint = 'let tool.trainwheel.train.command begin with "python -m" or "python FILE"'
        raise ConfigurationError(message, hint=hint)
    return Cluster(address, _keys(project, address))


def scheduler_of(project: Project) -> str:
    """Return the address of the scheduler that is configured, whatever the engine; or nothing.

    Raises:
        ConfigurationError: It is no address.
    """
    told = project.environment.dask("SCHEDULER")
    if told is None:
        return project.config.dask_scheduler
    try:
        return a_scheduler(told)
    except ValueError as error:
        message = f"TRAINWHEEL_DASK_SCHEDULER = {told!r}, but it takes {error}"
        raise ConfigurationError(message) from None


def reach(cluster: Cluster) -> str:
    """Return where a cluster is, after its scheduler has taken a connection.

    Raises:
        StepFailedError: It took none.
    """
    if not cluster.address:
        return "of this machine alone, started for the training"
    host, _, port = cluster.address.partition("://")[2].rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_ANSWER).close()
    except OSError as error:
        message = f"no scheduler answers at {cluster.address}: {error.strerror or error}"
        raise StepFailedError(message, hint="start it, or correct the address") from None
    return f"{cluster.address} takes connections"


def _packages(project: Project) -> tuple[Any, ...]:
    has_category = canonical_category("engine") in project.lock.categories
    return project.lock.packages("engine") if has_category else ()


def _keys(project: Project, address: str) -> dict[str, str]:
    if not address.startswith("tls://"):
        return {}
    keys = {}
    for name, argument in _KEYS.items():
        key = f"tool.trainwheel.train.dask.{name.lower().replace('_', '-')}"
        told = project.environment.dask(name)
        named = told or getattr(project.config, f"dask_{name.lower()}")
        if not named:
            message = f"{address} needs keys, and neither {key} nor TRAINWHEEL_DASK_{name} is set"
            raise ConfigurationError(message, hint="name the three files, or use tcp://")
        path = project.root / Path(named).expanduser()
        if not os.access(path, os.R_OK):
            where = f"TRAINWHEEL_DASK_{name}" if told else key
            message = f"{named}, which {where} names, cannot be read"
            raise ConfigurationError(message, hint="correct the name, or its permissions")
        keys[argument] = str(path)
    return keys


@contextlib.contextmanager
def plan_for(
    project: Project,
    scratch: Path,
    variables: Mapping[str, str],
    secrets: frozenset[SecretClass] = frozenset(),
) -> Iterator[dict[str, Any] | None]:
    """Yield what the training host is told of the cluster; None for training without one.

    A cluster of this machine is started, and ended afterwards.

    Args:
        project: The model repository.
        scratch: A folder for keys and for what is shipped.
        variables: What training sees, for workers that are started here.
        secrets: The classes of secrets that it sees.

    Raises:
        TrainwheelError: There is no cluster that could be used.
    """
    cluster = cluster_of(project)
    if cluster is None:
        if project.environment.dask("SCHEDULER"):
            told = "TRAINWHEEL_DASK_SCHEDULER is not used: tool.trainwheel.train.engine is local"
            project.console.notice_once(told)
        yield None
        return
    shipment = pack(project)
    archive, folder = scratch / "modules.zip", scratch / "cluster"
    archive.write_bytes(shipment.content)
    env = {**project.variables("train"), **variables}
    command = Command(_local_command(project, folder), project.root, env, secrets)
    with _started(project, cluster, folder, command) as running:
        yield {
            "address": running.address,
            "security": dict(running.keys),
            "name": project.config.package,
            "archive": str(archive),
            "digest": shipment.digest,
            "folders": list(shipment.folders),
            "modules": list(shipment.modules),
        }


@contextlib.contextmanager
def _started(
    project: Project, cluster: Cluster, folder: Path, command: Command
) -> Iterator[Cluster]:
    if cluster.address:
        yield cluster
        return
    folder.mkdir(mode=0o700)
    process = start(command, project.environment, stdin=subprocess.PIPE)
    try:
        address = _await_address(process)
        files = (folder / f"{name}.pem" for name in ("ca", "cert", "key"))
        yield Cluster(address, dict(zip(_KEYS.values(), map(str, files), strict=True)))
    finally:
        if process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
        end_group(process)


def _local_command(project: Project, folder: Path) -> tuple[str, ...]:
    """Return what starts a cluster of this machine, with one worker a core."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return (str(project.python("train")), "-P", str(CLUSTER / "local.py"), str(folder), str(cores))


def _await_address(process: subprocess.Popen[bytes]) -> str:
    is_there, line = await_line(process, lambda line: line.startswith("tls://"), _START)
    if not is_there:
        line = line or "it printed no address in time"
        message = f"the cluster of this machine did not start: {line}"
        raise StepFailedError(message)
    return line
