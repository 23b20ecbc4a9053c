"""The Dask cluster that training runs on: its address, its keys, the modules sent to it."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import socket
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trainwheel.engine.entry_points import entries_of, words_of_python
from trainwheel.engine.inputs import SOURCE, code_of_training
from trainwheel.engine.run import Run
from trainwheel.engine.workspace import Workspace
from trainwheel.errors import ConfigurationError, LockfileError, StepFailedError
from trainwheel.guest import CLUSTER
from trainwheel.settings.values import a_scheduler
from trainwheel.system.command import Command
from trainwheel.system.process import Process, await_line, serving
from trainwheel.system.secrets import SecretClass

__all__ = ["Cluster", "Shipment", "cluster_of", "pack", "plan_for", "reach", "scheduler_of"]

_START = 60.0
_ANSWER = 5.0
"""Seconds in which a scheduler must accept a connection."""
_KEYS = {"CA_FILE": "tls_ca_file", "CERT_FILE": "tls_client_cert", "KEY_FILE": "tls_client_key"}
"""End of a variable's name → the argument of distributed for this file."""


@dataclass(frozen=True)
class Cluster:
    """The address of a cluster and the keys for it.

    Args:
        address: Of its scheduler; empty for a cluster of this machine that is still to be started.
        keys: Argument of distributed → path of the key file; empty without TLS.
    """

    address: str = ""
    keys: Mapping[str, str] = field(default_factory=dict)


def cluster_of(workspace: Workspace) -> Cluster | None:
    """Return the cluster that is configured, None for training without one.

    Raises:
        ConfigurationError: The address, a key file, the locked packages or the training command
            cannot be used.
    """
    address = scheduler_of(workspace)
    if workspace.config.engine == "local":
        return None
    if not workspace.locks("engine", "distributed"):
        message = 'tool.trainwheel.train.engine is "dask", but [engine] has no distributed'
        hint = 'add distributed = "*" there and run `nox -s lock`'
        raise LockfileError(message, hint=hint)
    if not address and not workspace.locks("engine", "cryptography"):
        message = "a cluster of this machine needs keys, but [engine] has no cryptography"
        hint = 'add cryptography = "*" there and run `nox -s lock`, or name a scheduler'
        raise LockfileError(message, hint=hint)
    if words_of_python(workspace.training_command(Path("MODEL"), Path("REPORT"))) is None:
        message = "training on a cluster needs a Python command"
        hint = 'let tool.trainwheel.train.command begin with "python -m" or "python FILE"'
        raise ConfigurationError(message, hint=hint)
    return Cluster(address, _keys(workspace, address))


def scheduler_of(workspace: Workspace) -> str:
    """Return the configured address of the scheduler, whatever the engine; empty without one.

    Raises:
        ConfigurationError: It is not an address.
    """
    address = workspace.environment.dask("SCHEDULER")
    if address is None:
        return workspace.config.dask_scheduler
    try:
        return a_scheduler(address)
    except ValueError as error:
        message = f"TRAINWHEEL_DASK_SCHEDULER = {address!r}, but it takes {error}"
        raise ConfigurationError(message) from None


def reach(cluster: Cluster) -> str:
    """Connect to the scheduler of a cluster, and return a description of where it is.

    Raises:
        StepFailedError: It accepts no connection.
    """
    if not cluster.address:
        return "on this machine, started for each training"
    host, _, port = cluster.address.partition("://")[2].rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_ANSWER).close()
    except OSError as error:
        message = f"no scheduler answers at {cluster.address}: {error.strerror or error}"
        raise StepFailedError(message, hint="start it, or correct the address") from None
    return f"{cluster.address} accepts connections"


def _keys(workspace: Workspace, address: str) -> dict[str, str]:
    if not address.startswith("tls://"):
        return {}
    keys = {}
    for name, argument in _KEYS.items():
        key = f"tool.trainwheel.train.dask.{name.lower().replace('_', '-')}"
        variable = workspace.environment.dask(name)
        file = variable or getattr(workspace.config, f"dask_{name.lower()}")
        if not file:
            message = f"{address} needs keys, and neither {key} nor TRAINWHEEL_DASK_{name} is set"
            raise ConfigurationError(message, hint="name the three files, or use tcp://")
        path = workspace.layout.root / Path(file).expanduser()
        if not os.access(path, os.R_OK):
            where = f"TRAINWHEEL_DASK_{name}" if variable else key
            message = f"{where} = {file!r}, a file that cannot be read"
            raise ConfigurationError(message, hint="correct the path or its permissions")
        keys[argument] = str(path)
    return keys


@contextlib.contextmanager
def plan_for(
    run: Run,
    scratch: Path,
    variables: Mapping[str, str],
    secrets: frozenset[SecretClass] = frozenset(),
) -> Iterator[dict[str, Any] | None]:
    """Yield the part of the training host's plan about the cluster; None without a cluster.

    A cluster of this machine is started, and ended afterwards.

    Args:
        run: This run.
        scratch: A folder for keys and for the archive of modules.
        variables: Those of training, for workers that are started here.
        secrets: The classes of secrets that workers may see.

    Raises:
        TrainwheelError: The cluster cannot be used.
    """
    cluster = cluster_of(run.workspace)
    if cluster is None:
        if run.environment.dask("SCHEDULER"):
            notice = "TRAINWHEEL_DASK_SCHEDULER is not used: tool.trainwheel.train.engine is local"
            run.console.notice_once(notice)
        yield None
        return
    shipment = pack(run.workspace)
    archive, folder = scratch / "modules.zip", scratch / "cluster"
    archive.write_bytes(shipment.content)
    env = {**run.tools.variables("train"), **variables}
    command = Command(_local_command(run, folder), run.workspace.layout.root, env, secrets)
    with _started(run.workspace, cluster, folder, command) as running:
        yield {
            "address": running.address,
            "security": dict(running.keys),
            "name": run.workspace.config.package,
            "archive": str(archive),
            "digest": shipment.digest,
            "folders": list(shipment.folders),
            "modules": list(shipment.modules),
        }


@contextlib.contextmanager
def _started(
    workspace: Workspace, cluster: Cluster, folder: Path, command: Command
) -> Iterator[Cluster]:
    if cluster.address:
        yield cluster
        return
    folder.mkdir(mode=0o700)
    with serving(command, workspace.environment) as process:
        address = _await_address(process)
        files = (folder / f"{name}.pem" for name in ("ca", "cert", "key"))
        yield Cluster(address, dict(zip(_KEYS.values(), map(str, files), strict=True)))


def _local_command(run: Run, folder: Path) -> tuple[str, ...]:
    """Return the command that starts a cluster of this machine, with a worker per core."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    python = str(run.tools.python("train"))
    return (python, "-P", str(CLUSTER / "local.py"), str(folder), str(cores))


def _await_address(process: Process) -> str:
    is_there, line = await_line(process, lambda line: line.startswith("tls://"), _START)
    if not is_there:
        line = line or "it printed no address in time"
        message = f"the cluster of this machine did not start: {line}"
        raise StepFailedError(message)
    return line


_HOST = ".trainwheel"
"""Folder of the archive that holds the library's own modules."""

_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Shipment:
    """An archive of modules.

    Args:
        content: A zip; its bytes depend on the files only.
        folders: Folders in it for sys.path, in order.
        modules: Names that can be imported from it, without the programs.
    """

    content: bytes
    folders: tuple[str, ...]
    modules: tuple[str, ...]

    @property
    def digest(self) -> str:
        """The sha256 of the archive."""
        return hashlib.sha256(self.content).hexdigest()


def pack(workspace: Workspace) -> Shipment:
    """Return an archive of the modules that training imports and of the worker's own.

    Raises:
        ConfigurationError: A symbolic link is part of a loop.
    """
    closure, root = code_of_training(workspace), workspace.layout.root
    # Imports that the text does not show are of modules below the source root, in general.
    source = map(Path, SOURCE.read(workspace))
    paths = sorted(closure | {path for path in source if path.suffix == ".py"})
    files = {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}
    host = {
        f"{_HOST}/trainwheel_cluster/{path.name}": path.read_bytes()
        for path in sorted(CLUSTER.glob("*.py"))
    }
    modules = _modules(workspace, sorted(closure))
    folders = dict.fromkeys((workspace.config.source, ".", _HOST))
    return Shipment(_zip({**files, **host}), tuple(folders), tuple(modules))


def _modules(workspace: Workspace, paths: Iterable[Path]) -> Iterator[str]:
    """Yield the names under which modules are imported, without the programs."""
    command = workspace.training_command(Path("MODEL"), Path("REPORT"))
    programs = set(entries_of(command, workspace.layout.root, workspace.layout.source) or ())
    for path in paths:
        is_below = path.is_relative_to(workspace.layout.source)
        if path in programs or not is_below or path.suffix != ".py" or path.name == "__main__.py":
            continue
        parts = path.relative_to(workspace.layout.source).with_suffix("").parts
        names = parts[:-1] if parts[-1] == "__init__" else parts
        if names and all(part.isidentifier() for part in names):
            yield ".".join(names)


def _zip(files: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), content)
    return stream.getvalue()
