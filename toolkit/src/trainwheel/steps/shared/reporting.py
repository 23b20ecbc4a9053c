"""Keep the report, the table for a pull request and the model card up to date."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from trainwheel.engine.project import Project
from trainwheel.engine.run import run_step
from trainwheel.steps.shared.facts import facts_of
from trainwheel.steps.shared.judging import Judged

__all__ = ["write_report"]


def write_report(project: Project, judged: Judged, *, force: bool = False) -> None:
    """Write the report into ``build/train``, unless what it tells has not changed."""

    def work(scratch: Path) -> Mapping[str, str]:
        from trainwheel.steps.shared.laying_out import lay_out  # noqa: PLC0415 - only where there is work

        return lay_out(project, judged, scratch)

    run_step(project, "report", facts_of(project, "report"), work, force=force, is_quiet=True)
