"""Lock the Pipfile's packages."""

from __future__ import annotations

import contextlib
import time

from trainwheel.cli.runner import Context
from trainwheel.index.bindings import Bindings, check_pipfile
from trainwheel.install.lock import lock

__all__ = ["run"]


def run(context: Context) -> None:
    """Make Pipfile.lock anew, or only for the packages named, and print what changed."""
    project, started = context.project, time.monotonic()
    check_pipfile(project.pipfile, Bindings.of(project.config.indexes))
    log = project.log_of("lock")
    log.unlink(missing_ok=True)
    routing = project.routing
    with contextlib.nullcontext("") if routing is None else routing.served() as index_url:
        changes = lock(
            project.root,
            project.environment,
            context.options.names,
            log=log,
            index_url=index_url,
        )
    for change in changes:
        project.console.line(f"  {change}")
    told = f"{len(changes)} packages changed" if changes else "nothing changed"
    project.console.outcome("lock", told, time.monotonic() - started)
