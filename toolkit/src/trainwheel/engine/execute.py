"""Run a step once: skip it if nothing changed, refuse inputs that change while it runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
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

__all__ = [
    "current_record",
    "is_stale",
    "moved_outputs",
    "remove_former",
    "require_current",
    "run_step",
]

Work = Callable[[Path], Mapping[str, str]]
"""Makes a step's outputs in a scratch folder, and returns facts for the record."""

_Signatures = Mapping[str, tuple[int, int, int]]


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
    """Run ``work``, unless the step's record shows that its outputs are up to date.

    If the cache holds a result for the same inputs, that is restored instead; not so if the step
    has failed with these inputs since.

    Args:
        run: This run.
        step: The step.
        work: Makes the outputs, under the last part of their names, in a scratch folder. A fact
            called ``summary`` is printed.
        learned: The facts that this run found out; see `Step.learns`.
        summary: Is printed in any case, also where the step is up to date.
        force: Run it whatever the record and the cache say; by default if ``--force`` was given.
        is_quiet: Print nothing where the step is up to date.

    Raises:
        InputChangedError: An input changed while the step ran; the outputs are kept aside.
    """
    force = run.is_forced(step.name) if force is None else force
    stale = _StaleStep(run, step, learned or {}, fingerprint(run.workspace, step, learned))
    record = None if force else current_record(run, step, stale.inputs)
    if record is not None:
        run.workspace.digests.save()
        if not is_quiet:
            run.console.outcome(step.name, summary or "unchanged")
        return record
    stale.notice_computed_imports()
    start = time.monotonic()
    record, is_restored = stale.update(work, force=force)
    run.made.add(step.name)
    outcome = summary or record.facts.get("summary", "done")
    outcome += ", restored from the cache" if is_restored else ""
    run.console.outcome(step.name, outcome, time.monotonic() - start)
    return record


@dataclass(frozen=True)
class _StaleStep:
    """A step that is to be run.

    Args:
        run: This run.
        step: The step.
        learned: The facts that this run found out.
        inputs: What the step depends on, as it was at the start.
    """

    run: Run
    step: Step
    learned: Mapping[str, str]
    inputs: Fingerprint

    def update(self, work: Work, *, force: bool) -> tuple[Record, bool]:
        """Make or restore the outputs, place them, and write the record last.

        Returns:
            The record, and whether the outputs are from the cache.
        """
        run, step, layout = self.run, self.step, self.run.workspace.layout
        signatures = self._signatures()
        with run.console.working(step.name), scratch_folder(layout.scratch, step.name) as scratch:
            earlier = None if force else self._restore(scratch)
            result = earlier or self._make(work, scratch)
            self._refuse(scratch, self._change_since(signatures))
            remove_former(run, step.name, step.outputs(layout))
            outputs = self._put_in_place(scratch, None if earlier else result)
        record = Record(step.name, self.inputs, outputs, result.seconds, result.facts, result.made)
        write_record(layout.records, record)
        run.workspace.digests.save()
        return record, earlier is not None

    def notice_computed_imports(self) -> None:
        """Print a notice if the step's inputs cannot be read from the imports alone."""
        if culprit := read_inputs(self.run.workspace, self.step).widened_by:
            source = self.run.workspace.config.source
            self.run.console.notice_once(
                f"the modules that {culprit} imports are only known when it runs, so every file "
                f"under {source} is an input"
            )

    def _restore(self, scratch: Path) -> Result | None:
        step, workspace = self.step, self.run.workspace
        records = workspace.layout.records
        if not step.keeps_results or has_failed(records, step.name, self.inputs.key):
            return None
        result = workspace.cache.restore(step.name, self.inputs.key, scratch)
        names = map(workspace.layout.scratch_name, step.outputs(workspace.layout))
        if result is not None and not all((scratch / name).exists() for name in names):
            # It is from another version of this library, whose step had other outputs.
            for path in scratch.iterdir():
                remove(path)
            return None
        return result

    def _make(self, work: Work, scratch: Path) -> Result:
        start = time.monotonic()
        self.run.workspace.layout.log(self.step.name).unlink(missing_ok=True)
        try:
            facts = dict(work(scratch))
        except NoEnvironmentError:
            raise  # the work has not begun
        except Exception:  # an interrupt or a signal is not a failure with these inputs
            self._withdraw()
            raise
        return Result(facts, time.monotonic() - start, time.time())

    def _withdraw(self) -> None:
        """Remove the record and the cached result of the inputs with which the step failed."""
        step, workspace = self.step, self.run.workspace
        if not step.keeps_results:
            return  # the data that was fetched before is still good
        records = workspace.layout.records
        withdraw_record(records, step.name, self.inputs)
        if reason := workspace.cache.withdraw(step.name, self.inputs.key):
            note_failure(records, step.name, self.inputs.key)
            self.run.console.notice(
                f"the cache holds an earlier result of {step.name} for the same inputs, which is "
                f"ignored from now on: {reason}"
            )

    def _signatures(self) -> _Signatures:
        if not self.step.watches_writes:
            return {}
        root, digests = self.run.workspace.layout.root, self.run.workspace.digests
        return {name: digests.written(root / name) for name in self.inputs.files}

    def _change_since(self, signatures: _Signatures) -> str:
        """Return the first change of an input since the start, as a clause; empty for none."""
        workspace = self.run.workspace
        for reason in explain(self.inputs, fingerprint(workspace, self.step, self.learned)):
            return str(reason)
        for name, signature in signatures.items():
            if workspace.digests.written(workspace.layout.root / name) != signature:
                return f"{name} was written"
        return ""

    def _refuse(self, scratch: Path, change: str) -> None:
        if not change:
            return
        layout = self.run.workspace.layout
        aside = layout.aside / self.step.name
        place(scratch, aside)
        message = f"{change} while {self.step.name} ran"
        hint = f"what it made is kept in {layout.relative(aside)}; run it again"
        raise InputChangedError(message, hint=hint)

    def _put_in_place(self, scratch: Path, result: Result | None) -> dict[str, str]:
        """Cache a new result, rename the outputs into place, and return their digests."""
        step, workspace = self.step, self.run.workspace
        layout, table = workspace.layout, workspace.digests
        finals = {layout.scratch_name(path): path for path in step.outputs(layout)}
        outputs = {name: scratch / name for name in finals}
        digests = {
            layout.relative(final): table.output(outputs[name], at=final)
            for name, final in finals.items()
        }
        # Without an environment a step takes no time: its result is not worth a place in the cache.
        if result is not None and step.category is not None and step.keeps_results:
            tops = {(top := name.partition("/")[0]): scratch / top for name in outputs}
            reason = workspace.cache.keep(step.name, self.inputs.key, result, tops)
            if reason:
                self.run.console.notice(f"the result of {step.name} is not cached: {reason}")
        for name, final in finals.items():
            top = str(outputs[name])
            below = [path.removeprefix(top) for path in everything_below(outputs[name])]
            place(outputs[name], final)
            for path in below:
                table.carry(f"{top}{path}", f"{final}{path}")
        return digests


def remove_former(run: Run, name: str, outputs: Iterable[Path]) -> None:
    """Remove what a step made under an earlier configuration, unless that has changed since.

    Args:
        run: This run.
        name: The step's name.
        outputs: What it makes now.
    """
    layout, digests = run.workspace.layout, run.workspace.digests
    record = read_record(layout.records, name)
    former = {} if record is None else dict(record.outputs)
    for path in former.keys() - set(map(layout.relative, outputs)):
        digest = digests.output(layout.root / path)
        if digest == former[path]:
            remove(layout.root / path)
        elif digest:
            run.console.notice(
                f"{path} is of an earlier configuration of {name} and has changed since, so it is "
                "left there; remove it if nothing needs it"
            )


def current_record(run: Run, step: Step, now: Fingerprint) -> Record | None:
    """Return a step's record if its inputs are still ``now`` and its outputs are unchanged."""
    records = run.workspace.layout.records
    record = read_record(records, step.name)
    if record is None and (records / f"{step.name}.json").exists():
        run.console.notice_once(f"the record of {step.name} cannot be read, so it runs again")
    if record is None or record.fingerprint.key != now.key:
        return None
    return None if any(moved_outputs(run.workspace, step, record)) else record


def is_stale(run: Run, step: Step) -> bool:
    """Return whether a step has to run."""
    workspace = run.workspace
    places = (workspace.layout.root / name for name in workspace.config.training_data)
    if workspace.fetches_data and not all(place.exists() for place in places):
        return True  # the data is yet to be fetched, so its digest is unknown
    return current_record(run, step, fingerprint(workspace, step)) is None


def require_current(workspace: Workspace, step: Step) -> Record:
    """Return a step's record, if it matches the files as they are now.

    Raises:
        InputChangedError: A file changed since the step ran.
        StepFailedError: The step has not run.
    """
    record = read_record(workspace.layout.records, step.name)
    if record is None:
        message = f"{step.name} has not run here"
        raise StepFailedError(message, hint=f"run it first: nox -s {step.name}")
    now = fingerprint(workspace, step, learned_facts(step, record.fingerprint))
    for change in (*explain(record.fingerprint, now), *moved_outputs(workspace, step, record)):
        message = f"{change} after {step.name} ran"
        raise InputChangedError(message, hint="run the same command again")
    return record


def moved_outputs(workspace: Workspace, step: Step, record: Record) -> Iterator[Reason]:
    """Yield each output that changed since the step made it."""
    layout = workspace.layout
    beside = frozenset(map(str, step.beside(layout)))
    finals = map(layout.relative, step.outputs(layout))
    for name, digest in {**dict.fromkeys(finals, ""), **record.outputs}.items():
        now = workspace.digests.output(layout.root / name, without=beside)
        if not digest or now != digest:
            yield Reason(name, digest, now or None)
