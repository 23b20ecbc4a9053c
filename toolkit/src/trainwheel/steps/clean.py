"""Remove what the steps made."""

from __future__ import annotations

import shutil

from trainwheel.engine.chain import Step
from trainwheel.engine.run import Run

__all__ = ["STEP"]


def _run(run: Run) -> None:
    """Remove the build folder and the artefact; published files and caches stay."""
    layout = run.workspace.layout
    shutil.rmtree(layout.build, ignore_errors=True)
    for path in layout.trained:
        path.unlink(missing_ok=True)
    run.console.outcome("clean", "removed build/ and the trained model")


STEP = Step(
    name="clean",
    target="clean",
    help="Remove what the steps made; published files stay",
    run=_run,
    needs_lockfile=False,
)
