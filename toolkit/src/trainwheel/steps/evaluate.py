"""Measure the model, compare it with the baseline, and apply the gate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

from trainwheel.engine.chain import FORCE, JOBS, TO, VERBOSE, WAIT, Step
from trainwheel.engine.execute import current_record, run_step
from trainwheel.engine.inputs import ARTEFACT, MEASURED, PACKAGE, fingerprint, learned_facts
from trainwheel.engine.layout import Layout
from trainwheel.engine.records import Record, read_record, write_record
from trainwheel.engine.run import Run
from trainwheel.engine.workspace import Workspace
from trainwheel.errors import RefusedError
from trainwheel.evaluation import gate
from trainwheel.evaluation.gate import PASSED, Verdict
from trainwheel.guest import DRAW, MEASURING, PREDICT
from trainwheel.steps.report import write_report
from trainwheel.steps.shared.baseline import Published, find_published
from trainwheel.steps.shared.findings import Evaluation, read_evaluation
from trainwheel.system.digest import digest_file, digest_json
from trainwheel.system.files import write_atomically

__all__ = ["STEP", "evaluate_model", "pass_gate"]

PUBLISHED = "what is published"
"""What only the index knows."""


def _run(run: Run) -> None:
    """Measure the model; if this session was requested by name, the gate must pass as well."""
    run.workspace.require_artefact()
    if STEP.name in run.named:
        pass_gate(run)
    else:
        evaluate_model(run, is_fresh=False)


def pass_gate(run: Run) -> None:
    """Compare with what is published now, and refuse a model that does not pass the gate.

    The verdict is written to the report and to the test results first.

    Raises:
        RefusedError: The model does not pass the gate.
    """
    layout = run.workspace.layout
    verdict = evaluate_model(run, is_fresh=run.workspace.config.gate.compares).verdict
    write_report(run)
    _write_junit(layout, verdict)
    _show(run, verdict)
    if failures := verdict.failures():
        more = f", and {len(failures) - 1} more" if len(failures) > 1 else ""
        message = f"the model does not pass the gate: {failures[0]}{more}"
        raise RefusedError(message, hint=f"see {layout.relative(layout.report)}")


def _write_junit(layout: Layout, verdict: Verdict) -> None:
    """Write test results and verdict into one JUnit file, unless it is newer than both."""
    tests, junit = layout.test / "pytest.xml", layout.junit
    if not tests.is_file():
        return
    time_of_writing = junit.stat().st_mtime_ns if junit.is_file() else 0
    if any(path.stat().st_mtime_ns >= time_of_writing for path in (tests, layout.verdict)):
        from trainwheel.evaluation.junit import with_gate

        write_atomically(junit, with_gate(tests.read_bytes(), verdict))


def evaluate_model(run: Run, *, is_fresh: bool) -> Evaluation:
    """Return the evaluation of the trained model, measured again if anything has changed.

    Args:
        run: This run.
        is_fresh: Ask the index even if nothing else has changed, and fail if it does not answer.

    Raises:
        TrainwheelError: The files of training, or an index that the gate needs, cannot be read.
        RefusedError: The index cannot be read, and the gate requires a baseline.
    """
    workspace, record = run.workspace, _record_apart_from_index(run)
    if record is not None and not is_fresh:
        return read_evaluation(workspace.layout)
    name_asked = run.options.get("to")
    published = run.once((PUBLISHED, name_asked), lambda: find_published(run, name_asked))
    if published.error is not None and is_fresh:
        # Its kind and its fix are those of the index; what it is asked for is said beside.
        run.console.notice("the gate needs the baseline, which only the index knows")
        if workspace.config.gate.baseline == "required":
            raise RefusedError(published.reason, hint=published.error.hint)
        raise published.error
    if published.error is not None:
        run.console.notice_once(f"{published.reason}; the report has no comparison")

    if record is not None and _holds(run, record, published):
        return read_evaluation(workspace.layout)

    def work(scratch: Path) -> Mapping[str, str]:
        from trainwheel.steps.shared.measure import measure_model

        return measure_model(run, published, scratch)

    run_step(run, STEP, work, learned={PUBLISHED: published.mark}, is_quiet=True)
    return read_evaluation(workspace.layout)


def _record_apart_from_index(run: Run) -> Record | None:
    """Return the record if it is up to date, apart from what only the index knows."""
    record = read_record(run.workspace.layout.records, STEP.name)
    if record is None or run.is_forced(STEP.name):
        return None
    now = fingerprint(run.workspace, STEP, learned_facts(STEP, record.fingerprint))
    return current_record(run, STEP, now)


def _holds(run: Run, record: Record, published: Published) -> bool:
    """Return whether nothing is new on the index, or only a release of this very model.

    Then the report keeps the comparison with the release before. What failed or was left to the
    upload is evaluated again.
    """
    layout, before = run.workspace.layout, record.fingerprint
    facts = {**before.facts, PUBLISHED: published.mark}
    if facts == before.facts:
        return True
    verdict = read_evaluation(layout).verdict
    if verdict.failures() or verdict.defers or not published.has_model_of(run.workspace):
        return False
    write_record(layout.records, replace(record, fingerprint=replace(before, facts=facts)))
    return True


def _show(run: Run, verdict: Verdict) -> None:
    """Print the verdict: as a table, or on one line if it passed before and passes still."""
    if not verdict.outcome:
        return
    has_table = STEP.name in run.made or verdict.outcome != PASSED
    run.console.outcome("gate", verdict.summary if has_table else f"{verdict.summary}, unchanged")
    for line in verdict.table() if has_table else ():
        run.console.line(f"  {line}")


def _prepare(run: Run) -> None:
    from trainwheel.steps.shared.measure import make_painter

    make_painter(run)


def _facts(workspace: Workspace) -> dict[str, str]:
    config = workspace.config
    # The gate too: a verdict that another version of it gave is not up to date.
    ours = (Path(gate.__file__).with_name(f"{name}.py") for name in ("gate", "metrics", "skew"))
    paths = (*sorted(MEASURING.glob("*.py")), DRAW, PREDICT, *ours)
    scripts = [digest_file(path) for path in paths]
    return {
        **workspace.environment.facts,
        "tool.trainwheel.gate": digest_json(asdict(config.gate)),
        "tool.trainwheel.predict": config.predict,
        "tool.trainwheel.task": digest_json([config.task, config.labels, config.positive]),
        "tool.trainwheel.tolerance": str(config.tolerance),
        "the measuring scripts": digest_json(scripts),
        "the packages of pictures": workspace.locked_digest(*config.model_categories, "report"),
    }


STEP = Step(
    name="evaluate",
    help="Measure the model, and apply the gate",
    run=_run,
    needs=("train",),
    is_link=True,
    category="train",
    prepare=_prepare,
    inputs=(MEASURED, PACKAGE, ARTEFACT),
    facts=_facts,
    learns=(PUBLISHED,),
    outputs=lambda layout: (layout.evaluation,),
    flags=(TO, FORCE, WAIT, VERBOSE, JOBS),
)
