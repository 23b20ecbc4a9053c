"""Train again, in fresh processes, and compare what comes of it with the model that stands."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from trainwheel.engine.chain import REPEATABILITY
from trainwheel.engine.project import Project
from trainwheel.evaluation.golden import GoldenRow, compare
from trainwheel.evaluation.repeatability import Repeat, Repeatability, compare_predictions
from trainwheel.steps.shared.cluster import scheduler_of
from trainwheel.steps.shared.training import HASH_SEED, train
from trainwheel.system.digest import digest_file
from trainwheel.system.files import scratch_folder, write_atomically

__all__ = ["check_repeatable"]

_OTHER_SEEDS = ("1", "2")


def check_repeatable(project: Project) -> Repeatability:
    """Train twice with other hash seeds, once on the other engine, and write what repeats.

    Raises:
        TrainwheelError: Training failed, or the other engine is configured but cannot be used.
    """
    found = Repeatability(digest_file(project.artefact), tuple(_repeats(project)))
    text = json.dumps(found.as_json(), indent=1) + "\n"
    write_atomically(project.root / REPEATABILITY, text.encode())
    project.console.outcome("repeat", found.told)
    return found


def _repeats(project: Project) -> Iterator[Repeat]:
    engine = project.config.engine
    for seed in _OTHER_SEEDS:
        yield _repeat(project, engine, seed)
    if engine != "local":
        yield _repeat(project, "local", HASH_SEED)
    elif scheduler_of(project):
        yield _repeat(project, "dask", HASH_SEED)
    else:
        project.console.notice("no cluster is configured, so training is repeated here alone")


def _repeat(project: Project, engine: str, seed: str) -> Repeat:
    started, elsewhere = time.monotonic(), replace(project.config, engine=engine)
    with scratch_folder(project.scratch, "repeat") as scratch:
        checkpoints = scratch / "checkpoints"
        checkpoints.mkdir()
        there = replace(project, config=elsewhere)
        train(there, scratch, checkpoints, hash_seed=seed, is_quiet=True)
        artefact = digest_file(scratch / project.artefact.name)
        repeat = Repeat(engine, seed, artefact, _difference(project, scratch / "train"))
    told = "same bytes" if artefact == digest_file(project.artefact) else "same predictions"
    told = "other predictions" if repeat.difference else told
    project.console.outcome("repeat", f"{repeat.name}: {told}", time.monotonic() - started)
    return repeat


def _difference(project: Project, report: Path) -> str:
    """Return the first golden or held-out prediction that differs; empty for none."""
    standing, tolerance = project.root / "build/train", project.config.tolerance
    old, new = _read_golden(standing / "golden.jsonl"), _read_golden(report / "golden.jsonl")
    if [row.input for row in old] != [row.input for row in new]:
        return "golden.jsonl has other inputs"
    for difference in compare(old, new, tolerance):
        return str(difference)
    before, after = standing / "predictions.csv", report / "predictions.csv"
    if before.is_file() != after.is_file():
        return "predictions.csv was written by one of the two alone"
    if not before.is_file():
        return ""
    with (
        before.open(encoding="utf-8", newline="") as then,
        after.open(encoding="utf-8", newline="") as now,
    ):
        return compare_predictions(then, now, tolerance)


def _read_golden(path: Path) -> list[GoldenRow]:
    with path.open(encoding="utf-8") as stream:
        return [GoldenRow(**json.loads(line)) for line in stream]
