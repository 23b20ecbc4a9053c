"""Lock the Pipfile's packages."""

from __future__ import annotations

import time

from trainwheel.locking import lock
from trainwheel.sessions.runner import Context

__all__ = ["run"]


def run(context: Context) -> None:
    """Make Pipfile.lock anew, or only for the packages named, and print what changed."""
    project, started = context.project, time.monotonic()
    log = project.log_of("lock")
    log.unlink(missing_ok=True)
    changes = lock(project.root, project.environment, context.options.names, log=log)
    for change in changes:
        project.console.line(f"  {change}")
    told = f"{len(changes)} packages changed" if changes else "nothing changed"
    project.console.outcome("lock", told, time.monotonic() - started)
