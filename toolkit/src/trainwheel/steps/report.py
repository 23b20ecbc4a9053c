"""Write the report."""

from __future__ import annotations

from trainwheel.cli.runner import Context
from trainwheel.steps.shared.judging import judge_model
from trainwheel.steps.shared.reporting import write_report

__all__ = ["report", "run"]


def run(context: Context) -> None:
    """Measure the model and write its page, whether the gate lets it pass or not."""
    report(context)
    context.project.console.outcome("report", "build/train/report.html")


def report(context: Context) -> None:
    """Bring the report up to date; the index is asked only where something else has changed."""
    project, to = context.project, context.options.get("to")
    judged = judge_model(project, to, is_fresh=False, force=context.is_forced)
    write_report(project, judged, force=context.is_forced)
