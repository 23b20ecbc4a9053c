"""Ask the published model about this model's rows, with the columns that it knows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainwheel.engine.run import Run
from trainwheel.errors import StepFailedError
from trainwheel.evaluation.inputs import named_column, project
from trainwheel.steps.shared.prove import Model, ask
from trainwheel.wheel.proof import read_promise, read_provenance

__all__ = ["Answers", "ask_published", "ask_with_columns"]

_MOST_DROPPED = 8


@dataclass(frozen=True)
class Answers:
    """The published model's answers to held-out rows.

    Args:
        path: A file with one JSON value a line, in the order of the rows.
        unknown: The columns of the rows that it does not know, and did not get.
    """

    path: Path
    unknown: Sequence[str]


def ask_published(
    run: Run, wheel: Path, records: Sequence[Mapping[str, Any]], folder: Path
) -> Answers:
    """Predict held-out rows with the model in a published wheel, in an environment of its own.

    Args:
        run: This run.
        wheel: The published wheel.
        records: The inputs of the rows.
        folder: A folder that is made here.

    Raises:
        TrainwheelError: It cannot be installed here, or cannot predict these rows.
    """
    proof = read_promise(wheel)
    line = f"{proof.name} @ {wheel.resolve().as_uri()} --hash=sha256:{proof.sha256}\n"
    installer = run.tools.installer("evaluate")
    home = run.tools.folder / "published"
    python = installer.ensure(home, proof.requirements, alone=line)
    model = Model(proof.predict, python, run.environment, installer.log, installer.variables(home))
    folder.mkdir()
    # Wheels of before there was a schema have golden predictions, whose inputs have the columns.
    columns = read_provenance(wheel).inputs or {k for row in proof.golden for k in row.input}
    return ask_with_columns(model, records, columns, folder)


def ask_with_columns(
    model: Model, records: Sequence[Mapping[str, Any]], columns: Collection[str], folder: Path
) -> Answers:
    """Predict rows with the columns that a model knows.

    Args:
        model: The model.
        records: The inputs of the rows.
        columns: Those that it knows. Empty where nobody can tell: then it is asked with all, and
            again without each that it refuses by its name.
        folder: An empty folder for what is asked and answered.

    Raises:
        StepFailedError: It cannot predict these rows.
    """
    return (_ask if columns else _ask_by_refusal)(model, records, columns, folder)


def _ask(
    model: Model, records: Sequence[Mapping[str, Any]], columns: Collection[str], folder: Path
) -> Answers:
    inputs, unknown = project(records, columns)
    ask(model, inputs, folder / str(len(unknown)), what="holdout.jsonl")
    return Answers(folder / str(len(unknown)) / "outputs.jsonl", unknown)


def _ask_by_refusal(
    model: Model, records: Sequence[Mapping[str, Any]], columns: Collection[str], folder: Path
) -> Answers:
    columns = {*columns, *(k for row in records for k in row)}
    fewest = len(columns) - _MOST_DROPPED
    while True:
        try:
            return _ask(model, records, columns, folder)
        except StepFailedError as error:
            # What comes first names the function and the row.
            name = named_column(error.message.partition(": ")[2], columns)
            if not name or len(columns) <= fewest:
                raise
            columns.remove(name)
