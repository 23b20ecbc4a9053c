"""Publish the wheel."""

from __future__ import annotations

import time

from trainwheel.publishing import Publisher, read_proof
from trainwheel.releasing import read_release
from trainwheel.sessions.publisher import publisher_of, wheel_of
from trainwheel.sessions.runner import Context
from trainwheel.state import Record, read_record, write_record

__all__ = ["run"]


def run(context: Context) -> None:
    """Upload what was proved, once, and have the published wheel verified."""
    project = context.project
    publisher = publisher_of(project, "upload", context.options.get("to"))
    release = read_release(project.root / "build" / "version.json")
    if release.releases:
        _upload(context, publisher)
    else:
        project.console.outcome("upload", release.reason)
    uploaded, verified = (read_record(project.records, step) for step in ("upload", "verify"))
    # A run that was killed after its upload left no record of a verification.
    is_verified = uploaded and verified and uploaded.fingerprint == verified.fingerprint
    if uploaded and not is_verified and "verify" in context.registered:
        context.notify("verify")


def _upload(context: Context, publisher: Publisher) -> None:
    project, started = context.project, time.monotonic()
    project.log_of("upload").unlink(missing_ok=True)
    wheel = wheel_of(project)
    proof = read_proof(wheel)
    uploaded = publisher.upload(wheel, proof)
    seconds = time.monotonic() - started
    if uploaded.is_there:
        record = Record("upload", publisher.mark(proof), {}, seconds, {"told": uploaded.told})
        write_record(project.records, record)
    project.console.outcome("upload", uploaded.told, seconds)
