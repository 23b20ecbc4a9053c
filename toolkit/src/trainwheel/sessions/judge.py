"""Judge the model."""

from __future__ import annotations

from trainwheel.judging import judge_model, refuse_failures, show_verdict
from trainwheel.junit import with_gate
from trainwheel.reporting import write_report
from trainwheel.sessions.runner import Context
from trainwheel.state import write_atomically

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
    tests = project.root / "build/test/pytest.xml"
    if tests.is_file():
        merged = with_gate(tests.read_bytes(), judged.verdict)
        write_atomically(tests.with_name("junit.xml"), merged)
    show_verdict(project, judged)
    refuse_failures(judged.verdict)
