"""Run a step once: skip it if nothing changed, fence its inputs, place its outputs at the end."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from trainwheel.engine.cache import Result
from trainwheel.engine.chain import STEP_BY_NAME
from trainwheel.engine.fingerprint import Fingerprint, Reason, explain
from trainwheel.engine.inputs import fingerprint, read_inputs, told_facts
from trainwheel.engine.project import Project
from trainwheel.engine.records import (
    Record,
    has_failed,
    note_failure,
    read_record,
    withdraw_record,
    write_record,
)
from trainwheel.errors import InputChangedError, NoEnvironmentError, StepFailedError
from trainwheel.system.files import everything_below, place, remove, scratch_folder

__all__ = ["current_record", "moved_outputs", "require_current", "run_step"]

Work = Callable[[Path], Mapping[str, str]]
"""Makes a step's outputs in the folder that it is given; returns facts for the record."""

_Written = Mapping[str, tuple[int, int, int]]


def run_step(  # noqa: PLR0913 - what a session hands over, each by name
    project: Project,
    step: str,
    facts: Mapping[str, str],
    work: Work,
    *,
    summary: str = "",
    force: bool = False,
    is_quiet: bool = False,
) -> Record:
    """Run ``work`` unless the step's record says that it would make what is already there.

    What an earlier run made of the same inputs is taken from the result cache, unless the step has
    failed with them since.

    Args:
        project: The model repository.
        step: The step's name.
        facts: What counts beside the files, Python and the locked packages.
        work: Makes the outputs, under the last part of their names, in a scratch folder. A fact
            called ``summary`` is what a person is told.
        summary: What a person is told in any case, also where nothing was to be done.
        force: Run it whatever the record and the cache say.
        is_quiet: Say nothing where nothing was to be done.

    Raises:
        InputChangedError: An input moved while the step ran; what it made is kept aside.
    """
    before = fingerprint(project, step, facts)
    record = None if force else current_record(project, step, before)
    if record is not None:
        project.digests.save()
        if not is_quiet:
            project.console.outcome(step, summary or "unchanged")
        return record
    _tell_if_widened(project, step)
    started, written = time.monotonic(), _written(project, step, before)
    with project.console.working(step), scratch_folder(project.scratch, step) as scratch:
        kept = None if force else _restore(project, step, before, scratch)
        result = kept or _make(project, step, work, scratch, before)
        _fence(project, step, scratch, _moved(project, step, facts, before, written))
        outputs = _put_in_place(project, step, scratch, None if kept else result, before)
    record = Record(step, before, outputs, result.seconds, result.facts, result.made)
    write_record(project.records, record)
    project.digests.save()
    told = summary or result.facts.get("summary", "done")
    told += ", restored from the cache" if kept else ""
    project.console.outcome(step, told, time.monotonic() - started)
    return record


def _restore(project: Project, step: str, inputs: Fingerprint, scratch: Path) -> Result | None:
    if not STEP_BY_NAME[step].keeps_results or has_failed(project.records, step, inputs.key):
        return None
    kept = project.cache.restore(step, inputs.key, scratch)
    made = [scratch / name for name in project.outputs(step)]
    if kept is not None and not all(path.exists() for path in made):
        # Of another version of this library, whose step made something else.
        for path in scratch.iterdir():
            remove(path)
        return None
    return kept


def _make(project: Project, step: str, work: Work, scratch: Path, inputs: Fingerprint) -> Result:
    started = time.monotonic()
    project.log_of(step).unlink(missing_ok=True)
    try:
        facts = dict(work(scratch))
    except NoEnvironmentError:
        raise  # nothing has run
    except Exception:  # not an interrupt or a signal: these say nothing of the inputs
        _withdraw(project, step, inputs)
        raise
    return Result(facts, time.monotonic() - started, time.time())


def _withdraw(project: Project, step: str, inputs: Fingerprint) -> None:
    """Let nothing stand for a success with inputs with which the step has failed now."""
    if not STEP_BY_NAME[step].keeps_results:
        return  # what was fetched before is none the worse
    withdraw_record(project.records, step, inputs)
    if reason := project.cache.withdraw(step, inputs.key):
        note_failure(project.records, step, inputs.key)
        project.console.notice(
            f"what {step} made of the same inputs before is no longer used: {reason}"
        )


def current_record(project: Project, step: str, now: Fingerprint) -> Record | None:
    """Return a step's record if its inputs are as ``now`` and its outputs as it left them."""
    record = read_record(project.records, step)
    if record is None and (project.records / f"{step}.json").exists():
        project.console.notice(f"the record of {step} cannot be read, so it runs again")
    if record is None or record.fingerprint.key != now.key or any(moved_outputs(project, record)):
        return None
    return record


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
    # What a step was told by its command line or by an index is no file that can move.
    now = fingerprint(project, step, told_facts(record.fingerprint))
    moved = (*explain(record.fingerprint, now), *moved_outputs(project, record))
    if moved:
        message = f"{moved[0]} after {step} ran"
        raise InputChangedError(message, hint="run the same command again")
    return record


def moved_outputs(project: Project, record: Record) -> Iterator[Reason]:
    """Yield each output that is not as a step left it."""
    finals = (
        path.relative_to(project.root).as_posix() for path in project.outputs(record.step).values()
    )
    for name, digest in {**dict.fromkeys(finals, ""), **record.outputs}.items():
        now = project.digests.output(project.root / name, without=project.beside(record.step))
        if not digest or now != digest:
            yield Reason(name, digest, now or None)


def _tell_if_widened(project: Project, step: str) -> None:
    if culprit := read_inputs(project, step).widened_by:
        source = project.config.source
        project.console.notice_once(
            f"{culprit} imports what its text does not tell, so every file under {source} counts"
        )


def _written(project: Project, step: str, inputs: Fingerprint) -> _Written:
    if not STEP_BY_NAME[step].watches_writes:
        return {}
    return {name: project.digests.written(project.root / name) for name in inputs.files}


def _moved(
    project: Project, step: str, facts: Mapping[str, str], before: Fingerprint, written: _Written
) -> str:
    """Return what moved since ``before`` was taken, as a clause; empty for nothing."""
    for reason in explain(before, fingerprint(project, step, facts)):
        return str(reason)
    for name, signature in written.items():
        if project.digests.written(project.root / name) != signature:
            return f"{name} was written"
    return ""


def _fence(project: Project, step: str, scratch: Path, moved: str) -> None:
    if not moved:
        return
    aside = project.records / "aside" / step
    shutil.rmtree(aside, ignore_errors=True)
    aside.parent.mkdir(parents=True, exist_ok=True)
    scratch.rename(aside)
    message = f"{moved} while {step} ran"
    kept = aside.relative_to(project.root)
    raise InputChangedError(message, hint=f"what it made is kept in {kept}; run it again")


def _put_in_place(
    project: Project, step: str, scratch: Path, result: Result | None, inputs: Fingerprint
) -> dict[str, str]:
    """Keep a new result for later, rename the outputs into place, and return their digests."""
    finals = project.outputs(step)
    made = {name: scratch / name for name in finals}
    digests = {
        final.relative_to(project.root).as_posix(): project.digests.output(made[name])
        for name, final in finals.items()
    }
    known = STEP_BY_NAME[step]
    if result is None or known.category is None or not known.keeps_results:
        reason = ""  # a decision or a page costs nothing to make again
    else:
        reason = project.cache.keep(step, inputs.key, result, made)
    if reason:
        project.console.notice(f"what {step} made is not kept for later: {reason}")
    for name, final in finals.items():
        below = [path.removeprefix(str(made[name])) for path in everything_below(made[name])]
        place(made[name], final)
        for path in below:
            project.digests.carry(f"{made[name]}{path}", f"{final}{path}")
    return digests
