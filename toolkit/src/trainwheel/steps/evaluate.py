"""Judge the model."""

from __future__ import annotations

from trainwheel.cli.runner import Context
from trainwheel.engine.project import Project
from trainwheel.evaluation.gate import Verdict
from trainwheel.steps.shared.judging import judge_model, refuse_failures, show_verdict
from trainwheel.steps.shared.reporting import write_report
from trainwheel.system.files import write_atomically

__all__ = ["judge", "run"]


def run(context: Context) -> None:
    """Compare with what is published now, and refuse a model that the gate does not let pass."""
    context.project.require_artefact()
    judge(context)


def judge(context: Context) -> None:
    """Judge the model, write the verdict into report and JUnit file, and show it.

    Raises:
        RefusedError: The gate does not let the model pass.
    """
    project, to = context.project, context.options.get("to")
    is_fresh = project.config.gate.compares
    judged = judge_model(project, to, is_fresh=is_fresh, force=context.is_forced)
    write_report(project, judged)
    _write_junit(project, judged.verdict)
    show_verdict(project, judged)
    refuse_failures(judged.verdict)


def _write_junit(project: Project, verdict: Verdict) -> None:
    """Write the tests and the gate's verdict into one file, unless it is newer than both."""
    sources = [project.root / "build/test/pytest.xml", project.root / "build/judge/judged.json"]
    merged = sources[0].with_name("junit.xml")
    if not sources[0].is_file():
        return
    written = merged.stat().st_mtime_ns if merged.is_file() else 0
    if all(path.stat().st_mtime_ns < written for path in sources):
        return
    from trainwheel.evaluation.junit import with_gate  # noqa: PLC0415 - only where there is work

    write_atomically(merged, with_gate(sources[0].read_bytes(), verdict))
