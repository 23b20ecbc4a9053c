"""Train the model in a process of its own and record its golden predictions."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from trainwheel.chain import STEP_BY_NAME
from trainwheel.digests import digest_file
from trainwheel.environ import SecretClass
from trainwheel.errors import StepFailedError
from trainwheel.golden import parse_inputs
from trainwheel.lockfile import requirements
from trainwheel.manifest import manifest_of, render_manifest, versions_that_matter
from trainwheel.metrics import parse_metrics, split_intervals
from trainwheel.project import Project
from trainwheel.proving import Model, ask
from trainwheel.staging import stage_package

__all__ = ["train"]

_HASH_SEED = "0"


def train(project: Project, scratch: Path) -> Mapping[str, str]:
    """Run the configured command and keep its model, its report and its golden predictions.

    Raises:
        StepFailedError: The command failed, wrote no model, or the model does not predict.
    """
    model, report = scratch / project.artefact.name, scratch / "train"
    report.mkdir()
    project.run_tool(
        "train",
        project.training_command(model, report),
        what="training",
        env={"PYTHONPATH": str(project.source), "PYTHONHASHSEED": _HASH_SEED},
        secrets=frozenset({SecretClass.DATA}),
    )
    if not model.is_file() or not model.stat().st_size:
        message = "training ended well but wrote no model"
        hint = "it must write the file that {model} names in tool.trainwheel.train.command"
        raise StepFailedError(message, hint=hint)
    manifest_of(model).write_text(_manifest(project, model), encoding="utf-8")
    _record_golden(project, model, report, scratch)
    return {"summary": _describe(report), "model": digest_file(model)}


def _manifest(project: Project, model: Path) -> str:
    locked = requirements(project.lock, *STEP_BY_NAME["train"].categories)
    python = ".".join(map(str, sys.version_info[:3]))
    return render_manifest(
        digest_file(model), model.stat().st_size, versions_that_matter(locked), python
    )


def _record_golden(project: Project, artefact: Path, report: Path, scratch: Path) -> None:
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
    rows = ask(model, inputs, scratch / "golden", notice=project.console.notice)
    path.write_text("".join(f"{json.dumps(asdict(row))}\n" for row in rows), encoding="utf-8")


def _describe(report: Path) -> str:
    path = report / "metrics.json"
    if not path.exists():
        return "trained, without metrics.json"
    metrics, _ = split_intervals(parse_metrics(path.read_bytes()))
    shown = [f"{name} {value:.3f}" for name, value in metrics.items() if isinstance(value, float)]
    return ", ".join(["trained", *shown[:2]])
