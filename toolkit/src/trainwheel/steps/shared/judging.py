"""What is known of the model after it was measured, and what the gate says of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainwheel.engine.inputs import fingerprint
from trainwheel.engine.project import Project
from trainwheel.engine.records import read_record
from trainwheel.engine.run import current_record, run_step
from trainwheel.errors import RefusedError
from trainwheel.evaluation.gate import PASSED, Baseline, Check, Difference, Verdict
from trainwheel.steps.shared.baseline import Published, find_published
from trainwheel.steps.shared.facts import PUBLISHED, facts_of

__all__ = [
    "Judged",
    "judge_model",
    "read_judged",
    "refuse_failures",
    "show_verdict",
]


@dataclass(frozen=True)
class Judged:
    """What is known of a model after it was measured.

    Args:
        verdict: Of the gate.
        baseline: What is published.
        measured: What the measuring host told of ``predictions.csv``; empty without that file.
        compared: Metric → new and published value on the same rows.
        is_new: Whether it was found out in this run.
    """

    verdict: Verdict
    baseline: Baseline
    measured: Mapping[str, Any]
    compared: Mapping[str, Difference]
    is_new: bool = False


def judge_model(project: Project, name_asked: str | None, *, is_fresh: bool, force: bool) -> Judged:
    """Return what is known of the trained model, measured anew where anything changed.

    Args:
        project: The model repository.
        name_asked: The index that ``--to`` named.
        is_fresh: Ask the index what is published, also where nothing else has changed; it must
            answer.
        force: Measure in any case.

    Raises:
        TrainwheelError: What training wrote cannot be read, or the index that the gate needs.
        RefusedError: The index cannot be read, and a comparison is demanded.
    """
    facts = facts_of(project, "judge")
    record = read_record(project.records, "judge")
    if record is not None and not is_fresh and not force:
        told = {**facts, PUBLISHED: record.fingerprint.facts.get(PUBLISHED, "")}
        if current_record(project, "judge", fingerprint(project, "judge", told)) is not None:
            return read_judged(project)
    published = _find(project, name_asked)
    if published.error is not None and is_fresh:
        # Its kind and its mend are those of the index; what it is asked for is said beside.
        project.console.notice("the gate compares with what is published")
        if project.config.gate.baseline == "required":
            raise RefusedError(published.reason, hint=published.error.hint)
        raise published.error
    if published.error is not None:
        project.console.notice_once(f"{published.reason}; the report stands alone")

    def work(scratch: Path) -> Mapping[str, str]:
        from trainwheel.steps.shared.measuring import measure_model  # noqa: PLC0415 - only where there is work

        return measure_model(project, published, scratch)

    facts[PUBLISHED] = published.mark
    found = run_step(project, "judge", facts, work, force=force, is_quiet=True)
    if record is None or found.finished > record.finished:
        _new.add(project.root)
    return read_judged(project)


def read_judged(project: Project) -> Judged:
    """Return what the judge step wrote."""
    document = json.loads((project.root / "build/judge/judged.json").read_bytes())
    verdict = dict(document["verdict"])
    checks = tuple(Check(**check) for check in verdict.pop("checks"))
    verdict.pop("outcome")
    return Judged(
        Verdict(checks, **verdict),
        Baseline(**document["baseline"]),
        document["measured"],
        {name: Difference(**row) for name, row in document["compared"].items()},
        is_new=project.root in _new,
    )


def show_verdict(project: Project, judged: Judged) -> None:
    """Print the verdict, as a table unless it is the one of before."""
    verdict = judged.verdict
    if not verdict.outcome:
        return
    is_told = judged.is_new or verdict.outcome != PASSED
    project.console.outcome("gate", verdict.outcome if is_told else f"{verdict.outcome}, unchanged")
    for line in verdict.table() if is_told else ():
        project.console.line(f"  {line}")


def refuse_failures(verdict: Verdict) -> None:
    """Refuse a model that the gate does not let pass.

    Raises:
        RefusedError: It does not.
    """
    failures = verdict.failures()
    if failures:
        more = f", and {len(failures) - 1} more" if len(failures) > 1 else ""
        message = f"the gate does not let this model pass: {failures[0]}{more}"
        raise RefusedError(message, hint="see build/train/report.html")


def _find(project: Project, name_asked: str | None) -> Published:
    """Return what is published; the index is asked once a run, for train and test alike."""
    key = (project.root, name_asked)
    if key not in _found:
        _found[key] = find_published(project, name_asked)
    return _found[key]


_found: dict[tuple[Path, str | None], Published] = {}
_new: set[Path] = set()
