"""How runs of steps ended, on disk beside their records.

The outcomes of a step tell whether it fails now and then with the same inputs. An interrupt, a
signal, or a run that had no environment to begin in is not an outcome.

The failure of a step is what its session last ended with, whatever it was: a tool, an index, a
gate. It goes when the session succeeds.
"""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from trainwheel.system.files import write_atomically

__all__ = [
    "Failure",
    "Outcome",
    "append_outcome",
    "forget_failure",
    "has_failed",
    "note_failure",
    "read_failure",
    "read_outcomes",
    "rename_key",
]

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
