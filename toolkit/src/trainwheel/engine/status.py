"""The status of the steps, without running any: for ``trainwheel status`` and ``why``.

Nothing is written, no index is asked, and no run is waited for or disturbed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace

from trainwheel.engine.chain import Chain, Step
from trainwheel.engine.execute import look, moved_outputs
from trainwheel.engine.fingerprint import Fingerprint, Reason, explain
from trainwheel.engine.inputs import fingerprint, learned_facts
from trainwheel.engine.records import (
    Failure,
    Record,
    has_failed,
    read_failure,
    read_outcomes,
    read_record,
)
from trainwheel.engine.workspace import Workspace
from trainwheel.errors import StepFailedError, TrainwheelError
from trainwheel.system.lock import Owner, read_owner

__all__ = ["CURRENT", "SKIPPED", "UNRECORDED", "StepStatus", "file_reasons", "read_status"]

CURRENT, STALE, ABSENT, WAITING = "up to date", "stale", "not run", "waits"
SKIPPED, UNRECORDED = "skipped", "always runs"
_FINE = frozenset({CURRENT, SKIPPED, UNRECORDED})


@dataclass(frozen=True)
class StepStatus:
    """The status of one step.

    Args:
        step: The step's name.
        state: ``up to date``, ``stale``, ``not run``, ``skipped`` where the repository has
            nothing for it, ``waits`` for a step before it, or ``always runs`` for a session that
            is not a link of the chain.
        finished: When it last succeeded, in seconds since 1970.
        seconds: How long it took then.
        reasons: Why it is stale.
        waits_for: The stale step that it depends on, directly or not.
        before: The steps before it that would run as well, in their order.
        is_cached: Whether the cache holds its result for the present inputs.
        passed: How many of its runs with the present inputs succeeded.
        runs: How many there were, of the last hundred of the step.
        failure: How its last session failed, if it has not succeeded since.
        running: The run that is at it now.
        is_optional: Whether the links after it do without it, unless it is asked for by name.
    """

    step: str
    state: str
    finished: float | None = None
    seconds: float | None = None
    reasons: tuple[Reason, ...] = ()
    waits_for: str = ""
    before: tuple[str, ...] = ()
    is_cached: bool = False
    passed: int = 0
    runs: int = 0
    failure: Failure | None = None
    running: Owner | None = None
    is_optional: bool = False

    @property
    def is_due(self) -> bool:
        """Whether it would run, or a step before it would."""
        return self.state not in _FINE

    @property
    def is_owed(self) -> bool:
        """Whether the chain has to run it: an optional step runs only if it is asked for."""
        return self.is_due and not self.is_optional

    def as_json(self) -> dict[str, object]:
        """Return the status as a JSON object."""
        running = self.running and {**asdict(self.running), "is_seen": self.running.is_seen}
        return {**asdict(self), "waits_for": self.waits_for or None, "running": running}


def read_status(workspace: Workspace, chain: Chain) -> dict[str, StepStatus]:
    """Return name → status of each step: the links of the chain in their order, then the others."""
    statuses: dict[str, StepStatus] = {}
    owner = read_owner(workspace.layout.lock)
    for step in chain.steps:
        before = tuple(_due_before(step, chain, statuses))
        status = _look(workspace, step, before, statuses) if step.is_link else None
        status = status or StepStatus(step.name, UNRECORDED)
        failure = read_failure(workspace.layout.records, step.name)
        if failure is not None and failure.finished < (status.finished or 0.0):
            failure = None  # the command published its wheel since
        running = owner if owner is not None and step.name in owner.step.split(", ") else None
        status = replace(status, failure=failure, running=running)
        statuses[step.name] = replace(status, is_optional=step.is_optional)
    return statuses


def _due_before(step: Step, chain: Chain, earlier: Mapping[str, StepStatus]) -> Iterator[str]:
    """Yield the steps that a step needs, directly or not, and that would run."""
    needs, stack = set[str](), [step.name]
    while stack:
        more = [name for name in chain[stack.pop()].before if name not in needs]
        needs.update(more)
        stack += more
    return (name for name, status in earlier.items() if name in needs and status.is_owed)


def _look(
    workspace: Workspace, step: Step, before: tuple[str, ...], earlier: Mapping[str, StepStatus]
) -> StepStatus:
    if step.is_absent(workspace):
        return StepStatus(step.name, SKIPPED)  # even with a record of another configuration
    record = read_record(workspace.layout.records, step.name)
    is_settled = _is_settled(workspace, step)
    if record is None and not is_settled:
        return _weigh(workspace, step, StepStatus(step.name, ABSENT, before=before), None)
    reasons = () if is_settled or record is None else _reasons(workspace, step, record)
    # Nobody knows yet what a stale step before it will make.
    direct = (earlier[name] for name in step.before if name in earlier)
    waits_for = next((it.waits_for or it.step for it in direct if it.is_owed), "")
    state = STALE if reasons else WAITING if waits_for else CURRENT
    status = StepStatus(step.name, state, reasons=reasons, waits_for=waits_for, before=before)
    if record is None:
        return status
    status = replace(status, finished=record.finished, seconds=record.seconds)
    return _weigh(workspace, step, status, record)


def _is_settled(workspace: Workspace, step: Step) -> bool:
    try:
        return step.is_settled(workspace)
    except TrainwheelError:
        return False  # the record says more


def _reasons(workspace: Workspace, step: Step, record: Record) -> tuple[Reason, ...]:
    if step.reasons is not None:
        return step.reasons(workspace, record)
    return file_reasons(workspace, step, record)


def _weigh(
    workspace: Workspace, step: Step, status: StepStatus, record: Record | None
) -> StepStatus:
    """Return a status with what is known of earlier runs with the present inputs."""
    if status.state == WAITING:
        return status  # what its inputs will be, nobody knows
    if record is not None and status.state == CURRENT:
        now: Fingerprint | None = record.fingerprint
    else:
        now = _present(workspace, step, record)
    if now is None or not step.keeps_results:
        return status
    records, key = workspace.layout.records, now.key
    runs = [outcome for outcome in read_outcomes(records, step.name) if outcome.key == key]
    is_cached = (
        status.state in {STALE, ABSENT}
        and not has_failed(records, step.name, key)
        and workspace.cache.holds(step.name, key)
    )
    passed = sum(outcome.passed for outcome in runs)
    return replace(status, is_cached=is_cached, passed=passed, runs=len(runs))


def _present(workspace: Workspace, step: Step, record: Record | None) -> Fingerprint | None:
    """Return the present inputs of a step; None where only a run can find them out."""
    learned = {} if record is None else learned_facts(step, record.fingerprint)
    if not step.keeps_results or learned.keys() != {*step.learns}:
        return None
    try:
        return look(workspace, step, learned)[0]
    except (TrainwheelError, OSError):
        return None


def file_reasons(workspace: Workspace, step: Step, record: Record) -> tuple[Reason, ...]:
    """Return how a step's inputs and outputs differ from its record.

    Facts that only a run finds out, such as what an index holds, are taken from the record.

    Args:
        workspace: The model repository.
        step: The step.
        record: The step's record.
    """
    try:
        learned = learned_facts(step, record.fingerprint)
        now = fingerprint(workspace, step, learned, record.observed)
    except (TrainwheelError, OSError) as error:
        problem = StepFailedError.of_system(error) if isinstance(error, OSError) else error
        return (Reason(problem.message, None, None),)
    return (*explain(record.fingerprint, now), *moved_outputs(workspace, step, record))
