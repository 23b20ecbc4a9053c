"""Measure the trained model and what is published, in environments that can."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from trainwheel.engine.project import Project
from trainwheel.errors import StepFailedError, TrainwheelError
from trainwheel.evaluation.gate import Difference, judge
from trainwheel.evaluation.metrics import check_intervals, split_intervals
from trainwheel.evaluation.skew import read_trained, refuse_skew
from trainwheel.guest import DRAW, MEASURING
from trainwheel.requirements.lockfile import requirements
from trainwheel.requirements.pipfile import canonical_category
from trainwheel.steps.shared.asking import HeldOut, answers_of, ask_rows, read_held_out
from trainwheel.steps.shared.baseline import Published
from trainwheel.steps.shared.prove import Model
from trainwheel.steps.shared.report_files import read_metrics
from trainwheel.system.process import Command, run

__all__ = ["measure_model"]

_TRAINING = ("packages", "train")


def measure_model(project: Project, published: Published, scratch: Path) -> Mapping[str, str]:
    """Measure the model, compare and judge it, and write what was found to ``scratch / "judge"``.

    Raises:
        StepFailedError: What training wrote cannot be read, or contradicts itself.
        RefusedError: What ships answers otherwise than training said.
    """
    folder = scratch / "judge"
    folder.mkdir()
    baseline, gate = published.baseline(project), project.config.gate
    metrics, intervals = split_intervals(read_metrics(project))
    check_intervals(metrics, intervals)
    names = [*metrics, *(rule.metric for rule in gate.rules)]
    measured = _measure(project, metrics, names, scratch)
    rows = _ask_shipped(project, scratch / "new")
    compared, why = _compare(project, published, rows, names, scratch)
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


def _measure(
    project: Project, metrics: Mapping[str, float], names: Sequence[str], scratch: Path
) -> dict[str, Any]:
    path = project.root / "build/train/predictions.csv"
    if not path.is_file():
        return {}
    if not any(locked.name == "numpy" for locked in requirements(project.lock, *_TRAINING)):
        project.console.notice_once("predictions.csv is not measured: no numpy is locked")
        return {}
    request = {
        "predictions": str(path),
        "names": names,
        "claims": metrics,
        "positive": project.config.gate.positive,
    }
    answer, problem = _ask_host(project, request, scratch / "measure.json")
    if problem:
        raise StepFailedError(problem, hint="let training write y_true, y_pred and score_<class>")
    return dict(answer["predictions"])


def _ask_shipped(project: Project, folder: Path) -> HeldOut | None:
    """Have what ships answer the held-out rows, and hold it to what training said of them.

    Returns:
        The rows, None where training wrote none; the answers are in ``folder``.

    Raises:
        RefusedError: What ships answers otherwise than training said.
    """
    report, gate = project.root / "build/train", project.config.gate
    path, predictions = report / "holdout.jsonl", report / "predictions.csv"
    if not (path.is_file() and predictions.is_file()) and (gate.rules or path.is_file()):
        missing = predictions if path.is_file() else path
        project.console.notice_once(
            f"training wrote no {missing.name}: nobody compares what ships with what was trained"
        )
    if not path.is_file():
        return None
    rows = read_held_out(path)
    model = Model(
        project.config.predict,
        project.python("train"),
        project.environment,
        log=project.log_of("judge"),
        variables={**project.variables("train"), "PYTHONPATH": str(project.source)},
    )
    answers = ask_rows(model, rows, folder).read_text(encoding="utf-8")
    if predictions.is_file():
        with predictions.open(newline="", encoding="utf-8-sig") as stream:
            trained = read_trained(stream, gate.positive)
        said = [json.loads(line) for line in answers.splitlines()]
        refuse_skew(trained, rows.truths, said, project.config.tolerance)
    return rows


def _compare(
    project: Project,
    published: Published,
    rows: HeldOut | None,
    names: Sequence[str],
    scratch: Path,
) -> tuple[dict[str, Difference], str]:
    """Return how the model differs from what is published on the same rows, or why not."""
    if not published.version or not project.config.gate.compares:
        return {}, ""
    if rows is None:
        return {}, "training left no holdout.jsonl"
    try:
        old = answers_of(project, published.wheel(project), rows, scratch / "old")
    except TrainwheelError as error:
        return {}, f"it cannot be asked here, {error.message}"
    request = {
        "holdout": str(project.root / "build/train/holdout.jsonl"),
        "new": str(scratch / "new" / "outputs.jsonl"),
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
