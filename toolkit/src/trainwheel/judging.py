"""Measure the model, and judge it by the gate and by what is published."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from trainwheel.baseline import Published, answers_of, ask_rows, find_published
from trainwheel.errors import RefusedError, StepFailedError, TrainwheelError
from trainwheel.facts import PUBLISHED, facts_of
from trainwheel.gate import PASSED, Baseline, Check, Difference, Verdict, judge
from trainwheel.hosts import DRAW, MEASURING
from trainwheel.inputs import fingerprint
from trainwheel.lockfile import requirements
from trainwheel.metrics import parse_metrics, split_intervals
from trainwheel.pipfile import canonical_category
from trainwheel.process import Command, run
from trainwheel.project import Project
from trainwheel.proving import Model
from trainwheel.state import read_record
from trainwheel.steps import current_record, run_step

__all__ = [
    "Judged",
    "judge_model",
    "read_judged",
    "read_metrics",
    "refuse_failures",
    "show_verdict",
]

_TRAINING = ("packages", "train")


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
        is_fresh: Ask the index what is published, also where nothing else has changed.
        force: Measure in any case.

    Raises:
        StepFailedError: What training wrote cannot be read, or the index that the gate needs.
    """
    facts = facts_of(project, "judge")
    record = read_record(project.records, "judge")
    if record is not None and not is_fresh and not force:
        told = {**facts, PUBLISHED: record.fingerprint.facts.get(PUBLISHED, "")}
        if current_record(project, "judge", fingerprint(project, "judge", told)) is not None:
            return read_judged(project)
    published = _find(project, name_asked)
    if published.is_unreadable and project.config.gate.compares:
        raise StepFailedError(published.reason, hint="the gate compares with what is published")
    if published.is_unreadable:
        project.console.notice_once(f"{published.reason}; the report stands alone")

    def work(scratch: Path) -> Mapping[str, str]:
        return _judge(project, published, scratch)

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


def read_metrics(project: Project) -> dict[str, int | float]:
    """Return what training wrote to ``metrics.json``; empty where it wrote none.

    Raises:
        StepFailedError: It is no JSON object of finite numbers.
    """
    path = project.root / "build/train/metrics.json"
    return parse_metrics(path.read_bytes()) if path.is_file() else {}


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


def _judge(project: Project, published: Published, scratch: Path) -> Mapping[str, str]:
    folder = scratch / "judge"
    folder.mkdir()
    baseline, gate = published.baseline(project), project.config.gate
    metrics, _ = split_intervals(read_metrics(project))
    names = [*metrics, *(rule.metric for rule in gate.rules)]
    measured = _measure(project, names, scratch)
    compared, why = _compare(project, published, names, scratch)
    verdict = judge(
        gate.rules,
        metrics,
        baseline,
        compared,
        is_required=gate.baseline == "required",
        why_stored=why,
    )
    _draw(project, measured, scratch, folder)
    measured.pop("sample", None)
    document = {
        "verdict": verdict.as_json(),
        "baseline": asdict(baseline),
        "measured": measured,
        "compared": {name: asdict(difference) for name, difference in compared.items()},
    }
    (folder / "judged.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    (folder / "verdict.md").write_text(verdict.markdown(), encoding="utf-8")
    return {"summary": verdict.outcome or "measured"}


def _measure(project: Project, names: Sequence[str], scratch: Path) -> dict[str, Any]:
    path = project.root / "build/train/predictions.csv"
    if not path.is_file():
        return {}
    if not any(locked.name == "numpy" for locked in requirements(project.lock, *_TRAINING)):
        project.console.notice_once("predictions.csv is not measured: no numpy is locked")
        return {}
    request = {"predictions": str(path), "names": names, "positive": project.config.gate.positive}
    answer, problem = _ask_host(project, request, scratch / "measure.json")
    if problem:
        raise StepFailedError(problem, hint="let training write y_true, y_pred and score_<class>")
    return dict(answer["predictions"])


def _compare(
    project: Project, published: Published, names: Sequence[str], scratch: Path
) -> tuple[dict[str, Difference], str]:
    """Return how the model differs from what is published on the same rows, or why not."""
    rows = project.root / "build/train/holdout.jsonl"
    if not published.version or not project.config.gate.compares:
        return {}, ""
    if not rows.is_file():
        return {}, "training left no holdout.jsonl"
    model = Model(
        project.config.predict,
        project.python("train"),
        project.environment,
        log=project.log_of("judge"),
        variables={**project.variables("train"), "PYTHONPATH": str(project.source)},
    )
    new = ask_rows(model, rows, scratch / "new")
    try:
        old = answers_of(project, published.wheel(project), rows, scratch / "old")
    except TrainwheelError as error:
        return {}, f"it cannot be asked here, {error.message}"
    request = {
        "holdout": str(rows),
        "new": str(new),
        "old": str(old),
        "names": names,
        "positive": project.config.gate.positive,
    }
    answer, problem = _ask_host(project, request, scratch / "compare.json")
    if problem:
        return {}, problem
    told = answer["comparison"]
    return {n: Difference(**row, rows=told["rows"]) for n, row in told["metrics"].items()}, ""


def _ask_host(
    project: Project, request: Mapping[str, Any], path: Path
) -> tuple[dict[str, Any], str]:
    """Return the measuring host's answer, or one line that says why there is none."""
    answer = path.with_suffix(".answer")
    path.write_text(json.dumps(request), encoding="utf-8")
    argv = (str(project.python("train")), "-P", "-m", MEASURING.name, str(path), str(answer))
    env = {**project.variables("train"), "PYTHONPATH": str(MEASURING.parent)}
    completed = run(Command(argv, env=env), project.environment, log=project.log_of("judge"))
    if completed.failed:
        return {}, completed.last_line
    return json.loads(answer.read_bytes()), ""


def _draw(project: Project, measured: Mapping[str, Any], scratch: Path, folder: Path) -> None:
    """Draw the pictures of the report, where matplotlib is locked for them."""
    if "sample" not in measured:
        return
    has_report = canonical_category("report") in project.lock.categories
    locked = project.lock.packages("report") if has_report else ()
    if not any(package.name == "matplotlib" for package in locked):
        project.console.notice_once(
            "the report has no pictures: add matplotlib to [report] of the Pipfile, and lock"
        )
        return
    path = scratch / "draw.json"
    path.write_text(json.dumps(measured), encoding="utf-8")
    environment = project.envdir / "report"
    installer = project.installer("judge")
    python = installer.ensure(environment, project.locked("packages", "report"))
    argv = (str(python), "-P", str(DRAW), str(path), str(folder))
    env = {"MPLCONFIGDIR": str(environment / "matplotlib"), "PYTHONHASHSEED": "0"}
    completed = run(Command(argv, env=env), project.environment, log=project.log_of("judge"))
    if completed.failed:
        message = f"the report's pictures cannot be drawn: {completed.last_line}"
        raise StepFailedError(message, hint="see build/log/judge.log")
