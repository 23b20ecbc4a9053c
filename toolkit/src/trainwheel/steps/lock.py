"""Lock the Pipfile's packages."""

from __future__ import annotations

import time

from trainwheel.engine.chain import Step
from trainwheel.engine.run import Run
from trainwheel.index.bindings import Bindings, check_pipfile
from trainwheel.requirements.addresses import refuse_line_secrets
from trainwheel.steps.shared.synced import read_files

__all__ = ["STEP"]


def _run(run: Run) -> None:
    """Lock all packages, or update only those named, and print what changed."""
    workspace, start = run.workspace, time.monotonic()
    root = workspace.layout.root
    refuse_line_secrets(read_files(root, "Pipfile"))
    check_pipfile(workspace.pipfile, Bindings.of(workspace.config.indexes))
    log = workspace.layout.log("lock")
    log.unlink(missing_ok=True)
    from trainwheel.install.lock import lock

    with run.tools.served_index() as index_url:
        changes = lock(root, run.environment, run.options.names, log=log, index_url=index_url)
    for change in changes:
        run.console.line(f"  {change}")
    summary = f"{len(changes)} packages changed" if changes else "nothing changed"
    run.console.outcome("lock", summary, time.monotonic() - start)


STEP = Step(
    name="lock",
    help="Lock the Pipfile's packages, all of them or only those named",
    run=_run,
    takes_names="PACKAGE",
    needs_lockfile=False,
)
