"""Train the model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from trainwheel.facts import facts_of
from trainwheel.sessions.runner import Context
from trainwheel.steps import run_step

__all__ = ["run"]


def run(context: Context) -> None:
    """Train, unless nothing that training depends on has changed, and write the report."""
    project = context.project

    def work(scratch: Path) -> Mapping[str, str]:
        from trainwheel.training import train  # noqa: PLC0415 - only where there is work

        return train(project, scratch)

    run_step(project, "train", facts_of(project, "train"), work, force=context.is_forced)
    from trainwheel.sessions.report import report  # noqa: PLC0415 - after what may be long

    report(context)
