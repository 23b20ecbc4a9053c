"""``trainwheel status`` and ``trainwheel why``: for a person or, with ``--json``, for a program."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Sequence

from trainwheel.cli.opening import open_here
from trainwheel.engine.status import CURRENT, UNRECORDED, StepStatus, read_status, why
from trainwheel.steps import load_chain
from trainwheel.system.text import columns

__all__ = ["add_status", "add_why", "describe_reasons", "render_table"]


def add_status(parser: argparse.ArgumentParser) -> None:
    """Give a parser the options of ``status``."""
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.set_defaults(run=_status)


def add_why(parser: argparse.ArgumentParser) -> None:
    """Give a parser the arguments of ``why``."""
    names = tuple(load_chain().by_name)
    parser.add_argument("step", choices=names, metavar="STEP", help=", ".join(names))
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.set_defaults(run=_why)


def _status(arguments: argparse.Namespace) -> None:
    run = open_here()
    steps = read_status(run.workspace, load_chain())
    if arguments.json:
        run.console.line(json.dumps([step.as_json() for step in steps], indent=1))
        return
    for line in render_table(steps, now=time.time()):
        run.console.line(line)


def _why(arguments: argparse.Namespace) -> None:
    run = open_here()
    status = why(run.workspace, load_chain(), arguments.step)
    if arguments.json:
        run.console.line(json.dumps(status.as_json(), indent=1))
        return
    for line in describe_reasons(status):
        run.console.line(line)


def render_table(steps: Sequence[StepStatus], *, now: float) -> Iterator[str]:
    """Yield the lines of the table: step, state, since when, and how long it took.

    Args:
        steps: In the order of the chain.
        now: Seconds since 1970: a step of today shows its time, an older one its date.
    """
    yield from columns([("step", "state", "since", "took"), *(_row(s, now) for s in steps)])


def _row(status: StepStatus, now: float) -> tuple[str, str, str, str]:
    state = status.state
    if status.waits_for and not status.reasons:
        state = f"waits for {status.waits_for}"
    elif status.reasons:
        more = f" and {len(status.reasons) - 1} more" if len(status.reasons) > 1 else ""
        state = f"{state}: {status.reasons[0]}{more}"
    took = "" if status.seconds is None else f"{status.seconds:.1f} s"
    return status.step, state, _since(status.finished, now), took


def _since(time_finished: float | None, now: float) -> str:
    if time_finished is None:
        return ""
    then, today = time.localtime(time_finished), time.localtime(now)
    return time.strftime("%H:%M:%S" if then[:3] == today[:3] else "%Y-%m-%d %H:%M", then)


def describe_reasons(status: StepStatus) -> Iterator[str]:
    """Yield a line about a step and one for each reason for which it would run again."""
    step = status.step
    if status.state == UNRECORDED:
        yield f"{step} runs whenever it is asked for: it makes nothing that could be up to date"
    elif status.finished is None:
        yield f"{step} has not run here, or its record cannot be read"
    elif status.reasons:
        yield f"{step} would run again, because"
        yield from (f"  {reason.detail}" for reason in status.reasons)
    elif status.state == CURRENT:
        yield f"{step} is up to date: nothing that it depends on has changed"
    if status.waits_for:
        yield f"{step} builds upon what {status.waits_for} makes, and that is not up to date"
