"""Run a step once: skip it if nothing changed, refuse inputs that change while it runs."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from trainwheel.engine.cache import Result
from trainwheel.engine.chain import Step
from trainwheel.engine.fingerprint import Fingerprint, Reason, explain
from trainwheel.engine.inputs import (
    Fence,
    completed,
    counted,
    declared_inputs,
    fingerprint,
    learned_facts,
    makers,
    results_in,
    unwatched,
)
from trainwheel.engine.observed import Observed
from trainwheel.engine.records import (
    Outcome,
    Record,
    append_outcome,
    has_failed,
    last_observed,
    read_record,
    rename_key,
    withdraw_record,
    write_record,
)
from trainwheel.engine.run import Run, TooEarlyError
from trainwheel.engine.watching import read_observed, watch
from trainwheel.engine.workspace import Workspace
from trainwheel.errors import InputChangedError, NoEnvironmentError, StepFailedError
from trainwheel.system.files import everything_below, place, remove, scratch_folder
from trainwheel.system.process import is_closed

__all__ = [
    "current_record",
    "is_stale",
    "look",
    "moved_outputs",
    "remove_former",
    "require_current",
    "run_step",
    "settle",
]

Work = Callable[[Path], Mapping[str, str]]
"""Makes a step's outputs in a scratch folder, and returns facts for the record."""


def run_step(  # noqa: PLR0913 - what a step hands over, each by name
    run: Run,
    step: Step,
    work: Work,
    *,
    learned: Mapping[str, str] | None = None,
    inputs: tuple[Fingerprint, Observed | None] | None = None,
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
        inputs: What `look` returned just now, where that was asked already.
        summary: Is printed in any case, also where the step is up to date.
        force: Run it whatever the record and the cache say; by default if ``--force`` was given.
        is_quiet: Print nothing where the step is up to date.

    Raises:
        InputChangedError: An input changed while the step ran; the outputs are kept aside.
    """
    force = run.is_forced(step.name) if force is None else force
    workspace = run.workspace
    stale = _StaleStep(run, step, learned or {}, *(inputs or look(workspace, step, learned)))
    record = None if force else current_record(run, step, stale.inputs)
    if record is not None:
        workspace.digests.save()
        if not is_quiet:
            run.console.outcome(step.name, summary or "unchanged")
        return record
    start = time.monotonic()
    record, is_restored = stale.update(work, force=force)
    run.made.add(step.name)
    outcome = summary or record.facts.get("summary", "done")
    outcome += ", restored from the cache" if is_restored else ""
    run.console.outcome(step.name, outcome, time.monotonic() - start)
    return record


def look(
    workspace: Workspace, step: Step, learned: Mapping[str, str] | None = None
) -> tuple[Fingerprint, Observed | None]:
    """Return what a step depends on now, by what its last run read, and what that was.

    Where files have changed since, an earlier run may have read just what is there now: then its
    result is in the cache.
    """
    record = read_record(workspace.layout.records, step.name)
    observed = last_observed(workspace.layout.records, step.name, record)
    declared = declared_inputs(workspace, step, learned)
    now = completed(workspace, step, declared, observed)
    if step.assumed and (record is None or record.fingerprint.key != now.key):
        for key, earlier in workspace.cache.observations(step.name):
            then = completed(workspace, step, declared, earlier)
            # Mostly it is the same, whose key is known: that of 10,000 files takes 10 ms.
            if (now if then == now else then).key == key:
                return then, earlier
    return now, observed


@dataclass(frozen=True)
class _StaleStep:
    """A step that is to be run.

    Args:
        run: This run.
        step: The step.
        learned: The facts that this run found out.
        inputs: What the step depends on, as it was at the start.
        observed: What an earlier run read, by which the inputs are known.
    """

    run: Run
    step: Step
    learned: Mapping[str, str]
    inputs: Fingerprint
    observed: Observed | None

    def update(self, work: Work, *, force: bool) -> tuple[Record, bool]:
        """Make or restore the outputs, place them, and write the record last.

        Returns:
            The record, and whether the outputs are from the cache.
        """
        run, step, layout = self.run, self.step, self.run.workspace.layout
        run.others.begins(step.name)
        fence = Fence.around(run.workspace, step, self.inputs)
        with run.console.working(step.name), scratch_folder(layout.scratch, step.name) as scratch:
            earlier = None if force else self._restore(scratch)
            result = earlier or self._make(work, scratch)
            settle(run, step)
            observed = result.observed if earlier is None else self.observed
            inputs = fingerprint(run.workspace, step, self.learned, observed)
            self._refuse(scratch, fence.change(inputs, observed or Observed()))
            remove_former(run, step.name, step.outputs(layout))
            outputs = self._put_in_place(scratch, inputs, None if earlier else result)
        record = Record(
            step.name, inputs, outputs, result.seconds, result.facts, result.made, observed
        )
        write_record(layout.records, record)
        if earlier is None:
            self._note(inputs, result.seconds, passed=True)
        run.workspace.digests.save()
        return record, earlier is not None

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
        start, layout = time.monotonic(), self.run.workspace.layout
        layout.log(self.step.name).unlink(missing_ok=True)
        try:
            with self._watched() as sightings:
                facts = dict(work(scratch))
            if self.step.category is not None:
                self.run.tools.require_unchanged(self.step.name)
        except (NoEnvironmentError, TooEarlyError):
            raise  # the work has not begun, or is to begin again
        except Exception:  # an interrupt or a signal is not a failure with these inputs
            if is_closed():
                raise  # nor is what fails because the run ends
            self._withdraw()
            self._note(self.inputs, time.monotonic() - start, passed=False)
            raise
        observed = sightings() if self.step.assumed else None
        return Result(facts, time.monotonic() - start, time.time(), observed)

    @contextlib.contextmanager
    def _watched(self) -> Iterator[Callable[[], Observed | None]]:
        """Let the step's processes say what they read, and yield what returns it at the end."""
        run, layout = self.run, self.run.workspace.layout
        seen: list[Observed] = []
        if not self.step.assumed:
            yield lambda: None
            return
        with scratch_folder(layout.scratch, f"{self.step.name}-watched") as folder:
            skip = unwatched(run.workspace, run.tools.folder)
            try:
                with watch(folder, layout.root, skip), run.tools.watching(self.step.name, folder):
                    yield lambda: seen[0] if seen else None
            except Exception:
                self._check_order(read_observed(folder, layout.root))
                raise
            sightings = read_observed(folder, layout.root)
            self._check_order(sightings)
            observed = counted(run.workspace, self.step, sightings)
            seen += [observed.after(self.observed)] if observed.processes else []

    def _check_order(self, sightings: Observed) -> None:
        """Check that the step did not read what a step beside it was to make.

        Raises:
            TooEarlyError: It did, whether it failed for that or not.
        """
        unfinished = self.run.others.unfinished(self.step.name)
        if early := makers(self.run.workspace.layout, unfinished, results_in(sightings)):
            raise TooEarlyError(early)

    def _note(self, inputs: Fingerprint, seconds: float, *, passed: bool) -> None:
        """Append how a run with some inputs ended."""
        layout, name = self.run.workspace.layout, self.step.name
        if not self.step.keeps_results:
            return
        if inputs.key != self.inputs.key:
            # The same files, of which less was known when the runs before failed.
            rename_key(layout.records, name, self.inputs.key, inputs.key)
        append_outcome(layout.records, name, Outcome(inputs.key, passed, time.time(), seconds))

    def _withdraw(self) -> None:
        """Remove the record and the cached result of the inputs with which the step failed."""
        step, workspace = self.step, self.run.workspace
        if not step.keeps_results:
            return  # the data that was fetched before is still good
        withdraw_record(workspace.layout.records, step.name, self.inputs)
        if reason := workspace.cache.withdraw(step.name, self.inputs.key):
            self.run.console.notice(
                f"the cache holds an earlier result of {step.name} for the same inputs, which is "
                f"ignored from now on: {reason}"
            )

    def _refuse(self, scratch: Path, change: str) -> None:
        if not change:
            return
        layout = self.run.workspace.layout
        aside = layout.aside / self.step.name
        place(scratch, aside)
        message = f"{change} while {self.step.name} ran"
        hint = f"what it made is kept in {layout.relative(aside)}; run the same command again"
        places = self.run.workspace.config.training_data
        if any(change.startswith(f"{place}/") for place in places):
            hint += f"; if {self.step.name} writes that itself, name it in tool.trainwheel.ignore"
        raise InputChangedError(message, hint=hint)

    def _put_in_place(
        self, scratch: Path, inputs: Fingerprint, result: Result | None
    ) -> dict[str, str]:
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
        tops = {(top := name.partition("/")[0]): scratch / top for name in outputs}
        if result is not None and step.category is not None and step.keeps_results:
            reason = workspace.cache.keep(step.name, inputs.key, result, tops)
            if reason:
                self.run.console.notice(f"the result of {step.name} is not cached: {reason}")
        for other in {*scratch.iterdir()} - {*tops.values()}:
            remove(other)  # one that is the same file as an output changes that one's signature
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
    return current_record(run, step, look(workspace, step)[0]) is None


def settle(run: Run, step: Step) -> None:
    """Wait until what a step awaits has succeeded, and check that its records match the files.

    Raises:
        InputChangedError: A file changed since one of these steps ran.
    """
    for each in run.others.settle(step.name):
        if each.name in step.follows_records and run.made:
            require_current(run.workspace, each)


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
    learned = learned_facts(step, record.fingerprint)
    now = fingerprint(workspace, step, learned, record.observed)
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
