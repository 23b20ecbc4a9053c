"""Measure the trained model and compare it with the published one, each in its environment."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from trainwheel.engine.run import Run
from trainwheel.errors import StepFailedError, TrainwheelError
from trainwheel.evaluation.gate import Difference, evaluate_rules
from trainwheel.evaluation.metrics import check_intervals, split_intervals
from trainwheel.evaluation.skew import read_trained, refuse_skew
from trainwheel.guest import DRAW, MEASURING
from trainwheel.install.environments import user_cache
from trainwheel.requirements.lockfile import requirements
from trainwheel.settings.config import Config
from trainwheel.steps.shared.baseline import Published
from trainwheel.steps.shared.findings import read_metrics
from trainwheel.steps.shared.prove import Model, ask
from trainwheel.steps.shared.published import ask_published
from trainwheel.system.process import Command

__all__ = ["HeldOut", "measure_model", "read_held_out"]

_TRAINING = ("packages", "train")


@dataclass(frozen=True)
class HeldOut:
    """Rows that training did not learn from.

    Args:
        inputs: The records to predict.
        truths: The true label or number of each.
    """

    inputs: Sequence[dict[str, Any]]
    truths: Sequence[Any]


def measure_model(run: Run, newest: Published, scratch: Path) -> Mapping[str, str]:
    """Measure the model, compare it, apply the gate, and write the results to the scratch folder.

    Raises:
        StepFailedError: The files of training cannot be read, or contradict each other.
        RefusedError: The function that ships predicts differently than training recorded.
    """
    folder = scratch / run.workspace.layout.evaluation.name
    folder.mkdir()
    baseline, gate = newest.baseline(run), run.workspace.config.gate
    metrics, intervals = split_intervals(read_metrics(run.workspace.layout))
    check_intervals(metrics, intervals)
    if newest.has_model_of(run.workspace):
        newest, baseline = Published(), replace(baseline, metrics=metrics, is_this_model=True)
    names = [*metrics, *(rule.metric for rule in gate.rules)]
    measurements = _measure(run, metrics, names, scratch)
    rows = _predict_held_out(run, scratch / "new")
    differences, unknown, why = _compare(run, newest, rows, names, scratch)
    baseline = replace(baseline, unknown=unknown)
    verdict = evaluate_rules(
        gate.rules,
        metrics,
        baseline,
        differences,
        is_required=gate.baseline == "required",
        why_unasked=why,
    )
    _draw(run, measurements, scratch, folder)
    measurements.pop("sample", None)
    document = {
        "verdict": verdict.as_json(),
        "baseline": asdict(baseline),
        "measured": measurements,
        "compared": {name: asdict(difference) for name, difference in differences.items()},
    }
    (folder / "evaluation.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    (folder / "verdict.md").write_text(verdict.markdown(), encoding="utf-8")
    return {"summary": verdict.summary or "measured"}


def _measure(
    run: Run, metrics: Mapping[str, float], names: Sequence[str], scratch: Path
) -> dict[str, Any]:
    path = run.workspace.layout.predictions
    if not path.is_file():
        return {}
    if not any(package.name == "numpy" for package in requirements(run.workspace.lock, *_TRAINING)):
        run.console.notice_once("predictions.csv is not measured: numpy is not locked")
        return {}
    request = {
        "predictions": str(path),
        "names": names,
        "claims": metrics,
        **_task(run.workspace.config),
    }
    answer, problem = _ask_host(run, request, scratch / "measure.json")
    if problem:
        raise StepFailedError(problem, hint="let training write y_true, y_pred and score_<class>")
    return dict(answer["predictions"])


def _predict_held_out(run: Run, folder: Path) -> HeldOut | None:
    """Predict the held-out rows with the function that ships, and compare with training.

    Returns:
        The rows, None where training wrote none; the predictions are in ``folder``.

    Raises:
        RefusedError: The function that ships predicts differently than training recorded.
    """
    layout, config = run.workspace.layout, run.workspace.config
    path, predictions = layout.holdout, layout.predictions
    if not (path.is_file() and predictions.is_file()) and (config.gate.rules or path.is_file()):
        missing = predictions if path.is_file() else path
        run.console.notice_once(
            f"training wrote no {missing.name}, so nothing checks that the wheel predicts the same"
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
            training = read_trained(stream, config.positive)
        predictions_now = [json.loads(line) for line in answers.splitlines()]
        refuse_skew(training, rows.truths, predictions_now, config.tolerance)
    return rows


def _compare(
    run: Run, newest: Published, rows: HeldOut | None, names: Sequence[str], scratch: Path
) -> tuple[dict[str, Difference], Sequence[str], str]:
    """Compare with the published model on the same rows.

    Returns:
        The differences, the columns that it does not know, and why it could not be asked.
    """
    if not newest.version or not run.workspace.config.gate.compares:
        return {}, (), ""
    if rows is None:
        return {}, (), "training wrote no holdout.jsonl"
    try:
        old = ask_published(run, newest.wheel(run.workspace), rows.inputs, scratch / "old")
    except TrainwheelError as error:
        return {}, (), error.message
    if old.unknown:
        names = ", ".join(old.unknown)
        run.console.notice(f"{newest.version} is asked without {names}, which it does not know")
    request = {
        "holdout": str(run.workspace.layout.holdout),
        "new": str(scratch / "new" / "outputs.jsonl"),
        "old": str(old.path),
        "names": names,
        **_task(run.workspace.config),
    }
    answer, problem = _ask_host(run, request, scratch / "compare.json")
    if problem:
        return {}, (), problem
    rows_compared, metrics = (answer["comparison"][key] for key in ("rows", "metrics"))
    return (
        {name: Difference(**row, rows=rows_compared) for name, row in metrics.items()},
        old.unknown,
        "",
    )


def _task(config: Config) -> dict[str, Any]:
    """Return what the repository states of the model's task, for the measuring script."""
    return {"task": config.task, "labels": list(config.labels), "positive": config.positive}


def _ask_host(run: Run, request: Mapping[str, Any], path: Path) -> tuple[dict[str, Any], str]:
    """Return the measuring host's answer, or one line with the reason why there is none."""
    answer = path.with_suffix(".answer")
    path.write_text(json.dumps(request), encoding="utf-8")
    argv = (str(run.tools.python("train")), "-P", "-m", MEASURING.name, str(path), str(answer))
    command = Command(argv, env={"PYTHONPATH": str(MEASURING.parent)})
    result = run.tools.complete(command, "evaluate")
    if result.failed:
        return {}, result.last_line
    return json.loads(answer.read_bytes()), ""


def _draw(run: Run, measurements: Mapping[str, Any], scratch: Path, folder: Path) -> None:
    """Draw the pictures of the report, if there is one and matplotlib is locked for them."""
    if "sample" not in measurements or "report" not in run.registered:
        return
    if not run.workspace.locks("report", "matplotlib"):
        run.console.notice_once(
            "the report has no pictures: add matplotlib to [report] of the Pipfile, and lock"
        )
        return
    path = scratch / "draw.json"
    path.write_text(json.dumps(measurements), encoding="utf-8")
    environment = run.tools.folder / "report"
    installer = run.tools.installer("evaluate")
    python = installer.ensure(environment, run.workspace.locked("packages", "report"))
    argv = (str(python), "-P", str(DRAW), str(path), str(folder))
    # matplotlib looks through the fonts of the machine once, and keeps the list there.
    fonts = (user_cache(run.environment, "trainwheel") or environment) / "matplotlib"
    variables = installer.variables(environment)
    env = {**variables, "MPLCONFIGDIR": str(fonts), "PYTHONHASHSEED": "0"}
    result = run.tools.complete(Command(argv, env=env), "evaluate")
    if result.failed:
        message = f"the report's pictures cannot be drawn: {result.last_line}"
        raise StepFailedError(message, hint="see build/log/evaluate.log")


def _ask_rows(model: Model, rows: HeldOut, folder: Path) -> Path:
    """Predict held-out rows with a model; return a file with one prediction per line.

    Raises:
        StepFailedError: It cannot predict them.
    """
    ask(model, rows.inputs, folder, what="held-out rows")
    return folder / "outputs.jsonl"


def read_held_out(path: Path) -> HeldOut:
    """Return the rows of ``holdout.jsonl``.

    Raises:
        StepFailedError: A line has no input or no truth, or a number that JSON cannot express.
    """
    inputs, truths = [], []
    with path.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            where = f"{path.name} line {number}"
            try:
                record, truth = _read_row(line)
            except _ConstantError as error:
                # json.dumps writes NaN, which RFC 8259 (section 6) forbids; clients send null.
                message = f"{where} contains {error}, which is not valid JSON"
                raise StepFailedError(message, hint="let training write null for it") from None
            except (ValueError, TypeError, KeyError, RecursionError):
                message = f"{where} is not an object with input and truth"
                raise StepFailedError(message, hint="let training write one per line") from None
            if not _is_truth(truth):
                message = (
                    f"{where}: truth is {json.dumps(truth)}, which is neither a label nor a number"
                )
                raise StepFailedError(message, hint="omit rows whose truth is unknown")
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
