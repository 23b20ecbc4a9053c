"""What is kept of the runs of steps, on disk: records, outcomes, and notes of failures.

A record is written after the outputs are in place, to a temporary file that is synced and
renamed, so that a kill at any moment leaves either a record that matches the outputs or none.

The outcomes of a step tell whether it fails now and then with the same inputs. An interrupt, a
signal, or a run that had no environment to begin in is not an outcome.

The failure of a step is what its session last ended with, whatever it was: a tool, an index, a
gate. It goes when the session succeeds.
"""

from __future__ import annotations

import contextlib
import json
import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from trainwheel.engine.fingerprint import Fingerprint
from trainwheel.engine.observed import Observed
from trainwheel.system.digest import digest_json
from trainwheel.system.files import write_atomically

__all__ = [
    "Failure",
    "Outcome",
    "Record",
    "append_outcome",
    "forget_failure",
    "has_failed",
    "last_observed",
    "note_failure",
    "read_failure",
    "read_outcomes",
    "read_record",
    "rename_key",
    "withdraw_record",
    "write_record",
]

SCHEMA = 3
_WITHDRAWN = "withdrawn"


@dataclass(frozen=True)
class Record:
    """One successful run of a step.

    Args:
        step: The step's name.
        fingerprint: Its inputs.
        outputs: Path relative to the repository → digest of the file or folder.
        seconds: How long it took.
        facts: What later steps need, such as the version or the wheel's digest.
        finished: When it ended, in seconds since 1970; only for display.
        observed: What its processes read; None where nobody looked.
    """

    step: str
    fingerprint: Fingerprint
    outputs: Mapping[str, str]
    seconds: float
    facts: Mapping[str, str]
    finished: float = field(default_factory=time.time)
    observed: Observed | None = None


def write_record(folder: Path, record: Record) -> None:
    """Write a step's record."""
    fingerprint = record.fingerprint
    observed = None if record.observed is None else record.observed.as_json()
    document = {
        **vars(record),
        "schema": SCHEMA,
        "key": fingerprint.key,
        "fingerprint": {"files": fingerprint.files, "facts": fingerprint.facts},
        "observed": observed,
        "observed_key": digest_json(observed),
    }
    text = json.dumps(document, indent=1, sort_keys=True)
    write_atomically(folder / f"{record.step}.json", text.encode())


def withdraw_record(folder: Path, step: str, inputs: Fingerprint) -> None:
    """Withdraw a step's record if it has these inputs; `last_observed` still knows it."""
    record = read_record(folder, step)
    if record is not None and record.fingerprint.key == inputs.key:
        (folder / _WITHDRAWN).mkdir(exist_ok=True)
        (folder / f"{step}.json").replace(folder / _WITHDRAWN / f"{step}.json")


def last_observed(folder: Path, step: str, record: Record | None) -> Observed | None:
    """Return what the last run of a step read, by its record or by one that was withdrawn."""
    record = record or read_record(folder / _WITHDRAWN, step)
    return None if record is None else record.observed


def read_record(folder: Path, step: str) -> Record | None:
    """Return a step's record; None where it is missing, damaged or of another schema."""
    path = folder / f"{step}.json"
    try:
        document = json.loads(path.read_bytes())
        if document["schema"] != SCHEMA:
            return None
        fingerprint = Fingerprint(**document["fingerprint"])
        outputs, facts = document["outputs"], document["facts"]
        seconds, finished = float(document["seconds"]), float(document["finished"])
        mappings = (fingerprint.files, fingerprint.facts, outputs, facts)
        if document["key"] != fingerprint.key or not all(isinstance(m, dict) for m in mappings):
            return None
        observed = document["observed"]
        if document["observed_key"] != digest_json(observed):
            return None
        observed = None if observed is None else Observed.of_json(observed)
        return Record(step, fingerprint, outputs, seconds, facts, finished, observed)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


_MOST = 100
_DAMAGED = (OSError, ValueError, KeyError, TypeError, RecursionError, OverflowError)


@dataclass(frozen=True)
class Outcome:
    """How one run of a step ended.

    Args:
        key: That of its inputs; see `Fingerprint.key`.
        passed: Whether it succeeded.
        finished: When it ended, in seconds since 1970.
        seconds: How long it took.
    """

    key: str
    passed: bool
    finished: float
    seconds: float


@dataclass(frozen=True)
class Failure:
    """How the session of a step failed.

    Args:
        finished: When, in seconds since 1970.
        message: What went wrong, without secrets.
        log: The path of its log, relative to the repository; empty where it wrote none.
    """

    finished: float
    message: str
    log: str = ""


def append_outcome(folder: Path, step: str, outcome: Outcome) -> None:
    """Add the outcome of a run that has just ended; the oldest beyond a hundred are dropped.

    Args:
        folder: The folder of the records.
        step: The step's name.
        outcome: Of that run.

    Raises:
        OSError: The file cannot be written.
    """
    _write(folder, step, (*read_outcomes(folder, step), outcome))


def read_outcomes(folder: Path, step: str) -> tuple[Outcome, ...]:
    """Return the outcomes of a step, the oldest first; none where they cannot be read."""
    try:
        entries = json.loads(_path(folder, step).read_bytes())
        are_sound = all(
            type(entry["passed"]) is bool and _is_sound(entry, ("key",), ("finished", "seconds"))
            for entry in entries
        )
        return tuple(Outcome(**entry) for entry in entries) if are_sound else ()
    except _DAMAGED:
        return ()


def has_failed(folder: Path, step: str, key: str) -> bool:
    """Return whether a step failed the last time that it ran with the inputs of a key."""
    same = [outcome for outcome in read_outcomes(folder, step) if outcome.key == key]
    return bool(same) and not same[-1].passed


def rename_key(folder: Path, step: str, old: str, new: str) -> None:
    """Give the outcomes of one key another key: a run has shown what else the step reads.

    Raises:
        OSError: The file cannot be written.
    """
    outcomes = read_outcomes(folder, step)
    if any(outcome.key == old for outcome in outcomes):
        _write(folder, step, (replace(it, key=new) if it.key == old else it for it in outcomes))


def note_failure(folder: Path, step: str, failure: Failure) -> None:
    """Write how the session of a step failed.

    Raises:
        OSError: The file cannot be written.
    """
    write_atomically(_failure(folder, step), json.dumps(asdict(failure)).encode())


def forget_failure(folder: Path, step: str) -> None:
    """Remove the failure of a step, whose session has succeeded since."""
    with contextlib.suppress(OSError):
        _failure(folder, step).unlink()


def read_failure(folder: Path, step: str) -> Failure | None:
    """Return how the last session of a step failed; None where it did not."""
    try:
        entry = json.loads(_failure(folder, step).read_bytes())
        return Failure(**entry) if _is_sound(entry, ("message", "log"), ("finished",)) else None
    except _DAMAGED:
        return None


def _failure(folder: Path, step: str) -> Path:
    return folder / "failures" / f"{step}.json"


def _path(folder: Path, step: str) -> Path:
    return folder / "outcomes" / f"{step}.json"


def _write(folder: Path, step: str, outcomes: Iterable[Outcome]) -> None:
    text = json.dumps([asdict(outcome) for outcome in outcomes][-_MOST:], indent=0)
    write_atomically(_path(folder, step), text.encode())


def _is_sound(entry: dict[str, Any], texts: tuple[str, ...], times: tuple[str, ...]) -> bool:
    return (
        all(type(entry[name]) is str for name in texts)
        and all(type(entry[name]) in {int, float} for name in times)
        and math.isfinite(sum(entry[name] for name in times))
    )
