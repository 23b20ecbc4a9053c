"""Write the locked requirements into the file that lists them."""

from __future__ import annotations

from trainwheel.cli.runner import Context
from trainwheel.cli.sync import choose_engine
from trainwheel.steps.shared.syncing import examine, settle

__all__ = ["run"]


def run(context: Context) -> None:
    """Bring the file up to date; with ``--check`` print the difference and write nothing."""
    project, options = context.project, context.options
    engine, settings = choose_engine(
        options.get("engine"), project.config.sync, project.envdir, project.environment
    )
    synced = examine(project.root, settings, engine)
    console, check = project.console, options.has("check")
    settle(project.root, synced, check=check, console=console, show=console)
