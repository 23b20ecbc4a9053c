"""Step records and outputs on disk.

A record is written after the outputs are in place, to a temporary file that is synced and
renamed, so that a kill at any moment leaves either no record or one that is true.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from trainwheel.fingerprint import Fingerprint

__all__ = [
    "Record",
    "has_failed",
    "link_or_copy",
    "note_failure",
    "place",
    "read_record",
    "remove",
    "scratch_folder",
    "withdraw_record",
    "write_atomically",
    "write_record",
]

SCHEMA = 2


@dataclass(frozen=True)
class Record:
    """What a step leaves behind.

    Args:
        step: Its name.
        fingerprint: What it depended on.
        outputs: Path relative to the repository → digest of the file or folder.
        seconds: How long it took.
        facts: What later steps want to know, such as the version or the wheel's digest.
        finished: When it ended, in seconds since 1970; only for a person's eyes.
    """

    step: str
    fingerprint: Fingerprint
    outputs: Mapping[str, str]
    seconds: float
    facts: Mapping[str, str]
    finished: float = field(default_factory=time.time)


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that a reader, or a kill, finds the old or the new content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).chmod(path.stat().st_mode & 0o777 if path.exists() else 0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def scratch_folder(parent: Path, name: str) -> Iterator[Path]:
    """Yield a fresh folder below ``parent`` that is removed afterwards, whatever happens."""
    parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=parent, prefix=f"{name}-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def place(made: Path, final: Path) -> None:
    """Rename what a step made into its place; the old content goes only when the new is there."""
    final.parent.mkdir(parents=True, exist_ok=True)
    if made.is_dir() or (final.is_dir() and not final.is_symlink()):
        # A folder cannot be renamed over what is there, unlike a file over a file.
        old = made.with_name(f"{made.name}.old")
        with contextlib.suppress(FileNotFoundError):
            final.rename(old)
        made.rename(final)
        shutil.rmtree(old, ignore_errors=True)
    else:
        made.replace(final)


def link_or_copy(source: Path, target: Path) -> None:
    """Make ``target`` the same file, or a copy where the file system has no links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def remove(path: Path) -> None:
    """Remove a file or a folder, as far as that can be done."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def write_record(folder: Path, record: Record) -> None:
    """Write a step's record; what was noted of a failure with the same inputs no longer counts."""
    document = {"schema": SCHEMA, "key": record.fingerprint.key, **asdict(record)}
    text = json.dumps(document, indent=1, sort_keys=True)
    write_atomically(folder / f"{record.step}.json", text.encode())
    _failure(folder, record.step, record.fingerprint.key).unlink(missing_ok=True)


def withdraw_record(folder: Path, step: str, inputs: Fingerprint) -> None:
    """Remove a step's record if it is of these inputs, with which the step has failed since."""
    record = read_record(folder, step)
    if record is not None and record.fingerprint.key == inputs.key:
        (folder / f"{step}.json").unlink(missing_ok=True)


def note_failure(folder: Path, step: str, key: str) -> None:
    """Note that a step failed with the inputs of a key, until it succeeds with them."""
    path = _failure(folder, step, key)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def has_failed(folder: Path, step: str, key: str) -> bool:
    """Return whether a failure with the inputs of a key is noted."""
    return _failure(folder, step, key).exists()


def _failure(folder: Path, step: str, key: str) -> Path:
    return folder / "failed" / step / key


def read_record(folder: Path, step: str) -> Record | None:
    """Return a step's record; None where there is none or it cannot be read.

    A record of another schema, or one that was cut short, counts as absent: the step runs again.
    """
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
