"""Bring the data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from trainwheel.cli.runner import Context
from trainwheel.engine.run import run_step

__all__ = ["run"]


def run(context: Context) -> None:
    """Bring the data that training reads, unless it is as it was; silent where nothing is to do."""
    project = context.project
    if not project.brings_data:
        if "data" in context.named:
            told = "nothing to bring: neither data.command nor a .dvc file beside the data"
            project.console.outcome("data", told)
        return
    from trainwheel.steps.shared.bringing import accept, bring, data_facts, has_moved  # noqa: PLC0415

    is_accepted = context.options.has("accept")

    def work(scratch: Path) -> Mapping[str, str]:
        return bring(project, scratch, is_accepted=is_accepted)

    force = context.is_forced or has_moved(project)
    run_step(project, "data", data_facts(project), work, force=force)
    if is_accepted:
        project.console.line(f"{accept(project)} written: commit it")
