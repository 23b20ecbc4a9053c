"""Publish the wheel."""

from __future__ import annotations

import time

from trainwheel.cli.runner import Context
from trainwheel.engine.records import Record, read_record, write_record
from trainwheel.errors import TrainwheelError
from trainwheel.steps.shared.releasing import read_release

__all__ = ["run"]


def run(context: Context) -> None:
    """Upload what was proved, once, and have the published wheel verified."""
    project = context.project
    release = read_release(project.root / "build" / "version.json")
    if release.releases:
        _upload(context)
    else:
        project.console.outcome("upload", release.reason)
        _account_for(context, release.version)
    uploaded, verified = (read_record(project.records, step) for step in ("upload", "verify"))
    # A run that was killed after its upload left no record of a verification.
    is_verified = uploaded and verified and uploaded.fingerprint == verified.fingerprint
    if uploaded and (not is_verified or context.is_forced) and "verify" in context.registered:
        context.notify("verify")


def _account_for(context: Context, version: str) -> None:
    """Record the upload of a run that was killed before it said so."""
    records = context.project.records
    packaged, uploaded = (read_record(records, step) for step in ("package", "upload"))
    if packaged is None or packaged.facts.get("version") != version:
        return
    if uploaded is None or packaged.facts["sha256"] not in uploaded.fingerprint.files.values():
        from trainwheel.steps.shared.publish import read_proof  # noqa: PLC0415
        from trainwheel.steps.shared.publisher import publisher_of, wheel_of  # noqa: PLC0415

        try:
            proof = read_proof(wheel_of(context.project))
        except TrainwheelError:
            return  # what was packaged is not there any more
        publisher = publisher_of(context.project, "upload", context.options.get("to"))
        if publisher.holds(proof):
            write_record(records, Record("upload", publisher.mark(proof), {}, 0.0, {}))


def _upload(context: Context) -> None:
    from trainwheel.steps.shared.publish import read_proof  # noqa: PLC0415 - only where there is work
    from trainwheel.steps.shared.publisher import publisher_of, wheel_of  # noqa: PLC0415

    project, started = context.project, time.monotonic()
    publisher = publisher_of(project, "upload", context.options.get("to"))
    project.log_of("upload").unlink(missing_ok=True)
    wheel = wheel_of(project)
    proof = read_proof(wheel)
    uploaded = publisher.upload(wheel, proof)
    seconds = time.monotonic() - started
    if uploaded.is_there:
        record = Record("upload", publisher.mark(proof), {}, seconds, {"told": uploaded.told})
        write_record(project.records, record)
    project.console.outcome("upload", uploaded.told, seconds)
