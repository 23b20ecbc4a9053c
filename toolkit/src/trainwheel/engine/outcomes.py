"""How the last runs of each step ended: a step that fails now and then is seen by its outcomes.

An interrupt, a signal, or a run that had no environment to begin in is not an outcome.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from trainwheel.system.files import write_atomically

__all__ = ["Outcome", "append_outcome", "has_failed", "read_outcomes", "rename_key"]

_MOST = 100
_LONGEST_MESSAGE = 1000


@dataclass(frozen=True)
class Outcome:
    """How one run of a step ended.

    Args:
        key: That of its inputs; see `Fingerprint.key`.
        passed: Whether it succeeded.
        finished: When it ended, in seconds since 1970.
        seconds: How long it took.
        message: What went wrong, without secrets; empty for a success.
        log: The path of its log, relative to the repository; empty where there is none.
    """

    key: str
    passed: bool
    finished: float
    seconds: float
    message: str = ""
    log: str = ""


def append_outcome(folder: Path, step: str, outcome: Outcome) -> None:
    """Add the outcome of a run that has just ended; the oldest beyond a hundred are dropped.

    Args:
        folder: The folder of the records.
        step: The step's name.
        outcome: Its message is cut at a thousand characters.

    Raises:
        OSError: The file cannot be written.
    """
    new = replace(outcome, message=outcome.message[:_LONGEST_MESSAGE])
    _write(folder, step, (*read_outcomes(folder, step), new))


def read_outcomes(folder: Path, step: str) -> tuple[Outcome, ...]:
    """Return the outcomes of a step, the oldest first; none where they cannot be read."""
    try:
        entries = json.loads(_path(folder, step).read_bytes())
        return tuple(Outcome(**entry) for entry in entries) if all(map(_is_sound, entries)) else ()
    except (OSError, ValueError, KeyError, TypeError, RecursionError, OverflowError):
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


def _path(folder: Path, step: str) -> Path:
    return folder / "outcomes" / f"{step}.json"


def _write(folder: Path, step: str, outcomes: Iterable[Outcome]) -> None:
    text = json.dumps([asdict(outcome) for outcome in outcomes][-_MOST:], indent=0)
    write_atomically(_path(folder, step), text.encode())


def _is_sound(entry: dict[str, Any]) -> bool:
    return (
        type(entry["passed"]) is bool
        and all(type(entry[name]) is str for name in ("key", "message", "log"))
        and all(type(entry[name]) in {int, float} for name in ("finished", "seconds"))
        and math.isfinite(entry["finished"] + entry["seconds"])
    )
