"""What is checked of a cluster before any training: each check ends in one line, and soon."""

from __future__ import annotations

import contextlib
import platform
import threading
import time
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import metadata
from typing import Any

from distributed import Client, Security

from .backend import ClusterError

__all__ = ["Deadline", "check_imports", "check_task", "check_versions", "connect"]

_CONNECT = 10.0
_ALIKE = ("scikit-learn", "numpy", "scipy", "joblib", "cloudpickle", "dask", "distributed")
"""Packages of which a cluster must have the locked versions: what computes, and what pickles."""

_LOCKED = "start the cluster with what Pipfile.lock holds in [packages], [train] and [engine]"
_SEE = "look at its processes and their logs"


class Deadline:
    """The time that the checks have in all.

    Args:
        seconds: From now on.
    """

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds
        self.doing = "the cluster does not answer"

    @property
    def left(self) -> float:
        """Seconds that are left, at least a tenth."""
        return max(0.1, self._end - time.monotonic())

    @contextlib.contextmanager
    def watched(self, late: Callable[[ClusterError], None]) -> Iterator[None]:
        """Call ``late``, from another thread, if the body is not done in time."""
        timer = threading.Timer(self.left, lambda: late(ClusterError(self.doing, _SEE)))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


def connect(address: str, security: Mapping[str, str], deadline: Deadline) -> Client:
    """Return a client of the scheduler.

    Raises:
        ClusterError: There is none, or the two do not trust each other.
    """
    deadline.doing = f"no scheduler answers at {address}"
    keys = Security(require_encryption=True, **security) if security else None
    try:
        # One line below says that the versions differ.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Client(address, timeout=min(_CONNECT, deadline.left), security=keys)
    except (OSError, ValueError, TimeoutError) as error:
        reason = _reason(error)
        hint = "start it, or correct the address and the certificates"
        message = f"no scheduler answers at {address}" + (f": {reason}" if reason else "")
        raise ClusterError(message, hint) from None


def _reason(error: BaseException) -> str:
    """Return what lies behind an error: distributed tells of the time alone."""
    while error.__cause__ is not None or error.__context__ is not None:
        error = error.__cause__ or error.__context__ or error
    return "" if isinstance(error, TimeoutError) else str(error).partition("\n")[0]


def check_versions(client: Client, deadline: Deadline) -> int:
    """Check that scheduler and workers have the versions of this environment; count the workers.

    Raises:
        ClusterError: They have not, or there is no worker.
    """
    deadline.doing = "the cluster has no worker"
    # A cluster that grows on demand starts workers once there is work.
    probe = client.submit(_probe(), key=f"probe-{uuid.uuid4().hex}")
    while not client.scheduler_info(n_workers=-1)["workers"]:
        if deadline.left <= 1:
            raise ClusterError(deadline.doing, "start workers, or wait until they have joined")
        time.sleep(0.1)
    probe.release()
    deadline.doing = "the cluster does not tell its versions"
    versions = client.get_versions(packages=list(_ALIKE))
    workers = {f"worker {address}": worker for address, worker in versions["workers"].items()}
    for who, process in {"the scheduler": versions["scheduler"], **workers}.items():
        must_have = _ALIKE if who in workers else ("dask", "distributed")
        if differing := _differing(process, must_have):
            message = f"{who} has {', '.join(differing)}"
            raise ClusterError(message, _LOCKED)
    return len(versions["workers"])


def _differing(process: Any, must_have: Sequence[str]) -> list[str]:
    packages = process["packages"] if isinstance(process, Mapping) else {}
    python = ".".join(str(packages.get("python", "unknown")).split(".")[:2])
    here = ".".join(platform.python_version_tuple()[:2])
    differing = [f"Python {python} instead of {here}"] if python != here else []
    for name in _ALIKE:
        theirs, ours = packages.get(name), _version(name)
        if theirs != ours and ours is not None and (theirs is not None or name in must_have):
            differing.append(f"{name} {theirs or 'missing'} instead of {ours}")
    return differing


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def check_imports(client: Client, modules: Sequence[str], deadline: Deadline) -> None:
    """Check that each worker can import the modules of the repository.

    Raises:
        ClusterError: One cannot.
    """
    deadline.doing = "the workers do not import the modules of this repository"
    for address, problem in client.run(_importer(), list(modules)).items():
        if problem:
            message = f"worker {address} cannot import {problem}"
            raise ClusterError(message, _LOCKED)


def check_task(client: Client, deadline: Deadline) -> None:
    """Check that a task comes back.

    Raises:
        ClusterError: It does not, in time.
    """
    deadline.doing = "no worker takes a task: all are busy, or cannot reach each other"
    key = f"preflight-{uuid.uuid4().hex}"
    try:
        answer = client.submit(_echo(), key, key=key).result(timeout=deadline.left)
    except TimeoutError:
        hint = "wait, or give the training a cluster of its own"
        raise ClusterError(deadline.doing, hint) from None
    if answer != key:
        message = "the cluster returned something else than what a task computed"
        raise ClusterError(message, _SEE)


# Made in functions, so that they are pickled by value: nothing of ours is on a cluster yet.
def _probe() -> Callable[[], None]:
    def probe() -> None:
        return None

    return probe


def _echo() -> Callable[[str], str]:
    def echo(text: str) -> str:
        return text

    return echo


def _importer() -> Callable[[Sequence[str]], str]:
    def import_all(modules: Sequence[str]) -> str:
        import importlib  # noqa: PLC0415 - the function travels alone

        for name in modules:
            try:
                importlib.import_module(name)
            except BaseException as error:  # noqa: BLE001 - whatever the module raises
                return f"{name}: {type(error).__name__}: {error}"
        return ""

    return import_all
