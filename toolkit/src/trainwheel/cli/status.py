"""``trainwheel status`` and ``trainwheel why``: for a person or, with ``--json``, for a program."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from trainwheel.cli.opening import open_here
from trainwheel.engine.chain import Step
from trainwheel.engine.inputs import digests_of
from trainwheel.engine.observed import Observed
from trainwheel.engine.records import last_observed, read_record
from trainwheel.engine.status import CURRENT, SKIPPED, UNRECORDED, StepStatus, read_status
from trainwheel.engine.workspace import Workspace
from trainwheel.steps import load_chain
from trainwheel.system.text import columns, moment, shown

__all__ = ["add_inputs", "add_status", "add_why", "describe_reasons", "render_table"]


def add_status(parser: argparse.ArgumentParser) -> None:
    """Give a parser the options of ``status``."""
    _add_options(parser, "end with exit code 1 if a link of the chain would run")
    parser.set_defaults(run=_status)


def add_why(parser: argparse.ArgumentParser) -> None:
    """Give a parser the arguments of ``why``."""
    names = tuple(load_chain().by_name)
    parser.add_argument("step", choices=names, metavar="STEP", help=", ".join(names))
    _add_options(parser, "end with exit code 1 if the step would run, or one before it")
    parser.set_defaults(run=_why)


def _add_options(parser: argparse.ArgumentParser, exit_code: str) -> None:
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument("--exit-code", action="store_true", help=exit_code)


def _status(arguments: argparse.Namespace) -> int:
    run = open_here()
    steps = tuple(read_status(run.workspace, load_chain()).values())
    if arguments.json:
        run.console.line(json.dumps([step.as_json() for step in steps], indent=1))
    else:
        for line in render_table(steps, now=time.time()):
            run.console.line(line)
    return int(arguments.exit_code and any(step.is_owed for step in steps))


def _why(arguments: argparse.Namespace) -> int:
    run = open_here()
    status = read_status(run.workspace, load_chain())[arguments.step]
    if arguments.json:
        run.console.line(json.dumps(status.as_json(), indent=1))
    else:
        for line in describe_reasons(status):
            run.console.line(line)
    return int(arguments.exit_code and status.is_due)


def render_table(steps: Sequence[StepStatus], *, now: float) -> Iterator[str]:
    """Yield the lines of the table: step, state, since when, and how long it took.

    Below it stand what is at work, what failed, and the sessions that have no state.

    Args:
        steps: The links in the order of the chain, then the others.
        now: Seconds since 1970: a step of today shows its time, an older one its date.
    """
    links = [step for step in steps if step.state != UNRECORDED]
    yield from columns([("step", "state", "since", "took"), *(_row(s, now) for s in links)])
    for status in steps:
        yield from _notes(status)
    if others := [step.step for step in steps if step.state == UNRECORDED]:
        yield f"whenever they are asked for: {', '.join(others)}"


def _row(status: StepStatus, now: float) -> tuple[str, str, str, str]:
    state = status.state
    if status.waits_for and not status.reasons:
        state = f"waits for {status.waits_for}"
    elif status.reasons:
        more = f" and {len(status.reasons) - 1} more" if len(status.reasons) > 1 else ""
        state = f"{state}: {status.reasons[0]}{more}"
    state += "; the cache holds it" if status.is_cached else ""
    took = "" if status.seconds is None else f"{status.seconds:.1f} s"
    since = "" if status.finished is None else moment(status.finished, now)
    return status.step, state, since, took


def _notes(status: StepStatus) -> Iterator[str]:
    """Yield what is to be said of a step whatever its state."""
    step, owner, failure = status.step, status.running, status.failure
    if owner is not None:
        doubt = "" if owner.is_seen else "; it cannot be seen from here whether it still runs"
        yield f"{step} is at work since {moment(owner.step_started)}: {owner}{doubt}"
    if failure is not None:
        log = f"; {failure.log}" if failure.log else ""
        yield f"{step} failed {moment(failure.finished)}: {failure.message}{log}"
    if 0 < status.passed < status.runs:
        yield f"{step} passed {status.passed} of {status.runs} for these inputs"


def describe_reasons(status: StepStatus) -> Iterator[str]:
    """Yield a line about a step, one for each reason for which it would run, and what is known."""
    step = status.step
    if status.state == UNRECORDED:
        yield f"{step} runs whenever it is asked for; no record of it is kept"
    elif status.state == SKIPPED:
        yield f"{step} is skipped: this repository has nothing for it to do"
    elif status.state == CURRENT and status.finished is None:
        yield f"{step} is up to date: what would be released is published"
    elif status.state == CURRENT:
        yield f"{step} is up to date: nothing that it depends on has changed"
    elif status.reasons:
        yield f"{step} would run again, because"
        yield from (f"  {reason.detail}" for reason in status.reasons)
    elif status.finished is None:
        yield f"{step} has not run here, or its record cannot be read"
    if status.waits_for:
        yield f"{step} builds upon what {status.waits_for} makes, and that is not up to date"
    if status.before:
        yield f"before {step} would run: {', '.join(status.before)}"
    if status.is_cached:
        yield f"the cache holds the result of {step} for the present inputs"
    yield from _notes(status)


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
    own = {workspace.layout.relative(path) for each in step.outputs(workspace.layout)
           for path in (each, *each.parents) if workspace.layout.root in path.parents}  # fmt: skip
    yield from (_Input(name, "written, so not an input") for name in observed.written
                if name not in own)  # fmt: skip
