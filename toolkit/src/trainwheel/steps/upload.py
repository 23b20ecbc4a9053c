"""Publish the wheel."""

from __future__ import annotations

import shutil

from trainwheel.engine.chain import FORCE, JOBS, TO, VERBOSE, WAIT, Step
from trainwheel.engine.records import read_record
from trainwheel.engine.run import Run
from trainwheel.engine.workspace import Workspace
from trainwheel.errors import StepFailedError, TrainwheelError
from trainwheel.index.client import SimpleIndex
from trainwheel.index.versions import check_not_lower
from trainwheel.requirements.setup_py import read_distribution_name
from trainwheel.steps.shared.registry import (
    asked_version,
    is_unverified,
    registry_of,
    unpublished,
    wheel_of,
    wish_of,
)
from trainwheel.steps.shared.release import read_release
from trainwheel.steps.shared.staging import is_published

__all__ = ["STEP"]

_SPARE = 256 << 20
"""Bytes kept free for environments, logs and the index."""

_COPIES = 6
"""Copies of an artefact on disk at once: made, staged, built, proved, published, verified."""


def _run(run: Run) -> None:
    """Upload the wheel once, and queue the verification of the published wheel."""
    layout = run.workspace.layout
    release = read_release(layout.release)
    if release.releases:
        from trainwheel.steps.shared.publish import publisher_of
        from trainwheel.wheel.proof import read_proof

        layout.log("upload").unlink(missing_ok=True)
        publisher, wheel = publisher_of(run, "upload", run.options.get("to")), wheel_of(layout)
        # Where the verification follows, it is the second look.
        looks_again = "verify" not in run.registered
        publisher.publish(wheel, read_proof(wheel), looks_again=looks_again)
    else:
        run.console.outcome("upload", release.reason)
        _account_for(run, release.version)
    is_due = is_unverified(layout) or run.is_forced("upload")
    if is_due and read_record(layout.records, "upload") and "verify" in run.registered:
        run.others.add(["verify"])


def _account_for(run: Run, version: str) -> None:
    """Record the upload of a run that was killed before it could record it."""
    layout = run.workspace.layout
    package, upload = (read_record(layout.records, step) for step in ("package", "upload"))
    if package is None or package.facts.get("version") != version:
        return
    if upload is None or package.facts["sha256"] not in upload.fingerprint.files.values():
        from trainwheel.steps.shared.publish import publisher_of
        from trainwheel.wheel.proof import read_proof

        try:
            proof = read_proof(wheel_of(layout))
        except TrainwheelError:
            return  # the packaged wheel does not exist any more
        publisher = publisher_of(run, "upload", run.options.get("to"))
        if publisher.holds(proof):
            publisher.record("upload", proof)


def _check(run: Run) -> None:
    """Check the credentials (on the index), the version and the free disk.

    Raises:
        ConfigurationError: A variable or key is missing or wrong, the index refuses the
            credentials, or the requested version cannot be released.
        StepFailedError: The index does not answer, or the disk is too full.
    """
    workspace = run.workspace
    _check_disk(workspace)
    registry = registry_of(run, run.options.get("to"))
    # If nothing has to be made, the version step asks the index at once anyway.
    if registry.target is not None and (run.is_stale("train") or run.is_stale("test")):
        index = SimpleIndex(registry.target, notify=run.console.notice_once)
        index.check_access(uploads=True)
    if wish_of(workspace).asked is not None:
        name = read_distribution_name(workspace.read_setup_py())
        check_not_lower(asked_version(workspace), registry.wheels(name))


def _check_disk(workspace: Workspace) -> None:
    size = sum(path.stat().st_size for path in workspace.trained() if path.is_file())
    required, free = _SPARE + _COPIES * size, shutil.disk_usage(workspace.layout.root).free
    if free < required:
        message = f"{free >> 20} MiB are free on the disk, a release needs {required >> 20} MiB"
        raise StepFailedError(message, hint="free some, for example with make clean")


STEP = Step(
    name="upload",
    target="upload.model",
    help="Publish the wheel, once",
    run=_run,
    needs=("package",),
    is_link=True,
    category="upload",
    alone=True,
    reasons=unpublished,
    is_settled=is_published,
    flags=(TO, FORCE, WAIT, VERBOSE, JOBS),
    check=_check,
)
