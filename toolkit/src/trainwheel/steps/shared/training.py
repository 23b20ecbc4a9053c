"""Train the model in a process of its own and record its golden predictions."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from trainwheel.engine.entry_points import words_of_python
from trainwheel.engine.project import PROGRESS, Project
from trainwheel.errors import StepFailedError
from trainwheel.evaluation.golden import GoldenRow, parse_inputs
from trainwheel.evaluation.metrics import parse_data_digests, parse_metrics, split_intervals
from trainwheel.guest import TRAIN
from trainwheel.requirements.lockfile import requirements
from trainwheel.steps.shared.cluster import plan_for
from trainwheel.steps.shared.prove import Model, ask
from trainwheel.steps.shared.staging import stage_package
from trainwheel.system.console import Console
from trainwheel.system.digest import digest_file
from trainwheel.system.environ import SecretClass
from trainwheel.wheel.manifest import manifest_of, render_manifest, versions_that_matter

__all__ = ["HASH_SEED", "host_command", "show_progress", "train"]

HASH_SEED = "0"
"""By which Python hashes texts in training."""

_THREADS = (
    *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS"),
    *("VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS"),
)
_SPARSE = 10.0
"""Seconds between two lines of progress where no line can be overwritten."""


def train(
    project: Project,
    scratch: Path,
    checkpoints: Path,
    *,
    hash_seed: str = HASH_SEED,
    is_quiet: bool = False,
) -> Mapping[str, str]:
    """Run the configured command and keep its model, its report and its golden predictions.

    Args:
        project: The model repository.
        scratch: A fresh folder, which gets what is kept.
        checkpoints: A folder that the command may keep unfinished work in.
        hash_seed: By which Python hashes texts.
        is_quiet: Show how far it is and nothing that it prints.

    Raises:
        StepFailedError: The command failed, wrote no model or no sound data.json, or the model does
            not predict.
        TrainwheelError: There is no cluster that could be used.
    """
    model, report = scratch / project.artefact.name, scratch / "train"
    report.mkdir()
    measures = scratch / "measures.json"
    variables = _variables(project, checkpoints, hash_seed)
    _run_command(project, scratch, measures, variables, is_quiet=is_quiet)
    if not model.is_file() or not model.stat().st_size:
        message = "training ended well but wrote no model"
        hint = "it must write the file that {model} names in tool.trainwheel.train.command"
        raise StepFailedError(message, hint=hint)
    if (report / "data.json").exists():
        parse_data_digests((report / "data.json").read_bytes())
    manifest_of(model).write_text(_manifest(project, model), encoding="utf-8")
    carriers = _record_golden(project, model, report, scratch)
    _record_run(measures, report, carriers)
    return {"summary": _describe(report), "model": digest_file(model)}


def _run_command(
    project: Project,
    scratch: Path,
    measures: Path,
    variables: Mapping[str, str],
    *,
    is_quiet: bool,
) -> None:
    plan, refusal = scratch / "plan.json", scratch / "refusal.json"
    secrets = frozenset() if project.brings_data else frozenset({SecretClass.DATA})
    with plan_for(project, scratch, variables, secrets) as cluster:
        told = {"measures": str(measures), "refusal": str(refusal), "cluster": cluster}
        plan.write_text(json.dumps(told), encoding="utf-8")
        command = project.training_command(scratch / project.artefact.name, scratch / "train")
        try:
            project.run_tool(
                "train",
                host_command(command, plan),
                what="training",
                env=variables,
                secrets=secrets,
                echo=show_progress(project.console, is_quiet=is_quiet),
                timeout=None if cluster is None else project.config.dask_time_limit,
            )
        except StepFailedError:
            if refusal.is_file():
                raise StepFailedError(**json.loads(refusal.read_bytes())) from None
            raise


def host_command(argv: Sequence[str], plan: Path) -> tuple[str, ...]:
    """Return a training command with the host around what Python runs.

    A command that is no Python, or whose words are not understood, is left as it is.

    Args:
        argv: The command.
        plan: What the host is told, see `trainwheel.guest`.
    """
    found = words_of_python(argv)
    if found is None:
        return tuple(argv)
    options, target = found
    return (argv[0], *options, "-P", str(TRAIN), str(plan), *target)


def show_progress(
    console: Console, clock: Callable[[], float] = time.monotonic, *, is_quiet: bool = False
) -> Callable[[str], None]:
    """Return what shows each line of training as it comes, unless quiet, and how far it is.

    A terminal has one line that is overwritten; elsewhere there is a line every ten seconds.
    """
    said = clock()

    def echo(line: str) -> None:
        nonlocal said
        if not line.startswith(PROGRESS):
            if not is_quiet:
                console.line(f"  {line}")
            return
        label, done, total = (*line.removeprefix(PROGRESS).split("\t"), "", "")[:3]
        share = f" of {total}" if total not in {"", "0"} else ""
        if console.is_terminal:
            console.progress(f"train    {_bar(done, total)}{label} {done}{share}")
        elif clock() - said >= _SPARSE:
            said = clock()
            console.line(f"  {label}: {done}{share}")

    return echo


def _bar(done: str, total: str) -> str:
    if not (done.isdecimal() and total.isdecimal() and int(total)):
        return "… "
    width = 24
    full = min(width, int(done) * width // int(total))
    return f"[{'=' * full}{' ' * (width - full)}] "


def _variables(project: Project, checkpoints: Path, hash_seed: str) -> dict[str, str]:
    """Return what makes runs repeat, and lets what they print come at once."""
    threads = project.config.threads
    return {
        "PYTHONPATH": str(project.source),
        "PYTHONHASHSEED": hash_seed,
        "PYTHONUNBUFFERED": "1",
        "TRAINWHEEL_CHECKPOINTS": str(checkpoints),
        **(dict.fromkeys(_THREADS, str(threads)) if threads else {}),
    }


def _manifest(project: Project, model: Path) -> str:
    locked = requirements(project.lock, *project.categories("train"))
    python = ".".join(map(str, sys.version_info[:3]))
    return render_manifest(
        digest_file(model), model.stat().st_size, versions_that_matter(locked), python
    )


def _record_golden(
    project: Project, artefact: Path, report: Path, scratch: Path
) -> tuple[str, ...]:
    """Add the predictions to the golden inputs; return the estimators that carry training rows."""
    path = report / "golden.jsonl"
    if not path.exists():
        project.console.notice("training wrote no golden.jsonl: no prediction will be repeated")
        path.touch()
    inputs = parse_inputs(path.read_text(encoding="utf-8"), "golden.jsonl")
    source = scratch / "source"
    stage_package(project, source, artefact)
    model = Model(
        project.config.predict,
        project.python("train"),
        project.environment,
        log=project.log_of("train"),
        variables={**project.variables("train"), "PYTHONPATH": str(source)},
    )
    carriers: list[str] = []
    notice = project.console.notice
    rows: Sequence[GoldenRow] = ask(
        model,
        inputs,
        scratch / "golden",
        notice=notice,
        carries=carriers.append,
        artefact=artefact,
    )
    path.write_text("".join(f"{json.dumps(asdict(row))}\n" for row in rows), encoding="utf-8")
    return tuple(carriers)


def _record_run(measures: Path, report: Path, carriers: Sequence[str]) -> None:
    """Write what the run took, and what is known of the model beside its metrics."""
    taken = json.loads(measures.read_bytes()) if measures.is_file() else {}
    document = {**taken, "carries_training_rows": list(carriers)}
    (report / "training.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def _describe(report: Path) -> str:
    path = report / "metrics.json"
    if not path.exists():
        return "trained, without metrics.json"
    metrics, _ = split_intervals(parse_metrics(path.read_bytes()))
    shown = [f"{name} {value:.3f}" for name, value in metrics.items() if isinstance(value, float)]
    return ", ".join(["trained", *shown[:2]])
