"""What upload and verify share: the chosen index and the wheel of this repository."""

from __future__ import annotations

from pathlib import Path

from trainwheel.engine.project import Project
from trainwheel.engine.records import read_record
from trainwheel.errors import StepFailedError
from trainwheel.steps.shared.publish import Publisher
from trainwheel.steps.shared.releasing import registry_of

__all__ = ["publisher_of", "wheel_of"]


def publisher_of(project: Project, step: str, name_asked: str | None) -> Publisher:
    """Return what publishes to, and reads, the index of this run."""
    registry = registry_of(project, name_asked)
    return Publisher(
        environment=project.environment,
        console=project.console,
        registry=registry,
        python=lambda: project.python("upload"),
        log=project.log_of(step),
        # What is sent anew is verified anew, also if this run is killed in between.
        before_sending=lambda: (project.records / "verify.json").unlink(missing_ok=True),
    )


def wheel_of(project: Project) -> Path:
    """Return the wheel that the package step proved.

    Raises:
        StepFailedError: There is none.
    """
    record = read_record(project.records, "package")
    if record is None:
        message = "no wheel has been packaged here"
        raise StepFailedError(message, hint="make it with: make package.model")
    return project.root / "build" / "dist" / record.facts["wheel"]
