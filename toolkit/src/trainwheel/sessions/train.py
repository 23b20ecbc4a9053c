"""Train the model."""

from __future__ import annotations

from trainwheel.sessions.runner import Context
from trainwheel.steps import run_step
from trainwheel.training import facts, train

__all__ = ["run"]


def run(context: Context) -> None:
    """Train, unless nothing that training depends on has changed."""
    project = context.project
    run_step(project, "train", facts(project), lambda scratch: train(project, scratch))
