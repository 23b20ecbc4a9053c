"""``trainwheel inputs``: what a step read, how it was seen, and who read it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from trainwheel.cli.opening import open_here
from trainwheel.engine.chain import Step
from trainwheel.engine.inputs import digests_of
from trainwheel.engine.observed import Observed
from trainwheel.engine.records import last_observed, read_record
from trainwheel.engine.workspace import Workspace
from trainwheel.steps import load_chain
from trainwheel.system.text import columns, shown

__all__ = ["add_inputs"]


@dataclass(frozen=True)
class _Input:
    """One input: its name, how it was seen, and the file of the repository whose code did it."""

    name: str
    how: str
    by: str = ""


def add_inputs(parser: argparse.ArgumentParser) -> None:
    """Give a parser the arguments of ``inputs``."""
    names = tuple(step.name for step in load_chain().steps if step.inputs)
    parser.add_argument("step", choices=names, metavar="STEP", help=", ".join(names))
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.set_defaults(run=_inputs)


def _inputs(arguments: argparse.Namespace) -> None:
    run, step = open_here(), load_chain()[arguments.step]
    records = run.workspace.layout.records
    observed = last_observed(records, step.name, read_record(records, step.name))
    inputs = list(_list(run.workspace, step, observed))
    if arguments.json:
        run.console.line(json.dumps([asdict(each) for each in inputs], indent=1))
        return
    if step.assumed and observed is None:
        run.console.line(f"no run of {step.name} was observed yet: this is what stands for it")
    for line in columns([("input", "how", "by"), *((shown(i.name), i.how, i.by) for i in inputs)]):
        run.console.line(line)


def _list(workspace: Workspace, step: Step, observed: Observed | None) -> Iterator[_Input]:
    declared = digests_of(workspace, *step.inputs)
    seen = {} if observed is None else observed.files
    for name in sorted({*declared, *seen}):
        if name in seen:
            yield _Input(name, seen[name].how, seen[name].by)
        else:
            yield _Input(name, "declared")
    if observed is None:
        assumed = digests_of(workspace, *step.assumed)
        yield from (_Input(name, "assumed") for name in sorted(assumed.keys() - declared.keys()))
        return
    yield from (_Input(name, "looked for, absent") for name in observed.absent)
    yield from (_Input(f"{name}/", "listed", by) for name, by in observed.folders.items())
    for each, by in observed.globs.items():
        yield _Input(str(Path(each.folder, each.pattern)), "searched for", by)
    yield from (_Input(name, "written, so not an input") for name in observed.written)
