"""Train the model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from trainwheel.cli.runner import Context
from trainwheel.engine.checkpoints import checkpoints_for, forget_checkpoints
from trainwheel.engine.inputs import fingerprint
from trainwheel.engine.run import run_step
from trainwheel.evaluation.repeatability import Repeatability
from trainwheel.steps.shared.facts import facts_of

__all__ = ["run"]


def run(context: Context) -> None:
    """Train, unless nothing that training depends on has changed, and write the report."""
    project, facts = context.project, facts_of(context.project, "train")

    def work(scratch: Path) -> Mapping[str, str]:
        from trainwheel.steps.shared.training import train  # noqa: PLC0415 - only where there is work

        key = fingerprint(project, "train", facts).key
        return train(project, scratch, checkpoints_for(project, key, is_fresh=context.is_forced))

    record = run_step(project, "train", facts, work, force=context.is_forced)
    forget_checkpoints(project, record.fingerprint.key)
    repeats = _repeat(context)
    from trainwheel.steps.report import report  # noqa: PLC0415 - after what may be long

    report(context)
    if repeats is not None:
        repeats.require()


def _repeat(context: Context) -> Repeatability | None:
    if not context.options.has("check-repeatable"):
        return None
    from trainwheel.steps.shared.repeating import check_repeatable  # noqa: PLC0415 - rarely asked for

    return check_repeatable(context.project)
