"""The wheel that this repository publishes, as its records name it."""

from __future__ import annotations

from pathlib import Path

from trainwheel.engine.fingerprint import Reason
from trainwheel.engine.layout import Layout
from trainwheel.engine.records import Record, read_record
from trainwheel.errors import StepFailedError

__all__ = ["unpublished", "wheel_of"]


def wheel_of(layout: Layout) -> Path:
    """Return the wheel that the package step proved.

    Raises:
        StepFailedError: There is none.
    """
    record = read_record(layout.records, "package")
    if record is None:
        message = "no wheel has been packaged here"
        raise StepFailedError(message, hint="make it with: make package.model")
    return layout.dist / record.facts["wheel"]


def unpublished(layout: Layout, record: Record) -> tuple[Reason, ...]:
    """Return how the packaged wheel differs from the wheel of a record."""
    package = read_record(layout.records, "package")
    if package is None:
        return ()
    name, digest = package.facts.get("wheel", ""), package.facts.get("sha256", "")
    before = record.fingerprint.files.get(name)
    return () if before == digest else (Reason(name, before, digest),)
