"""Run a step once: skip it if nothing changed, fence its inputs, place its outputs at the end."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from trainwheel.errors import InputChangedError, StepFailedError
from trainwheel.fingerprint import Fingerprint, explain
from trainwheel.project import Project
from trainwheel.state import (
    Record,
    digest_output,
    place,
    read_record,
    scratch_folder,
    write_record,
)

__all__ = ["current_record", "require_current", "run_step"]

Work = Callable[[Path], Mapping[str, str]]
"""Makes a step's outputs in the folder that it is given; returns facts for the record."""


def run_step(
    project: Project, step: str, facts: Mapping[str, str], work: Work, *, summary: str = ""
) -> Record:
    """Run ``work`` unless the step's record says that it would make what is already there.

    Args:
        project: The model repository.
        step: The step's name.
        facts: What counts beside the files, Python and the locked packages.
        work: Makes the outputs, under the last part of their names, in a scratch folder. A fact
            called ``summary`` is what a person is told.
        summary: What a person is told in any case, also where nothing was to be done.

    Raises:
        InputChangedError: An input moved while the step ran; what it made is kept aside.
    """
    before = project.fingerprint(step, facts)
    record = current_record(project, step, before)
    if record is not None:
        project.console.outcome(step, summary or "unchanged")
        return record
    started = time.monotonic()
    project.log_of(step).unlink(missing_ok=True)
    with project.console.working(step), scratch_folder(project.scratch, step) as scratch:
        told = dict(work(scratch))
        _fence(project, step, scratch, explain(before, project.fingerprint(step, facts)))
        for name, final in project.outputs(step).items():
            place(scratch / name, final)
    seconds = time.monotonic() - started
    outputs = {path.relative_to(project.root).as_posix(): digest_output(path)
               for path in project.outputs(step).values()}  # fmt: skip
    record = Record(step, before, outputs, seconds, told)
    write_record(project.records, record)
    project.console.outcome(step, summary or told.get("summary", "done"), seconds)
    return record


def current_record(project: Project, step: str, now: Fingerprint) -> Record | None:
    """Return a step's record if its inputs are as ``now`` and its outputs as it left them."""
    record = read_record(project.records, step)
    if record is None and (project.records / f"{step}.json").exists():
        project.console.notice(f"the record of {step} cannot be read, so it runs again")
    if record is None or record.fingerprint.key != now.key or any(_moved_outputs(project, record)):
        return None
    return record


def _moved_outputs(project: Project, record: Record) -> Iterator[str]:
    for name, digest in record.outputs.items():
        if not digest or digest_output(project.root / name) != digest:
            yield f"{name} changed"


def require_current(project: Project, step: str) -> Record:
    """Return a step's record, which must match the files as they are now.

    Raises:
        InputChangedError: A file moved since the step ran.
        StepFailedError: The step has not run.
    """
    record = read_record(project.records, step)
    if record is None:
        message = f"{step} has no record"
        raise StepFailedError(message, hint=f"run it first: nox -s {step}")
    # What a step was told by its command line is no file that can move.
    now = project.fingerprint(step, record.fingerprint.facts)
    moved = (*explain(record.fingerprint, now), *_moved_outputs(project, record))
    if moved:
        message = f"{moved[0]} after {step} ran"
        raise InputChangedError(message, hint="run the same command again")
    return record


def _fence(project: Project, step: str, scratch: Path, moved: tuple[str, ...]) -> None:
    if not moved:
        return
    aside = project.records / "aside" / step
    shutil.rmtree(aside, ignore_errors=True)
    aside.parent.mkdir(parents=True, exist_ok=True)
    scratch.rename(aside)
    message = f"{moved[0]} while {step} ran"
    kept = aside.relative_to(project.root)
    raise InputChangedError(message, hint=f"what it made is kept in {kept}; run it again")
