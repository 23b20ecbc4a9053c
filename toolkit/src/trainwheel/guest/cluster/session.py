"""Connect to a cluster, check it, ship the sources, and let joblib work there."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import dask
import joblib
from distributed import Client

from .backend import NAME, ClusterError, register
from .preflight import Deadline, check_imports, check_task, check_versions, connect
from .shipping import worker_plugin
from .watching import watch

__all__ = ["working_on"]

_PREFLIGHT = 20.0
"""Seconds for all the checks: with what starts before them, a bad cluster is reported within 30."""


@contextlib.contextmanager
def working_on(
    plan: Mapping[str, Any], say: Callable[[str], None], give_up: Callable[[ClusterError], None]
) -> Iterator[dict[str, Any]]:
    """Let every ``joblib.Parallel`` of the body work on a cluster.

    Args:
        plan: ``address``, ``security`` (the arguments of distributed's class), ``name`` of the
            project, ``archive``, ``digest`` and ``folders`` of what is shipped, and ``modules``
            to import from it.
        say: Told what a person should know.
        give_up: Called, from another thread, when nothing more can come of it.

    Yields:
        Facts of the cluster, whole once the body is done.

    Raises:
        ClusterError: The cluster cannot train this.
    """
    # What goes wrong is one line; the library's own logs would repeat it at length.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    dask.config.set({"distributed.admin.large-graph-warning-threshold": "1TB"})
    register()
    with contextlib.ExitStack() as stack:
        client, facts = _prepare(plan, give_up, stack)
        say(f"{facts['workers']} workers of {plan['address']}")
        losses = stack.enter_context(watch(client, say, give_up))
        try:
            with joblib.parallel_config(backend=NAME):
                yield facts
        finally:
            facts |= {"lost_workers": losses.workers, "repeated_tasks": losses.tasks}


def _prepare(
    plan: Mapping[str, Any], give_up: Callable[[ClusterError], None], stack: contextlib.ExitStack
) -> tuple[Client, dict[str, Any]]:
    deadline = Deadline(_PREFLIGHT)
    with deadline.watched(give_up):
        client = stack.enter_context(
            contextlib.closing(connect(plan["address"], plan["security"], deadline))
        )
        workers = check_versions(client, deadline)
        deadline.doing = "the workers do not take the modules of this repository"
        name = f"trainwheel-{plan['name']}"
        archive = Path(plan["archive"]).read_bytes()
        stack.callback(_take_away, client, name)
        client.register_plugin(worker_plugin(archive, plan["digest"], plan["folders"]), name=name)
        check_imports(client, plan["modules"], deadline)
        check_task(client, deadline)
    return client, {"address": plan["address"], "workers": workers}


def _take_away(client: Client, name: str) -> None:
    """Take what was shipped away again, unless that takes longer than it is worth."""

    def remove() -> None:
        with contextlib.suppress(Exception):
            client.unregister_worker_plugin(name)

    remover = threading.Thread(target=remove, daemon=True)
    remover.start()
    remover.join(5)
