"""Decide the version to release."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from trainwheel.cli.runner import Context
from trainwheel.engine.run import run_step
from trainwheel.steps.shared.facts import DECISION
from trainwheel.steps.shared.releasing import decide_release
from trainwheel.steps.shared.staging import release_key

__all__ = ["run"]


def run(context: Context) -> None:
    """Ask the index what is published and write the decision to build/version.json."""
    project = context.project
    project.require_artefact()
    release = decide_release(project, context.options.get("to"), release_key(project))

    def work(scratch: Path) -> Mapping[str, str]:
        (scratch / "version.json").write_text(release.render(), encoding="utf-8")
        return {}

    told = f"{release.version}, {release.reason}" if release.releases else release.reason
    facts = {DECISION: release.mark}
    run_step(project, "version", facts, work, summary=told, force=context.is_forced)
