"""Verify the published wheel."""

from __future__ import annotations

import time

from trainwheel.cli.runner import Context
from trainwheel.engine.records import Record, withdraw_record, write_record
from trainwheel.errors import TrainwheelError
from trainwheel.steps.shared.publish import read_proof
from trainwheel.steps.shared.publisher import publisher_of, wheel_of

__all__ = ["run"]


def run(context: Context) -> None:
    """Install the wheel from the index into an empty environment and repeat its predictions."""
    project, started = context.project, time.monotonic()
    project.log_of("verify").unlink(missing_ok=True)
    wheel = wheel_of(project)
    proof = read_proof(wheel)
    proof.check_is(context.options.names)
    publisher = publisher_of(project, "verify", context.options.get("to"))
    mark = publisher.mark(proof)
    try:
        publisher.verify(proof, project.installer("verify"))
    except TrainwheelError:
        # An upload that finds a verification of the same bytes asks for none.
        withdraw_record(project.records, "verify", mark)
        raise
    seconds = time.monotonic() - started
    write_record(project.records, Record("verify", mark, {}, seconds, {}))
    project.console.outcome("verify", proof.told, seconds)
    publisher.announce(proof, wheel)
