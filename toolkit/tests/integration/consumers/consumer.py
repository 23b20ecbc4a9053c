"""Those who use the reference model and never saw the chain."""

from __future__ import annotations

import csv
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from integration.tiny import Run, run_to_end
from trainwheel.evaluation.golden import GoldenRow, compare_answers, parse_golden
from unit.wheels import read_members

__all__ = ["Consumer", "Release", "check_answers"]

_ASK = Path(__file__).with_name("ask.py")
_TOLERANCE = 1e-9  # the last bits depend on the kind of CPU, and on OPENBLAS_CORETYPE


@dataclass(frozen=True)
class Release:
    """The wheel of a model, and what it says of itself.

    Args:
        wheel: Its path.
        table: The inputs of its golden predictions, as a CSV file.
    """

    wheel: Path
    table: Path

    def read(self, end: str) -> str:
        """Return the text of its one file whose name ends so."""
        return self.read_bytes(end).decode()

    def read_bytes(self, end: str) -> bytes:
        """Return the bytes of its one file whose name ends so."""
        (content,) = (data for name, data in read_members(self.wheel).items() if name.endswith(end))
        return content

    @property
    def golden(self) -> tuple[GoldenRow, ...]:
        """Its golden predictions."""
        return parse_golden(self.read("/golden.jsonl"))

    def write_table(self) -> None:
        """Write the table."""
        inputs = [row.input for row in self.golden]
        with self.table.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, inputs[0])
            writer.writeheader()
            writer.writerows(inputs)


@dataclass(frozen=True)
class Consumer:
    """How somebody runs Python where the model is installed.

    Args:
        folder: Where they are.
        python: The words that start it.
        variables: All that they see.
        command: The words that start the model's command; none where there is only the module.
    """

    folder: Path
    python: Sequence[str | Path]
    variables: Mapping[str, str] = field(default_factory=lambda: {"PATH": os.environ["PATH"]})
    command: Sequence[str | Path] = ()

    def run(self, *words: str | Path) -> Run:
        """Run Python with these words."""
        return self.run_program(*self.python, *words)

    def run_program(self, *words: str | Path) -> Run:
        """Run a program."""
        return run_to_end([*map(str, words)], self.folder, self.variables)

    def sees(self, **variables: str | Path) -> Consumer:
        """Return one that sees more variables."""
        texts = {name: str(value) for name, value in variables.items()}
        return replace(self, variables={**self.variables, **texts})


def check_answers(consumer: Consumer, release: Release) -> Path:
    """Check that all of the model works here as it did in the chain; return where it lies."""
    predicted = consumer.folder / "predicted.csv"
    run = consumer.run(_ASK, release.table, "--output", predicted)
    assert run.code == 0, run.output
    answer: dict[str, Any] = json.loads(run.output)
    golden = release.golden
    answers = [
        GoldenRow(row.input, new) for row, new in zip(golden, answer["answers"], strict=True)
    ]
    assert compare_answers(golden, answers, _TOLERANCE) == ()
    assert answer["artefact"] == hashlib.sha256(release.read_bytes("/model.joblib")).hexdigest()
    assert answer["provenance"] == answer["info"] == release.read("/provenance.json")
    assert (answer["is_typed"], answer["version"]) == (True, release.wheel.name.split("-")[1])
    # Without docstrings, which -OO removes, that of the record is not there.
    assert answer["schema"].get("description", "Thirty").startswith("Thirty")
    assert answer["verify"].startswith(f"{len(golden)} golden predictions repeat, ")
    with predicted.open(encoding="utf-8") as stream:
        labels = [row["prediction"] for row in csv.DictReader(stream)]
    assert labels == [row.prediction["prediction"] for row in golden]
    for program in filter(None, [(*consumer.python, "-m", "oncology_model"), consumer.command]):
        version = consumer.run_program(*program, "--version")
        assert (version.code, version.output) == (0, f"oncology-model {answer['version']}\n")
    return Path(answer["path"])
