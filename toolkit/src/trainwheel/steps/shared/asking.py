"""Ask models about held-out rows: the trained one, and the one in a published wheel."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainwheel.engine.project import Project
from trainwheel.errors import StepFailedError
from trainwheel.steps.shared.prove import Model, ask
from trainwheel.wheel.promise import read_promise

__all__ = ["HeldOut", "answers_of", "ask_rows", "read_held_out"]


@dataclass(frozen=True)
class HeldOut:
    """Rows that training did not learn from.

    Args:
        inputs: What a model is asked.
        truths: What is true of each: a label or a number.
    """

    inputs: Sequence[dict[str, Any]]
    truths: Sequence[Any]


def answers_of(project: Project, wheel: Path, rows: HeldOut, folder: Path) -> Path:
    """Have the model in a published wheel predict held-out rows, in an environment of its own.

    Args:
        project: The model repository.
        wheel: The published wheel.
        rows: What it is asked.
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


def ask_rows(model: Model, rows: HeldOut, folder: Path) -> Path:
    """Have a model predict held-out rows; return a file with an answer a line.

    Raises:
        StepFailedError: It does not predict them.
    """
    ask(model, rows.inputs, folder, what="held-out rows")
    return folder / "outputs.jsonl"


def read_held_out(path: Path) -> HeldOut:
    """Return the rows of ``holdout.jsonl``.

    Raises:
        StepFailedError: A line has no input or no truth, or a number that JSON does not have.
    """
    inputs, truths = [], []
    with path.open(encoding="utf-8") as stream:
        for number, line in enumerate(stream, 1):
            where = f"{path.name} line {number}"
            try:
                row = json.loads(line, parse_constant=_refuse_constant)
                inputs.append(dict(row["input"]))
                truths.append(row["truth"])
            except _ConstantError as error:
                # What json.dumps writes for NaN; who asks over JSON sends null.
                message = f"{where} holds {error}, which is no JSON"
                raise StepFailedError(message, hint="let training write null for it") from None
            except (ValueError, TypeError, KeyError):
                message = f"{where} is no object with input and truth"
                raise StepFailedError(message, hint="let training write one a line") from None
            if not _is_truth(truths[-1]):
                message = f"{where}: truth is {json.dumps(truths[-1])}, which is no label or number"
                raise StepFailedError(message, hint="leave out rows whose truth is not known")
    return HeldOut(inputs, truths)


def _is_truth(value: object) -> bool:
    if isinstance(value, str):
        return bool(value.strip())
    return isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))


def _refuse_constant(name: str) -> None:
    raise _ConstantError(name)


class _ConstantError(ValueError):
    """JSON text holds NaN, Infinity or -Infinity."""
