"""What this run publishes: the wheel of this repository, and the index that gets it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from trainwheel.engine.fingerprint import Reason
from trainwheel.engine.layout import Layout
from trainwheel.engine.records import Record, read_record
from trainwheel.engine.run import Run
from trainwheel.errors import StepFailedError
from trainwheel.steps.shared.registry import registry_of

if TYPE_CHECKING:
    from trainwheel.steps.shared.publish import Publisher

__all__ = ["publisher_of", "unpublished", "wheel_of"]


def publisher_of(run: Run, step: str, name_asked: str | None) -> Publisher:
    """Return a publisher for the index of this run."""
    from trainwheel.steps.shared.publish import Publisher

    layout = run.workspace.layout
    return Publisher(
        environment=run.environment,
        console=run.console,
        registry=registry_of(run, name_asked),
        python=lambda: run.tools.python("upload"),
        log=layout.log(step),
        records=layout.records,
    )


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
