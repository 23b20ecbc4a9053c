"""The records of steps, and notes of failures, on disk.

A record is written after the outputs are in place, to a temporary file that is synced and
renamed, so that a kill at any moment leaves either a record that matches the outputs or none.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from trainwheel.engine.fingerprint import Fingerprint
from trainwheel.engine.observed import Observed
from trainwheel.system.digest import digest_json
from trainwheel.system.files import write_atomically

__all__ = ["Record", "last_observed", "read_record", "withdraw_record", "write_record"]

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
