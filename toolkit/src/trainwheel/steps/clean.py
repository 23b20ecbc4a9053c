"""Remove what the steps made."""

from __future__ import annotations

import shutil

from trainwheel.cli.runner import Context

__all__ = ["run"]


def run(context: Context) -> None:
    """Remove the build folder and the artefact; published files and caches stay."""
    project = context.project
    shutil.rmtree(project.root / "build", ignore_errors=True)
    for path in project.trained:
        path.unlink(missing_ok=True)
    project.console.outcome("clean", "removed build/ and the trained model")
