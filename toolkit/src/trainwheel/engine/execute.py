"""Run a step once: skip it if nothing changed, fence its inputs, place its outputs at the end."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from trainwheel.engine.cache import Result
from trainwheel.engine.chain import Step
from trainwheel.engine.fingerprint import Fingerprint, Reason, explain
from trainwheel.engine.inputs import fingerprint, learned_facts, read_inputs
from trainwheel.engine.records import (
    Record,
    has_failed,
    note_failure,
    read_record,
    withdraw_record,
    write_record,
)
from trainwheel.engine.run import Run
from trainwheel.engine.workspace import Workspace
from trainwheel.errors import InputChangedError, NoEnvironmentError, StepFailedError
from trainwheel.system.files import everything_below, place, remove, scratch_folder

__all__ = ["current_record", "is_stale", "moved_outputs", "require_current", "run_step"]

Work = Callable[[Path], Mapping[str, str]]
"""Makes a step's outputs in the folder that it is given; returns facts for the record."""

_Written = Mapping[str, tuple[int, int, int]]


def run_step(  # noqa: PLR0913 - what a step hands over, each by name
    run: Run,
    step: Step,
    work: Work,
    *,
    learned: Mapping[str, str] | None = None,
    summary: str = "",
    force: bool | None = None,
    is_quiet: bool = False,
) -> Record:
    """Run ``work`` unless the step's record says that it would make what is already there.

    What an earlier run made of the same inputs is taken from the result cache, unless the step has
    failed with them since.

    Args:
        run: This run.
        step: The step.
        work: Makes the outputs, under the last part of their names, in a scratch folder. A fact
            called ``summary`` is what a person is told.
        learned: Facts that this run found out.
        summary: What a person is told in any case, also where nothing was to be done.
        force: Run it whatever the record and the cache say; by default if that was asked for.
        is_quiet: Say nothing where nothing was to be done.

    Raises:
        InputChangedError: An input moved while the step ran; what it made is kept aside.
    """
    force = run.is_forced(step.name) if force is None else force
    doing = _Doing(run, step, learned or {}, fingerprint(run.workspace, step, learned))
    record = None if force else current_record(run, step, doing.inputs)
    if record is not None:
        run.workspace.digests.save()
        if not is_quiet:
            run.console.outcome(step.name, summary or "unchanged")
        return record
    doing.say_if_widened()
    started = time.monotonic()
    record, is_restored = doing.do(work, force=force)
    run.made.add(step.name)
    outcome = summary or record.facts.get("summary", "done")
    outcome += ", restored from the cache" if is_restored else ""
    run.console.outcome(step.name, outcome, time.monotonic() - started)
    return record


@dataclass(frozen=True)
class _Doing:
    """A step that has something to do.

    Args:
        run: This run.
        step: The step.
        learned: Facts that this run found out.
        inputs: What the step depends on, as it was at the start.
    """

    run: Run
    step: Step
    learned: Mapping[str, str]
    inputs: Fingerprint

    def do(self, work: Work, *, force: bool) -> tuple[Record, bool]:
        """Make or restore the outputs, place them and write the record last."""
        run, step, layout = self.run, self.step, self.run.workspace.layout
        written = self._written()
        with run.console.working(step.name), scratch_folder(layout.scratch, step.name) as scratch:
            kept = None if force else self._restore(scratch)
            result = kept or self._make(work, scratch)
            self._fence(scratch, self._moved(written))
            outputs = self._put_in_place(scratch, None if kept else result)
        record = Record(step.name, self.inputs, outputs, result.seconds, result.facts, result.made)
        write_record(layout.records, record)
        run.workspace.digests.save()
        return record, kept is not None

    def say_if_widened(self) -> None:
        """Say so where an import is not told by its text."""
        if culprit := read_inputs(self.run.workspace, self.step).widened_by:
            source = self.run.workspace.config.source
            self.run.console.notice_once(
                f"{culprit} imports what its text does not tell, so every file under {source} "
                "counts"
            )

    def _restore(self, scratch: Path) -> Result | None:
        step, workspace = self.step, self.run.workspace
        records = workspace.layout.records
        if not step.keeps_results or has_failed(records, step.name, self.inputs.key):
            return None
        kept = workspace.cache.restore(step.name, self.inputs.key, scratch)
        made = [scratch / path.name for path in step.outputs(workspace.layout)]
        if kept is not None and not all(path.exists() for path in made):
            # Of another version of this library, whose step made something else.
            for path in scratch.iterdir():
                remove(path)
            return None
        return kept

    def _make(self, work: Work, scratch: Path) -> Result:
        started = time.monotonic()
        self.run.workspace.layout.log(self.step.name).unlink(missing_ok=True)
        try:
            facts = dict(work(scratch))
        except NoEnvironmentError:
            raise  # nothing has run
        except Exception:  # not an interrupt or a signal: these say nothing of the inputs
            self._withdraw()
            raise
        return Result(facts, time.monotonic() - started, time.time())

    def _withdraw(self) -> None:
        """Let nothing stand for a success with inputs with which the step has failed now."""
        step, workspace = self.step, self.run.workspace
        if not step.keeps_results:
            return  # what was fetched before is none the worse
        records = workspace.layout.records
        withdraw_record(records, step.name, self.inputs)
        if reason := workspace.cache.withdraw(step.name, self.inputs.key):
            note_failure(records, step.name, self.inputs.key)
            self.run.console.notice(
                f"what {step.name} made of the same inputs before is no longer used: {reason}"
            )

    def _written(self) -> _Written:
        if not self.step.watches_writes:
            return {}
        root, digests = self.run.workspace.layout.root, self.run.workspace.digests
        return {name: digests.written(root / name) for name in self.inputs.files}

    def _moved(self, written: _Written) -> str:
        """Return what moved since the start, as a clause; empty for nothing."""
        workspace = self.run.workspace
        for reason in explain(self.inputs, fingerprint(workspace, self.step, self.learned)):
            return str(reason)
        for name, signature in written.items():
            if workspace.digests.written(workspace.layout.root / name) != signature:
                return f"{name} was written"
        return ""

    def _fence(self, scratch: Path, moved: str) -> None:
        if not moved:
            return
        layout = self.run.workspace.layout
        aside = layout.aside / self.step.name
        shutil.rmtree(aside, ignore_errors=True)
        aside.parent.mkdir(parents=True, exist_ok=True)
        scratch.rename(aside)
        message = f"{moved} while {self.step.name} ran"
        kept = layout.relative(aside)
        raise InputChangedError(message, hint=f"what it made is kept in {kept}; run it again")

    def _put_in_place(self, scratch: Path, result: Result | None) -> dict[str, str]:
        """Keep a new result for later, rename the outputs into place, and return their digests."""
        step, workspace = self.step, self.run.workspace
        layout, table = workspace.layout, workspace.digests
        finals = {path.name: path for path in step.outputs(layout)}
        made = {name: scratch / name for name in finals}
        digests = {
            layout.relative(final): table.output(made[name]) for name, final in finals.items()
        }
        if result is None or step.category is None or not step.keeps_results:
            reason = ""  # a decision or a page costs nothing to make again
        else:
            reason = workspace.cache.keep(step.name, self.inputs.key, result, made)
        if reason:
            self.run.console.notice(f"what {step.name} made is not kept for later: {reason}")
        for name, final in finals.items():
            below = [path.removeprefix(str(made[name])) for path in everything_below(made[name])]
            place(made[name], final)
            for path in below:
                table.carry(f"{made[name]}{path}", f"{final}{path}")
        return digests


def current_record(run: Run, step: Step, now: Fingerprint) -> Record | None:
    """Return a step's record if its inputs are as ``now`` and its outputs as it left them."""
    records = run.workspace.layout.records
    record = read_record(records, step.name)
    if record is None and (records / f"{step.name}.json").exists():
        run.console.notice_once(f"the record of {step.name} cannot be read, so it runs again")
    if record is None or record.fingerprint.key != now.key:
        return None
    return None if any(moved_outputs(run.workspace, step, record)) else record


def is_stale(run: Run, step: Step) -> bool:
    """Return whether a step has something to do, as far as its inputs are there."""
    workspace = run.workspace
    places = (workspace.layout.root / name for name in workspace.config.training_data)
    if workspace.fetches_data and not all(place.exists() for place in places):
        return True  # the data is yet to be fetched, so nobody knows it
    return current_record(run, step, fingerprint(workspace, step)) is None


def require_current(workspace: Workspace, step: Step) -> Record:
    """Return a step's record, which must match the files as they are now.

    Raises:
        InputChangedError: A file moved since the step ran.
        StepFailedError: The step has not run.
    """
    record = read_record(workspace.layout.records, step.name)
    if record is None:
        message = f"{step.name} has no record"
        raise StepFailedError(message, hint=f"run it first: nox -s {step.name}")
    now = fingerprint(workspace, step, learned_facts(step, record.fingerprint))
    moved = (*explain(record.fingerprint, now), *moved_outputs(workspace, step, record))
    if moved:
        message = f"{moved[0]} after {step.name} ran"
        raise InputChangedError(message, hint="run the same command again")
    return record


def moved_outputs(workspace: Workspace, step: Step, record: Record) -> Iterator[Reason]:
    """Yield each output that is not as a step left it."""
    layout = workspace.layout
    beside = frozenset(map(str, step.beside(layout)))
    finals = map(layout.relative, step.outputs(layout))
    for name, digest in {**dict.fromkeys(finals, ""), **record.outputs}.items():
        now = workspace.digests.output(layout.root / name, without=beside)
        if not digest or now != digest:
            yield Reason(name, digest, now or None)
