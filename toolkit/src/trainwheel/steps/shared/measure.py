"""Measure the trained model and compare it with the published one, each in its environment."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from trainwheel.engine.layout import Layout
from trainwheel.engine.run import Run
from trainwheel.errors import StepFailedError, TrainwheelError
from trainwheel.evaluation.gate import Difference, evaluate_rules
from trainwheel.evaluation.golden import GoldenRow
from trainwheel.evaluation.inputs import named_column, project
from trainwheel.evaluation.metrics import (
    check_intervals,
    choose_metrics,
    claims_among,
    split_intervals,
)
from trainwheel.evaluation.skew import read_trained, refuse_skew
from trainwheel.guest import DRAW, MEASURING
from trainwheel.install.environments import user_cache
from trainwheel.requirements.lockfile import requirements
from trainwheel.steps.shared.baseline import Published
from trainwheel.steps.shared.findings import read_claims
from trainwheel.steps.shared.held_out import read_held_out
from trainwheel.steps.shared.prove import Model, ask
from trainwheel.system.command import Command
from trainwheel.wheel.proof import read_promise, read_provenance

__all__ = ["Answers", "ask_published", "ask_with_columns", "make_painter", "measure_model"]
_TRAINING = ("packages", "train")
_PICTURES = "report"
"""The environment that draws, in the folder of environments."""
_NOTES = 5
_UNREADABLE = 2
"""The exit code of the measuring script where a file is not as it should be."""


def measure_model(run: Run, newest: Published, scratch: Path) -> Mapping[str, str]:
    """Measure the model, compare it, apply the gate, and write the results to the scratch folder.

    Raises:
        StepFailedError: The files of training cannot be read, or contradict each other.
        RefusedError: The function that ships predicts differently than training recorded.
    """
    layout, gate = run.workspace.layout, run.workspace.config.gate
    folder = scratch / layout.evaluation.name
    folder.mkdir()
    baseline, claims = newest.baseline(run), read_claims(layout)
    check_intervals(*split_intervals(claims))
    is_own = newest.has_model_of(run.workspace)
    rows = _predict_held_out(run, folder / layout.answers.name, scratch / "new")
    old, why = (None, "") if is_own else _ask_published(run, newest, rows, scratch / "old")
    answer = _measure(run, _files(layout, folder, rows, old), scratch / "measure.json")
    measurements, comparison = answer.get("predictions", {}), answer.get("comparison", {})
    metrics = choose_metrics(claims, measurements)
    values, _ = split_intervals(metrics)
    baseline = replace(baseline, unknown=old.unknown if old else ())
    if is_own:
        baseline = replace(baseline, metrics=values, is_this_model=True)
    rows_compared, compared = comparison.get("rows", 0), comparison.get("metrics", {})
    differences = {name: Difference(**row, rows=rows_compared) for name, row in compared.items()}
    verdict = evaluate_rules(
        gate.rules,
        values,
        baseline,
        differences,
        is_required=gate.baseline == "required",
        why_unasked=why or comparison.get("problem", ""),
        claimed=claims_among(values, measurements),
    )
    _draw(run, measurements, scratch, folder)
    document = {
        "verdict": verdict.as_json(),
        "baseline": asdict(baseline),
        "metrics": metrics,
        "source": measurements.get("source", "training"),
        "claimed": claims_among(values, measurements),
        "measured": {name: part for name, part in measurements.items() if name != "sample"},
        "compared": {name: asdict(difference) for name, difference in differences.items()},
    }
    texts = {
        "evaluation.json": f"{json.dumps(document, indent=1)}\n",
        "verdict.md": verdict.markdown(),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return {"summary": verdict.summary or "measured"}


def _predict_held_out(run: Run, path: Path, folder: Path) -> tuple[GoldenRow, ...]:
    """Predict the held-out rows with the function that ships, and compare with training.

    Args:
        run: This run.
        path: Gets the answers, a JSON value a line.
        folder: A folder that is made here.

    Returns:
        The rows with the answers; none where training wrote no inputs.

    Raises:
        RefusedError: The function that ships predicts differently than training recorded.
    """
    layout, config = run.workspace.layout, run.workspace.config
    if not layout.holdout.is_file():
        if config.gate.rules:
            run.console.notice_once(
                "training wrote no holdout.jsonl, so the gate rests on training's own word: "
                "nobody asks the function that ships"
            )
        return ()
    rows = read_held_out(layout.holdout)
    model = Model(
        config.predict,
        run.tools.python("train"),
        run.environment,
        log=layout.log("evaluate"),
        variables={**run.tools.variables("train"), "PYTHONPATH": str(layout.source)},
    )
    answers = ask(model, rows.inputs, folder, what="holdout.jsonl")
    (folder / "outputs.jsonl").replace(path)
    if not layout.predictions.is_file():
        run.console.notice_once(
            "training wrote no predictions.csv, so nothing checks that the wheel predicts the same"
        )
        return answers
    with layout.predictions.open(newline="", encoding="utf-8-sig") as stream:
        training = read_trained(stream, config.positive, config.labels)
    refuse_skew(training, rows.truths, answers, config.tolerance)
    return answers


def _ask_published(
    run: Run, newest: Published, rows: tuple[GoldenRow, ...], folder: Path
) -> tuple[Answers | None, str]:
    """Return what the published model answers to the same rows, or why it was not asked."""
    if not newest.version or not run.workspace.config.gate.compares:
        return None, ""
    if not rows:
        return None, "training wrote no rows to holdout.jsonl"
    try:
        old = ask_published(run, newest.wheel(run.workspace), [row.input for row in rows], folder)
    except TrainwheelError as error:
        return None, error.message
    if old.unknown:
        names = ", ".join(old.unknown)
        run.console.notice(f"{newest.version} is asked without {names}, which it does not know")
    return old, ""


def _files(
    layout: Layout, folder: Path, rows: tuple[GoldenRow, ...], old: Answers | None
) -> dict[str, Path]:
    """Return part of the request to the measuring script → its file, for those that exist."""
    return {
        **({"predictions": layout.predictions} if layout.predictions.is_file() else {}),
        **({"holdout": layout.holdout, "answers": folder / layout.answers.name} if rows else {}),
        **({"old": old.path} if old else {}),
    }


def _measure(run: Run, files: Mapping[str, Path], path: Path) -> dict[str, Any]:
    """Let one process measure the model, and compare it with the published one.

    Args:
        run: This run.
        files: Part of the request → its file.
        path: Of the request.

    Returns:
        The process's answer; empty where there is nothing to measure, or no numpy.
    """
    if not files:
        return {}
    workspace = run.workspace
    if not any(package.name == "numpy" for package in requirements(workspace.lock, *_TRAINING)):
        run.console.notice_once("nothing is measured, for numpy is not locked")
        return {}
    config, answer = workspace.config, path.with_suffix(".answer")
    claims, _ = split_intervals(read_claims(workspace.layout))
    request = {
        "task": config.task,
        "labels": list(config.labels),
        "positive": config.positive,
        "names": [*claims, *(rule.metric for rule in config.gate.rules)],
        "claims": claims,
        **{name: str(file) for name, file in files.items()},
    }
    path.write_text(json.dumps(request), encoding="utf-8")
    argv = (str(run.tools.python("train")), "-P", "-m", MEASURING.name, str(path), str(answer))
    command = Command(argv, env={"PYTHONPATH": str(MEASURING.parent)})
    result = run.tools.complete(command, "evaluate")
    if result.failed:
        is_of_rows = result.returncode == _UNREADABLE and "answers" not in files
        hint = "let training write y_true, y_pred and score_<class>" if is_of_rows else ""
        raise StepFailedError(result.reason, hint=hint)
    document: dict[str, Any] = json.loads(answer.read_bytes())
    # What is concluded from the rows, for instance which class is the positive one, is said aloud.
    for note in document["predictions"].get("notes", ())[:_NOTES]:
        run.console.notice_once(note)
    return document


def _draw(run: Run, measurements: Mapping[str, Any], scratch: Path, folder: Path) -> None:
    """Draw the pictures of the report, if there is one and what draws them is locked."""
    if "sample" not in measurements or "report" not in run.registered:
        return
    if missing := _missing_for_pictures(run):
        run.console.notice_once(
            f"the report has no pictures: add {' and '.join(missing)} to [report] of the Pipfile, "
            "and lock"
        )
        return
    path = scratch / "draw.json"
    path.write_text(json.dumps(measurements), encoding="utf-8")
    environment, installer = run.tools.folder / _PICTURES, run.tools.installer("evaluate")
    argv = (str(make_painter(run)), "-P", str(DRAW), str(path), str(folder))
    # matplotlib looks through the fonts of the machine once, and keeps the list there.
    fonts = (user_cache(run.environment, "trainwheel") or environment) / "matplotlib"
    variables = installer.variables(environment)
    env = {**variables, "MPLCONFIGDIR": str(fonts), "PYTHONHASHSEED": "0"}
    result = run.tools.complete(Command(argv, env=env), "evaluate")
    if result.failed:
        message = f"the report's pictures cannot be drawn: {result.reason}"
        raise StepFailedError(message, hint="see build/log/evaluate.log")


def make_painter(run: Run) -> Path | None:
    """Return the interpreter that draws pictures, whose environment is made; None for none."""
    if "report" not in run.registered or _missing_for_pictures(run):
        return None
    requirements = run.workspace.locked(*run.workspace.config.model_categories, "report")
    return run.tools.installer("evaluate").ensure(run.tools.folder / _PICTURES, requirements)


def _missing_for_pictures(run: Run) -> list[str]:
    locks = run.workspace.locks
    missing = [] if locks("report", "matplotlib") else ["matplotlib"]
    places = (*run.workspace.config.model_categories, "report")
    if not any(locks(place, "scikit-learn") for place in places):
        missing.append("scikit-learn")
    return missing


_MOST_DROPPED = 8


@dataclass(frozen=True)
class Answers:
    """The published model's answers to held-out rows.

    Args:
        path: A file with one JSON value a line, in the order of the rows.
        unknown: The columns of the rows that it does not know, and did not get.
    """

    path: Path
    unknown: Sequence[str]


def ask_published(
    run: Run, wheel: Path, records: Sequence[Mapping[str, Any]], folder: Path
) -> Answers:
    """Predict held-out rows with the model in a published wheel, in an environment of its own.

    Args:
        run: This run.
        wheel: The published wheel.
        records: The inputs of the rows.
        folder: A folder that is made here.

    Raises:
        TrainwheelError: It cannot be installed here, or cannot predict these rows.
    """
    proof = read_promise(wheel)
    line = f"{proof.name} @ {wheel.resolve().as_uri()} --hash=sha256:{proof.sha256}\n"
    installer = run.tools.installer("evaluate")
    home = run.tools.folder / "published"
    python = installer.ensure(home, proof.requirements, alone=line)
    model = Model(proof.predict, python, run.environment, installer.log, installer.variables(home))
    folder.mkdir()
    # Wheels of before there was a schema have golden predictions, whose inputs have the columns.
    columns = read_provenance(wheel).inputs or {k for row in proof.golden for k in row.input}
    return ask_with_columns(model, records, columns, folder)


def ask_with_columns(
    model: Model, records: Sequence[Mapping[str, Any]], columns: Collection[str], folder: Path
) -> Answers:
    """Predict rows with the columns that a model knows.

    Args:
        model: The model.
        records: The inputs of the rows.
        columns: Those that it knows. Empty where nobody can tell: then it is asked with all, and
            again without each that it refuses by its name.
        folder: An empty folder for what is asked and answered.

    Raises:
        StepFailedError: It cannot predict these rows.
    """
    return (_ask if columns else _ask_by_refusal)(model, records, columns, folder)


def _ask(
    model: Model, records: Sequence[Mapping[str, Any]], columns: Collection[str], folder: Path
) -> Answers:
    inputs, unknown = project(records, columns)
    ask(model, inputs, folder / str(len(unknown)), what="holdout.jsonl")
    return Answers(folder / str(len(unknown)) / "outputs.jsonl", unknown)


def _ask_by_refusal(
    model: Model, records: Sequence[Mapping[str, Any]], columns: Collection[str], folder: Path
) -> Answers:
    columns = {*columns, *(k for row in records for k in row)}
    fewest = len(columns) - _MOST_DROPPED
    while True:
        try:
            return _ask(model, records, columns, folder)
        except StepFailedError as error:
            # What comes first names the function and the row.
            name = named_column(error.message.partition(": ")[2], columns)
            if not name or len(columns) <= fewest:
                raise
            columns.remove(name)
