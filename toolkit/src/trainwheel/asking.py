"""Ask models about held-out rows: the trained one, and the one in a published wheel."""

from __future__ import annotations

import json
from pathlib import Path

from trainwheel.errors import StepFailedError
from trainwheel.project import Project
from trainwheel.promise import read_promise
from trainwheel.proving import Model, ask

__all__ = ["answers_of", "ask_rows"]


def answers_of(project: Project, wheel: Path, rows: Path, folder: Path) -> Path:
    """Have the model in a published wheel predict held-out rows, in an environment of its own.

    Args:
        project: The model repository.
        wheel: The published wheel.
        rows: ``holdout.jsonl``.
        folder: A fresh folder, which is made.

    Returns:
        A file with an answer a line.

    Raises:
        TrainwheelError: It cannot be installed here, or does not predict these rows.
    """
    promise = read_promise(wheel)
    line = f"{promise.name} @ {wheel.resolve().as_uri()} --hash=sha256:{promise.sha256}\n"
    installer = project.installer("judge")
    python = installer.ensure(project.envdir / "published", promise.requirements, alone=line)
    model = Model(promise.predict, python, project.environment, log=project.log_of("judge"))
    return ask_rows(model, rows, folder)


def ask_rows(model: Model, rows: Path, folder: Path) -> Path:
    """Have a model predict held-out rows; return a file with an answer a line.

    Raises:
        StepFailedError: It does not predict them, or a row has no input.
    """
    inputs = []
    with rows.open(encoding="utf-8") as stream:
        for number, line in enumerate(stream, 1):
            try:
                row = json.loads(line)
                inputs.append(dict(row["input"]))
                row["truth"]
            except (ValueError, TypeError, KeyError):
                message = f"{rows.name} line {number} is no object with input and truth"
                raise StepFailedError(message, hint="let training write one a line") from None
    ask(model, inputs, folder)
    return folder / "outputs.jsonl"
