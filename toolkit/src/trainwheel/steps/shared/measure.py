"""Measure the trained model and what is published, in environments that can."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from trainwheel.engine.run import Run
from trainwheel.errors import StepFailedError, TrainwheelError
from trainwheel.evaluation.gate import Difference, evaluate_rules
from trainwheel.evaluation.metrics import check_intervals, split_intervals
from trainwheel.evaluation.skew import read_trained, refuse_skew
from trainwheel.guest import DRAW, MEASURING
from trainwheel.requirements.lockfile import requirements
from trainwheel.steps.shared.baseline import Published
from trainwheel.steps.shared.findings import read_metrics
from trainwheel.steps.shared.prove import Model, ask
from trainwheel.system.process import Command
from trainwheel.wheel.proof import read_promise

__all__ = ["HeldOut", "measure_model", "read_held_out"]

_TRAINING = ("packages", "train")


@dataclass(frozen=True)
class HeldOut:
    """Rows that training did not learn from.

    Args:
        inputs: What a model is asked.
        truths: What is true of each: a label or a number.
    """

    inputs: Sequence[dict[str, Any]]
    truths: Sequence[Any]


def measure_model(run: Run, published: Published, scratch: Path) -> Mapping[str, str]:
    """Measure the model, compare and judge it, and write what was found to the scratch folder.

    Raises:
        StepFailedError: What training wrote cannot be read, or contradicts itself.
        RefusedError: What ships answers otherwise than training said.
    """
    folder = scratch / run.workspace.layout.evaluation.name
    folder.mkdir()
    baseline, gate = published.baseline(run), run.workspace.config.gate
    metrics, intervals = split_intervals(read_metrics(run.workspace.layout))
    check_intervals(metrics, intervals)
    names = [*metrics, *(rule.metric for rule in gate.rules)]
    measured = _measure(run, metrics, names, scratch)
    rows = _ask_shipped(run, scratch / "new")
    compared, why = _compare(run, published, rows, names, scratch)
    verdict = evaluate_rules(
        gate.rules,
        metrics,
        baseline,
        compared,
        is_required=gate.baseline == "required",
        why_stored=why,
    )
    _draw(run, measured, scratch, folder)
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
    run: Run, metrics: Mapping[str, float], names: Sequence[str], scratch: Path
) -> dict[str, Any]:
    path = run.workspace.layout.predictions
    if not path.is_file():
        return {}
    if not any(locked.name == "numpy" for locked in requirements(run.workspace.lock, *_TRAINING)):
        run.console.notice_once("predictions.csv is not measured: no numpy is locked")
        return {}
    request = {
        "predictions": str(path),
        "names": names,
        "claims": metrics,
        "positive": run.workspace.config.gate.positive,
    }
    answer, problem = _ask_host(run, request, scratch / "measure.json")
    if problem:
        raise StepFailedError(problem, hint="let training write y_true, y_pred and score_<class>")
    return dict(answer["predictions"])


def _ask_shipped(run: Run, folder: Path) -> HeldOut | None:
    """Have what ships answer the held-out rows, and hold it to what training said of them.

    Returns:
        The rows, None where training wrote none; the answers are in ``folder``.

    Raises:
        RefusedError: What ships answers otherwise than training said.
    """
    layout, config = run.workspace.layout, run.workspace.config
    path, predictions = layout.holdout, layout.predictions
    if not (path.is_file() and predictions.is_file()) and (config.gate.rules or path.is_file()):
        missing = predictions if path.is_file() else path
        run.console.notice_once(
            f"training wrote no {missing.name}: nobody compares what ships with what was trained"
        )
    if not path.is_file():
        return None
    rows = read_held_out(path)
    model = Model(
        config.predict,
        run.tools.python("train"),
        run.environment,
        log=layout.log("evaluate"),
        variables={**run.tools.variables("train"), "PYTHONPATH": str(layout.source)},
    )
    answers = _ask_rows(model, rows, folder).read_text(encoding="utf-8")
    if predictions.is_file():
        with predictions.open(newline="", encoding="utf-8-sig") as stream:
            trained = read_trained(stream, config.gate.positive)
        said = [json.loads(line) for line in answers.splitlines()]
        refuse_skew(trained, rows.truths, said, config.tolerance)
    return rows


def _compare(
    run: Run,
    published: Published,
    rows: HeldOut | None,
    names: Sequence[str],
    scratch: Path,
) -> tuple[dict[str, Difference], str]:
    """Return how the model differs from what is published on the same rows, or why not."""
    if not published.version or not run.workspace.config.gate.compares:
        return {}, ""
    if rows is None:
        return {}, "training left no holdout.jsonl"
    try:
        old = _answers_of(run, published.wheel(run.workspace.layout), rows, scratch / "old")
    except TrainwheelError as error:
        return {}, f"it cannot be asked here, {error.message}"
    request = {
        "holdout": str(run.workspace.layout.holdout),
        "new": str(scratch / "new" / "outputs.jsonl"),
        "old": str(old),
        "names": names,
        "positive": run.workspace.config.gate.positive,
    }
    answer, problem = _ask_host(run, request, scratch / "compare.json")
    if problem:
        return {}, problem
    told = answer["comparison"]
    return {n: Difference(**row, rows=told["rows"]) for n, row in told["metrics"].items()}, ""


def _ask_host(run: Run, request: Mapping[str, Any], path: Path) -> tuple[dict[str, Any], str]:
    """Return the measuring host's answer, or one line that says why there is none."""
    answer = path.with_suffix(".answer")
    path.write_text(json.dumps(request), encoding="utf-8")
    argv = (str(run.tools.python("train")), "-P", "-m", MEASURING.name, str(path), str(answer))
    env = {**run.tools.variables("train"), "PYTHONPATH": str(MEASURING.parent)}
    completed = run.tools.complete(Command(argv, env=env), "evaluate")
    if completed.failed:
        return {}, completed.last_line
    return json.loads(answer.read_bytes()), ""


def _draw(run: Run, measured: Mapping[str, Any], scratch: Path, folder: Path) -> None:
    """Draw the pictures of the report, where matplotlib is locked for them."""
    if "sample" not in measured:
        return
    if not run.workspace.locks("report", "matplotlib"):
        run.console.notice_once(
            "the report has no pictures: add matplotlib to [report] of the Pipfile, and lock"
        )
        return
    path = scratch / "draw.json"
    path.write_text(json.dumps(measured), encoding="utf-8")
    environment = run.tools.folder / "report"
    installer = run.tools.installer("evaluate")
    python = installer.ensure(environment, run.workspace.locked("packages", "report"))
    argv = (str(python), "-P", str(DRAW), str(path), str(folder))
    env = {"MPLCONFIGDIR": str(environment / "matplotlib"), "PYTHONHASHSEED": "0"}
    completed = run.tools.complete(Command(argv, env=env), "evaluate")
    if completed.failed:
        message = f"the report's pictures cannot be drawn: {completed.last_line}"
        raise StepFailedError(message, hint="see build/log/evaluate.log")


def _answers_of(run: Run, wheel: Path, rows: HeldOut, folder: Path) -> Path:
    """Have the model in a published wheel predict held-out rows, in an environment of its own.

    Args:
        run: This run.
        wheel: The published wheel.
        rows: What it is asked.
        folder: A fresh folder, which is made.

    Returns:
        A file with an answer a line.

    Raises:
        TrainwheelError: It cannot be installed here, or does not predict these rows.
    """
    promise = read_promise(wheel)
    line = f"{promise.name} @ {wheel.resolve().as_uri()} --hash=sha256:{promise.sha256}\n"
    installer = run.tools.installer("evaluate")
    python = installer.ensure(run.tools.folder / "published", promise.requirements, alone=line)
    model = Model(
        promise.predict, python, run.environment, log=run.workspace.layout.log("evaluate")
    )
    return _ask_rows(model, rows, folder)


def _ask_rows(model: Model, rows: HeldOut, folder: Path) -> Path:
    """Have a model predict held-out rows; return a file with an answer a line.

    Raises:
        StepFailedError: It does not predict them.
    """
    ask(model, rows.inputs, folder, what="held-out rows")
    return folder / "outputs.jsonl"


def read_held_out(path: Path) -> HeldOut:
    """Return the rows of ``holdout.jsonl``.

    Raises:
        StepFailedError: A line has no input or no truth, or a number that JSON does not have.
    """
    inputs, truths = [], []
    with path.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            where = f"{path.name} line {number}"
            try:
                record, truth = _read_row(line)
            except _ConstantError as error:
                # What json.dumps writes for NaN; who asks over JSON sends null.
                message = f"{where} holds {error}, which is no JSON"
                raise StepFailedError(message, hint="let training write null for it") from None
            except (ValueError, TypeError, KeyError, RecursionError):
                message = f"{where} is no object with input and truth"
                raise StepFailedError(message, hint="let training write one a line") from None
            if not _is_truth(truth):
                message = f"{where}: truth is {json.dumps(truth)}, which is no label or number"
                raise StepFailedError(message, hint="leave out rows whose truth is not known")
            inputs.append(record)
            truths.append(truth)
    return HeldOut(inputs, truths)


def _read_row(line: bytes) -> tuple[dict[str, Any], Any]:
    row = json.loads(line.decode("utf-8"), parse_constant=_refuse_constant)
    record, truth = row["input"], row["truth"]
    if not isinstance(record, dict):
        message = "the input is not an object"
        raise TypeError(message)
    return record, truth


def _is_truth(value: object) -> bool:
    if isinstance(value, str):
        return bool(value.strip())
    return isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))


def _refuse_constant(name: str) -> None:
    raise _ConstantError(name)


class _ConstantError(ValueError):
    """JSON text holds NaN, Infinity or -Infinity."""
