"""How the steps stand, without running any: for ``trainwheel status`` and ``trainwheel why``."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

from trainwheel.engine.chain import CHAIN, STEP_BY_NAME
from trainwheel.engine.fingerprint import Reason, explain
from trainwheel.engine.inputs import fingerprint
from trainwheel.engine.project import Project
from trainwheel.engine.records import Record, read_record
from trainwheel.engine.run import moved_outputs
from trainwheel.errors import StepFailedError
from trainwheel.steps.shared.facts import DATA_VERSION, DECISION, RELEASE, facts_of
from trainwheel.steps.shared.releasing import read_release

__all__ = ["CURRENT", "StepStatus", "read_status", "why"]

CURRENT, STALE, ABSENT, WAITING = "up to date", "stale", "not run", "waits"
LEFT_OUT = "left out"
_FINE = frozenset({CURRENT, LEFT_OUT})


@dataclass(frozen=True)
class StepStatus:
    """How one step stands.

    Args:
        step: Its name.
        state: ``up to date``, ``stale``, ``not run``, ``left out`` where the project has nothing
            for it, or ``waits`` for a step before it.
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


def read_status(project: Project) -> tuple[StepStatus, ...]:
    """Return how each step of the chain stands; no index is asked and nothing is written."""
    found: dict[str, StepStatus] = {}
    for step in _steps(project):
        found[step] = _judge(project, step, found)
    return tuple(found.values())


def why(project: Project, step: str) -> StepStatus:
    """Return how one step stands, with every reason for which it would run."""
    found: dict[str, StepStatus] = {}
    for earlier in itertools.takewhile(lambda name: name != step, _steps(project)):
        found[earlier] = _judge(project, earlier, found)
    return _judge(project, step, found)


def _steps(project: Project) -> tuple[str, ...]:
    return (*(("data",) if project.brings_data else ()), *CHAIN)


def _judge(project: Project, step: str, earlier: Mapping[str, StepStatus]) -> StepStatus:
    record = read_record(project.records, step)
    if record is None:
        has_docs = (project.root / project.config.docs / "conf.py").is_file()
        return StepStatus(step, LEFT_OUT if step == "doc" and not has_docs else ABSENT)
    reasons = _reasons(project, record)
    # A record tells what stands there; what will stand there after a stale step ran, nobody knows.
    waits_for = next(
        (name for name in _before(step) if name in earlier and earlier[name].state not in _FINE), ""
    )
    if earlier.get(waits_for) and earlier[waits_for].waits_for:
        waits_for = earlier[waits_for].waits_for
    state = STALE if reasons else WAITING if waits_for else CURRENT
    return StepStatus(step, state, record.finished, record.seconds, reasons, waits_for)


def _before(step: str) -> tuple[str, ...]:
    needs = STEP_BY_NAME[step].needs
    return ("upload",) if step == "verify" else needs


def _reasons(project: Project, record: Record) -> tuple[Reason, ...]:
    if record.step in {"upload", "verify"}:
        return _unpublished(project, record)
    facts = {**_configured(project, record.step), **_decided(project, record)}
    now = fingerprint(project, record.step, facts)
    return (*explain(record.fingerprint, now), *moved_outputs(project, record))


def _configured(project: Project, step: str) -> dict[str, str]:
    try:
        return facts_of(project, step)
    except StepFailedError:
        return {}


def _decided(project: Project, record: Record) -> dict[str, str]:
    """Return what was decided where nothing here can know better.

    Only an index knows whether a version's decision still holds, and only the place where the data
    lives whether it is the same; and where there is nothing to
    release, what was packaged last stays as it is.
    """
    told = record.fingerprint.facts
    keeps = record.step == "version" or not _releases(project)
    names = (DATA_VERSION, *((DECISION, RELEASE) if keeps else ()))
    return {name: told[name] for name in names if name in told}


def _releases(project: Project) -> bool:
    try:
        return read_release(project.root / "build" / "version.json").releases
    except StepFailedError:
        return False


def _unpublished(project: Project, record: Record) -> tuple[Reason, ...]:
    """Return how the wheel that is packaged differs from the one that was published."""
    packaged = read_record(project.records, "package")
    if packaged is None:
        return ()
    name, digest = packaged.facts.get("wheel", ""), packaged.facts.get("sha256", "")
    before = record.fingerprint.files.get(name)
    return () if before == digest else (Reason(name, before, digest),)
