"""Build the wheel and prove it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from trainwheel.cli.runner import Context
from trainwheel.engine.run import require_current, run_step
from trainwheel.steps.shared.facts import facts_of
from trainwheel.steps.shared.releasing import read_release
from trainwheel.steps.shared.staging import describe_tree_drift

__all__ = ["run"]

_MUST_MATCH = ("train", "test", "version")


def run(context: Context) -> None:
    """Build once, from what was trained and tested, unless that is published already."""
    project = context.project
    for step in _MUST_MATCH:
        if step in context.registered:
            require_current(project, step)
    release = read_release(project.root / "build" / "version.json")
    if not release.releases:
        project.console.outcome("package", f"nothing to package, {release.reason}")
        return
    if drift := describe_tree_drift(project):
        project.console.notice(drift)

    def work(scratch: Path) -> Mapping[str, str]:
        from trainwheel.steps.shared.building import build  # noqa: PLC0415 - only where there is work

        return build(project, release, scratch)

    run_step(project, "package", facts_of(project, "package"), work, force=context.is_forced)
