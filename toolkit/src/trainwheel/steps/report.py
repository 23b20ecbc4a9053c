"""Write the report page, the table for a pull request, and the model card."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainwheel.engine.chain import FORCE, JOBS, TO, VERBOSE, WAIT, Files, Step
from trainwheel.engine.execute import run_step
from trainwheel.engine.inputs import ARTEFACT, DATA, MEASURED, PACKAGE, digests_of
from trainwheel.engine.layout import Layout
from trainwheel.engine.run import Run
from trainwheel.engine.workspace import Workspace
from trainwheel.evaluation.repeatability import parse_repeatability
from trainwheel.evaluation.report import (
    CLASS_HEADS,
    PICTURES,
    Subject,
    class_rows,
    describe_proved,
    headlines,
    origin,
    proved_table,
    render_metrics,
    rest,
    usage,
    worst_rows,
)
from trainwheel.guest import ASK_EACH
from trainwheel.requirements.setup_py import (
    read_description,
    read_distribution_name,
    read_entry_points,
)
from trainwheel.steps.shared.findings import (
    Evaluation,
    read_data_digests,
    read_evaluation,
    read_metrics,
    read_object,
    read_snapshot,
)
from trainwheel.steps.shared.staging import read_matrix
from trainwheel.system.command import Command
from trainwheel.system.digest import digest_file, digest_json
from trainwheel.system.git import read_commit
from trainwheel.system.markdown import block, code, inline, paragraphs, table
from trainwheel.system.text import describe_size, shown

if TYPE_CHECKING:
    from trainwheel.evaluation.importance import Importance, Plan

__all__ = ["STEP", "weigh_columns", "write_report"]

TEMPLATES = Path(__file__).parents[1] / "data" / "report"
SHEET = "report.css"
_CALLS_OF_ARRAYS, _CALLS = 20_000, 2_000
"""Answers in about two seconds: arrays give one in 0.06 ms, many an estimator in a millisecond."""
WEIGHING = Path(__file__).parents[1] / "evaluation" / "importance.py"


def _run(run: Run) -> None:
    """Write the page, whether or not the model passes the gate."""
    layout = run.workspace.layout
    if "evaluate" not in run.registered and not layout.verdict.is_file():
        run.console.outcome(STEP.name, "skipped: nothing evaluates the model")
        return
    write_report(run)
    if STEP.name in run.named:
        run.console.outcome("report", layout.relative(layout.report))


def write_report(run: Run) -> None:
    """Write the report, unless its content is unchanged.

    Raises:
        StepFailedError: The model has not been evaluated.
    """
    evaluation = read_evaluation(run.workspace.layout)

    def work(scratch: Path) -> Mapping[str, str]:
        weights = weigh_columns(run, evaluation.measured, scratch)
        return _lay_out(run.workspace, evaluation, weights, scratch)

    run_step(run, STEP, work, is_quiet=True)


def _lay_out(
    workspace: Workspace, evaluation: Evaluation, weights: Importance, folder: Path
) -> Mapping[str, str]:
    """Write the report's page, the table for a pull request and the model card into a folder."""
    layout, subject = workspace.layout, _subject(workspace, evaluation)
    page = {**_context(workspace, subject), "importance": weights}
    site = folder / layout.site.name
    site.mkdir()
    shutil.copyfile(TEMPLATES / SHEET, site / SHEET)
    files = {
        folder / layout.report.name: _render("report.html.j2", {**page, "sheet": ""}),
        site / "index.html": _render("report.html.j2", {**page, "sheet": SHEET}),
        folder / layout.card.name: _render("model_card.md.j2", page),
        folder / layout.metrics_table.name: render_metrics(subject),
    }
    for path, text in files.items():
        path.write_text(text, encoding="utf-8")
    return {"summary": layout.relative(layout.report)}


def _subject(workspace: Workspace, evaluation: Evaluation) -> Subject:
    layout = workspace.layout
    return Subject(
        read_distribution_name(workspace.read_setup_py()),
        read_metrics(layout),
        evaluation.measured,
        evaluation.baseline,
        evaluation.compared,
        evaluation.verdict,
        read_object(layout.run_facts).get("carries_training_rows", ()),
        read_object(layout.verdict).get("source", "training"),
    )


def _context(workspace: Workspace, subject: Subject) -> dict[str, Any]:
    """Return the variables of the templates."""
    layout, config = workspace.layout, workspace.config
    training = read_object(layout.run_facts)
    commit = read_commit(layout.root, workspace.environment, workspace.ignored)
    data = {**read_data_digests(layout), **digests_of(workspace, DATA)}
    inputs = _inputs_of_worst(layout, subject) if config.show_rows else {}
    proved = read_matrix(workspace)
    return {
        "subject": subject,
        "card": {name.replace("_", " ").capitalize(): text for name, text in config.card.items()},
        "headlines": headlines(subject),
        "origin": origin(subject),
        "class_heads": CLASS_HEADS,
        "classes": class_rows(subject.measured),
        "rest": rest(subject),
        "worst": list(worst_rows(subject, inputs)),
        "pictures": _pictures(layout),
        "summary": _summary(workspace.read_setup_py()),
        "parameters": {n: _spelled(value) for n, value in read_object(layout.parameters).items()},
        "data": {shown(name): digest for name, digest in data.items()},
        "snapshot": read_snapshot(workspace),
        "command": config.train_command,
        "usage": usage(_imported(workspace), _first_golden(layout)),
        "is_portable": workspace.is_portable,
        "commit": commit.sha,
        "is_dirty": commit.is_dirty,
        "took": _costs(training),
        "repeats": _repeats(layout),
        "proved": proved,
        "proved_table": proved_table(proved),
        "proved_lines": [*describe_proved(proved)] if proved else [],
        "packages": training.get("packages", {}),
        "python": training.get("python", ""),
    }


def _summary(setup_py: bytes) -> str:
    """Return a sentence that says what the model does."""
    summary = read_description(setup_py) or "A trained model in a wheel"
    return summary if summary[-1] in ".!?…" else f"{summary}."


def _spelled(value: Any) -> str:
    """Return a parameter as JSON, its fractions with four digits that count; a text as it is."""
    if isinstance(value, str):
        return shown(value)
    rounded = json.loads(json.dumps(value), parse_float=lambda text: float(f"{float(text):.4g}"))
    return json.dumps(rounded)


def _imported(workspace: Workspace) -> str:
    """Return what a consumer imports, ``MODULE:NAME``: the class that is kept up, if there is one.

    A class of one's own may take other records than the function that the wheel is proved by.
    """
    config, layout = workspace.config, workspace.layout
    models = read_entry_points(workspace.read_setup_py(), "trainwheel.models")
    is_kept_up = (layout.package / "serving.py").is_file()
    classes = (target for target in models.values() if target.partition(":")[2][:1].isupper())
    return next(classes, config.predict) if is_kept_up else config.predict


def _first_golden(layout: Layout) -> dict[str, Any]:
    """Return the first record of the golden predictions, which the wheel contains."""
    from trainwheel.evaluation.golden import parse_golden

    if not layout.golden.is_file():
        return {}
    return dict(parse_golden(layout.golden.read_text(encoding="utf-8"))[0].input)


def _repeats(layout: Layout) -> str:
    """Return the result of --check-repeatable; empty unless it is about the current model."""
    repeats = parse_repeatability(read_object(layout.repeatability))
    if repeats is None or repeats.artefact != digest_file(layout.manifest):
        return ""
    return repeats.told


def _costs(training: Mapping[str, Any]) -> dict[str, str]:
    if "seconds" not in training:
        return {}
    return {
        "time": _seconds(training["seconds"]),
        "processor time": _seconds(training["processor_seconds"]),
        "peak memory": describe_size(training["peak_memory"]),
        **_on_cluster(training.get("cluster", {})),
    }


def _on_cluster(cluster: Mapping[str, Any]) -> dict[str, str]:
    if not cluster:
        return {}
    losses, repeats = cluster["lost_workers"], cluster["repeated_tasks"]
    suffix = f", {losses} lost, {repeats} tasks repeated" if losses else ""
    return {"cluster": f"{cluster['workers']} workers at the start{suffix}"}


def _seconds(value: float) -> str:
    minute = 60
    if value < minute:
        return f"{value:.1f} s"
    return str(timedelta(seconds=round(value)))


def _pictures(layout: Layout) -> list[tuple[str, str, str]]:
    """Return name, description and SVG of each picture that was drawn."""
    pictures = []
    for name, description in PICTURES.items():
        path = layout.evaluation / f"{name}.svg"
        if path.is_file():
            svg = path.read_text(encoding="utf-8")
            label = description.partition(":")[0]
            # A screen reader then announces one picture by its name, not every path in it.
            picture = re.sub(r"<svg ", f'<svg role="img" aria-label="{label}" ', svg, count=1)
            pictures.append((name, description, picture))
    return pictures


def _inputs_of_worst(layout: Layout, subject: Subject) -> dict[int, Mapping[str, Any]]:
    path = layout.holdout
    rows = {mistake["row"] for mistake in subject.measured.get("worst", ())}
    if not path.is_file() or not rows:
        return {}
    with path.open(encoding="utf-8") as stream:
        return {row: json.loads(line)["input"] for row, line in enumerate(stream, 1) if row in rows}


def _render(name: str, context: Mapping[str, Any]) -> str:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=jinja2.select_autoescape(["html.j2"]),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        block=block, code=code, inline=inline, paragraphs=paragraphs, printable=shown
    )
    environment.globals["table"] = table
    return environment.get_template(name).render(context)


def _facts(workspace: Workspace) -> dict[str, str]:
    config, scripts = workspace.config, (ASK_EACH, WEIGHING)
    setup_py = workspace.read_setup_py()
    name = read_distribution_name(setup_py)
    templates = [digest_file(path) for path in (*sorted(TEMPLATES.iterdir()), *scripts)]
    return {
        **workspace.environment.facts,
        "tool.trainwheel.card": digest_json(config.card),
        "tool.trainwheel.predict": config.predict,
        "tool.trainwheel.report.importance-calls": str(config.importance_calls),
        "tool.trainwheel.report.show-rows": str(config.show_rows),
        "the templates and scripts": digest_json(templates),
        "the proved Pythons": digest_json(read_matrix(workspace)),
        "setup.py": digest_json([name, _summary(setup_py), _imported(workspace)]),
    }


STEP = Step(
    name="report",
    help="Write the report page and the model card",
    run=_run,
    needs=("evaluate",),
    is_link=True,
    category="train",
    inputs=(
        *(MEASURED, PACKAGE, ARTEFACT),
        Files("what was measured", lambda here: here.files(here.layout.evaluation)),
        Files("the golden predictions", lambda here: here.files(here.layout.golden)),
        Files(
            "what is known of how training repeats",
            lambda here: here.files(here.layout.repeatability),
        ),
    ),
    facts=_facts,
    outputs=lambda layout: (layout.report, layout.site, layout.metrics_table, layout.card),
    flags=(TO, FORCE, WAIT, VERBOSE, JOBS),
    is_portable=True,
    # It shows the commit, which may be another one for the same inputs.
    keeps_results=False,
)


def weigh_columns(run: Run, measured: Mapping[str, Any], scratch: Path) -> Importance:
    """Return the importance of each column of the held-out rows.

    Args:
        run: This run.
        measured: The answer of the measuring script.
        scratch: A folder that is removed afterwards, with the rows in it.
    """
    from trainwheel.evaluation.importance import Importance, plan, weigh

    path, limit = run.workspace.layout.holdout, run.workspace.config.importance_calls
    if limit is None:
        limit = _CALLS_OF_ARRAYS if run.workspace.is_portable else _CALLS
    if not (limit and measured and path.is_file()):
        return Importance()
    with path.open(encoding="utf-8") as stream:
        asked = plan([json.loads(line) for line in stream], limit)
    if isinstance(asked, str):
        return Importance(reason=asked)
    answers = _ask(run, asked, scratch)
    if answers is None:
        log = run.workspace.layout.log("report")
        return Importance(reason=f"the model cannot be asked: see {log.name}")
    return weigh(asked, answers, measured["kind"], measured["positive"])


def _ask(run: Run, asked: Plan, scratch: Path) -> list[Any] | None:
    """Return the entry point's answer to each record, None for one that it refuses."""
    inputs, outputs = scratch / "inputs.jsonl", scratch / "outputs.jsonl"
    with inputs.open("w", encoding="utf-8") as stream:
        stream.writelines(f"{json.dumps(record)}\n" for record in asked.records())
    python, function = str(run.tools.python("report")), run.workspace.config.predict
    argv = (python, "-P", str(ASK_EACH), function, str(inputs), str(outputs))
    source = str(run.workspace.layout.source)
    result = run.tools.complete(Command(argv, env={"PYTHONPATH": source}), "report")
    if result.failed:
        return None
    return [json.loads(line) for line in outputs.read_text(encoding="utf-8").splitlines()]
