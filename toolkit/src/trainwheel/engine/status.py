"""The status of the steps, without running any: for ``trainwheel status`` and ``why``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from trainwheel.engine.chain import Chain, Step
from trainwheel.engine.execute import moved_outputs
from trainwheel.engine.fingerprint import Reason, explain
from trainwheel.engine.inputs import fingerprint, learned_facts
from trainwheel.engine.records import Record, read_record
from trainwheel.engine.workspace import Workspace
from trainwheel.errors import StepFailedError

__all__ = ["CURRENT", "UNRECORDED", "StepStatus", "file_reasons", "read_status", "why"]

CURRENT, STALE, ABSENT, WAITING = "up to date", "stale", "not run", "waits"
SKIPPED, UNRECORDED = "skipped", "always runs"
_FINE = frozenset({CURRENT, SKIPPED})


@dataclass(frozen=True)
class StepStatus:
    """The status of one step.

    Args:
        step: The step's name.
        state: ``up to date``, ``stale``, ``not run``, ``skipped`` where the repository has
            nothing for it, ``waits`` for a step before it, or ``always runs``.
        finished: When it last succeeded, in seconds since 1970.
        seconds: How long it took then.
        reasons: Why it is stale.
        waits_for: The stale step that it depends on, directly or not.
    """

    step: str
    state: str
    finished: float | None = None
    seconds: float | None = None
    reasons: tuple[Reason, ...] = ()
    waits_for: str = ""

    def as_json(self) -> dict[str, object]:
        """Return the status as a JSON object."""
        return {**asdict(self), "waits_for": self.waits_for or None}


def read_status(workspace: Workspace, chain: Chain) -> tuple[StepStatus, ...]:
    """Return the status of each link of the chain; no index is asked and nothing is written."""
    statuses: dict[str, StepStatus] = {}
    for step in chain.links:
        statuses[step.name] = _look(workspace, step, statuses)
    return tuple(statuses.values())


def why(workspace: Workspace, chain: Chain, name: str) -> StepStatus:
    """Return the status of one step, with every reason for which it would run."""
    if not chain[name].is_link:
        return StepStatus(name, UNRECORDED)
    return next(status for status in read_status(workspace, chain) if status.step == name)


def _look(workspace: Workspace, step: Step, earlier: Mapping[str, StepStatus]) -> StepStatus:
    if step.is_absent(workspace):
        return StepStatus(step.name, SKIPPED)  # even with a record of another configuration
    record = read_record(workspace.layout.records, step.name)
    if record is None:
        return StepStatus(step.name, ABSENT)
    look = step.reasons or (lambda here, own: file_reasons(here, step, own))
    reasons = look(workspace, record)
    # Nobody knows yet what a stale step before it will make.
    before = (earlier[name] for name in step.before if name in earlier)
    waits_for = next((it.waits_for or it.step for it in before if it.state not in _FINE), "")
    state = STALE if reasons else WAITING if waits_for else CURRENT
    return StepStatus(step.name, state, record.finished, record.seconds, reasons, waits_for)


def file_reasons(
    workspace: Workspace, step: Step, record: Record, *, fixed: tuple[str, ...] = ()
) -> tuple[Reason, ...]:
    """Return how a step's inputs and outputs differ from its record.

    Facts that only a run finds out, such as what an index holds, are taken from the record.

    Args:
        workspace: The model repository.
        step: The step.
        record: The step's record.
        fixed: Further facts that are taken from the record.
    """
    facts = record.fingerprint.facts
    assumed_facts = {name: facts[name] for name in fixed if name in facts}
    try:
        learned = learned_facts(step, record.fingerprint)
        now = fingerprint(workspace, step, {**learned, **assumed_facts}, record.observed)
    except StepFailedError as error:
        return (Reason(error.message, None, None),)
    return (*explain(record.fingerprint, now), *moved_outputs(workspace, step, record))
