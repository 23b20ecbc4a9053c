"""How the steps stand, without running any: for ``trainwheel status`` and ``trainwheel why``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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
    """How one step stands.

    Args:
        step: Its name.
        state: ``up to date``, ``stale``, ``not run``, ``skipped`` where the project has nothing
            for it, ``waits`` for a step before it, or ``always runs``.
        finished: When it last ended well, in seconds since 1970.
        seconds: How long it took then.
        reasons: Why it is stale.
        waits_for: The stale step that it builds upon.
    """

    step: str
    state: str
    finished: float | None = None
    seconds: float | None = None
    reasons: tuple[Reason, ...] = ()
    waits_for: str = ""

    def as_json(self) -> dict[str, object]:
        """Return it as JSON has it."""
        return {
            "step": self.step,
            "state": self.state,
            "finished": self.finished,
            "seconds": self.seconds,
            "reasons": [
                {"what": reason.what, "old": reason.old, "new": reason.new}
                for reason in self.reasons
            ],
            "waits_for": self.waits_for or None,
        }


def read_status(workspace: Workspace, chain: Chain) -> tuple[StepStatus, ...]:
    """Return how each link of the chain stands; no index is asked and nothing is written."""
    statuses: dict[str, StepStatus] = {}
    for step in chain.links:
        statuses[step.name] = _look(workspace, step, statuses)
    return tuple(statuses.values())


def why(workspace: Workspace, chain: Chain, name: str) -> StepStatus:
    """Return how one step stands, with every reason for which it would run."""
    if not chain[name].is_link:
        return StepStatus(name, UNRECORDED)
    return next(status for status in read_status(workspace, chain) if status.step == name)


def _look(workspace: Workspace, step: Step, earlier: Mapping[str, StepStatus]) -> StepStatus:
    if step.is_absent(workspace):
        return StepStatus(step.name, SKIPPED)  # whatever it left when there was something for it
    record = read_record(workspace.layout.records, step.name)
    if record is None:
        return StepStatus(step.name, ABSENT)
    look = step.reasons or (lambda here, known: file_reasons(here, step, known))
    reasons = look(workspace, record)
    # A record tells what stands there; what will stand there after a stale step ran, nobody knows.
    waits_for = next(
        (name for name in step.before if name in earlier and earlier[name].state not in _FINE), ""
    )
    if earlier.get(waits_for) and earlier[waits_for].waits_for:
        waits_for = earlier[waits_for].waits_for
    state = STALE if reasons else WAITING if waits_for else CURRENT
    return StepStatus(step.name, state, record.finished, record.seconds, reasons, waits_for)


def file_reasons(
    workspace: Workspace, step: Step, record: Record, *, fixed: tuple[str, ...] = ()
) -> tuple[Reason, ...]:
    """Return how a step's inputs and outputs differ from its record.

    Only an index knows whether a version's decision still holds, and only the place where the data
    lives whether it is the same: what a run found out counts as it was recorded.

    Args:
        workspace: The model repository.
        step: The step.
        record: What it left behind.
        fixed: Further facts that count as they were recorded.
    """
    recorded = record.fingerprint.facts
    kept = {name: recorded[name] for name in fixed if name in recorded}
    try:
        now = fingerprint(workspace, step, {**learned_facts(step, record.fingerprint), **kept})
    except StepFailedError as error:
        return (Reason(error.message, None, None),)
    return (*explain(record.fingerprint, now), *moved_outputs(workspace, step, record))
