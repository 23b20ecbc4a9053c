"""The records of steps, and notes of failures, on disk.

A record is written after the outputs are in place, to a temporary file that is synced and
renamed, so that a kill at any moment leaves either a record that matches the outputs or none.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from trainwheel.engine.fingerprint import Fingerprint
from trainwheel.system.files import write_atomically

__all__ = ["Record", "has_failed", "note_failure", "read_record", "withdraw_record", "write_record"]

SCHEMA = 2


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
    """

    step: str
    fingerprint: Fingerprint
    outputs: Mapping[str, str]
    seconds: float
    facts: Mapping[str, str]
    finished: float = field(default_factory=time.time)


def write_record(folder: Path, record: Record) -> None:
    """Write a step's record, and remove the note of a failure with the same inputs."""
    document = {"schema": SCHEMA, "key": record.fingerprint.key, **asdict(record)}
    text = json.dumps(document, indent=1, sort_keys=True)
    write_atomically(folder / f"{record.step}.json", text.encode())
    _failure(folder, record.step, record.fingerprint.key).unlink(missing_ok=True)


def withdraw_record(folder: Path, step: str, inputs: Fingerprint) -> None:
    """Remove a step's record if it has these inputs."""
    record = read_record(folder, step)
    if record is not None and record.fingerprint.key == inputs.key:
        (folder / f"{step}.json").unlink(missing_ok=True)


def note_failure(folder: Path, step: str, key: str) -> None:
    """Note that a step failed with the inputs of a key; `write_record` removes the note."""
    path = _failure(folder, step, key)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def has_failed(folder: Path, step: str, key: str) -> bool:
    """Return whether there is a note that a step failed with the inputs of a key."""
    return _failure(folder, step, key).exists()


def _failure(folder: Path, step: str, key: str) -> Path:
    return folder / "failed" / step / key


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
        return Record(step, fingerprint, outputs, seconds, facts, finished)
    except (OSError, ValueError, KeyError, TypeError):
        return None
