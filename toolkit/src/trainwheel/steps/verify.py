"""Verify the published wheel."""

from __future__ import annotations

from trainwheel.engine.chain import JOBS, TO, VERBOSE, WAIT, Step
from trainwheel.engine.run import Run
from trainwheel.steps.shared.registry import is_unverified, unpublished, wheel_of
from trainwheel.steps.shared.staging import is_published

__all__ = ["STEP"]


def _run(run: Run) -> None:
    """Install the wheel from the index into an empty environment and repeat its predictions."""
    from trainwheel.steps.shared.publish import publisher_of
    from trainwheel.wheel.proof import read_proof

    layout = run.workspace.layout
    layout.log("verify").unlink(missing_ok=True)
    proof = read_proof(wheel_of(layout))
    proof.check_is(run.options.names)
    publisher = publisher_of(run, "verify", run.options.get("to"))
    publisher.confirm(proof, run.tools.installer("verify"))


STEP = Step(
    name="verify",
    target="verify.model",
    help="Install the published wheel and repeat its golden predictions",
    run=_run,
    follows=("upload",),
    is_link=True,
    category="upload",
    alone=True,
    reasons=unpublished,
    is_settled=lambda here: is_published(here) and not is_unverified(here.layout),
    flags=(TO, WAIT, VERBOSE, JOBS),
    takes_names="NAME==VERSION",
)
