"""Whether training repeats: models and predictions of several trainings, compared.

Pure: digests and texts come in.
"""

from __future__ import annotations

import csv
import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from trainwheel.errors import StepFailedError

__all__ = ["Repeat", "Repeatability", "compare_predictions", "parse_repeatability"]

SCHEMA = 1


@dataclass(frozen=True)
class Repeat:
    """Another training of the same model.

    Args:
        engine: Where its parallel work ran: ``local`` or ``dask``.
        hash_seed: The seed of Python's hashes, ``PYTHONHASHSEED``.
        artefact: The sha256 of its model.
        difference: The first prediction that differs; empty where all are the same.
    """

    engine: str
    hash_seed: str
    artefact: str
    difference: str = ""

    @property
    def name(self) -> str:
        """How it was trained, in a few words."""
        return f"hash seed {self.hash_seed}, {self.engine}"


@dataclass(frozen=True)
class Repeatability:
    """How the current model compares with other trainings of it.

    Args:
        artefact: The sha256 of the current model.
        repeats: The other trainings.
    """

    artefact: str
    repeats: Sequence[Repeat]

    @property
    def holds(self) -> str:
        """``bytes`` or ``predictions``, whichever repeats; empty where neither does."""
        if any(repeat.difference for repeat in self.repeats):
            return ""
        same = all(repeat.artefact == self.artefact for repeat in self.repeats)
        return "bytes" if same else "predictions"

    @property
    def told(self) -> str:
        """The result, and the trainings it comes from, as a clause."""
        seeds = ", ".join(repeat.hash_seed for repeat in self.repeats)
        engines = " and ".join(dict.fromkeys(repeat.engine for repeat in self.repeats))
        what = {
            "bytes": "byte for byte",
            "predictions": "in its predictions, not in its bytes",
        }.get(self.holds, "not at all")
        return f"repeats {what}: {len(self.repeats)} more trainings, hash seeds {seeds}, {engines}"

    def require(self) -> None:
        """Refuse a training that does not repeat its predictions.

        Raises:
            StepFailedError: A prediction of another training differs.
        """
        for repeat in self.repeats:
            if repeat.difference:
                message = f"training does not repeat: {repeat.name}: {repeat.difference}"
                hint = "give every random choice a seed, and sort sets and the names in folders"
                raise StepFailedError(message, hint=hint)

    def as_json(self) -> dict[str, Any]:
        """Return it as a JSON value."""
        return {"schema": SCHEMA, "holds": self.holds, **asdict(self)}


def parse_repeatability(document: Mapping[str, Any]) -> Repeatability | None:
    """Read the value of `Repeatability.as_json`; None for any other value."""
    if document.get("schema") != SCHEMA:
        return None
    repeats = tuple(Repeat(**repeat) for repeat in document["repeats"])
    return Repeatability(document["artefact"], repeats)


def compare_predictions(old: Iterable[str], new: Iterable[str], tolerance: float) -> str:
    """Return the first cell of ``predictions.csv`` that differs, as a phrase; empty for none.

    Args:
        old: The lines of the current model's file.
        new: The lines of another training's file.
        tolerance: How far a number may move, relative.
    """
    rows = itertools.zip_longest(csv.reader(old), csv.reader(new))
    return next(_differences(rows, tolerance), "")


def _differences(
    rows: Iterator[tuple[Sequence[str] | None, Sequence[str] | None]], tolerance: float
) -> Iterator[str]:
    for number, (then, now) in enumerate(rows):
        if then is None or now is None or len(then) != len(now):
            yield f"predictions.csv has another shape from line {number + 1} on"
            return
        for before, after in zip(then, now, strict=True):
            if before != after and not _is_close(before, after, tolerance):
                yield f"predictions.csv line {number + 1}: was {before}, is {after}"


def _is_close(before: str, after: str, tolerance: float) -> bool:
    try:
        return math.isclose(float(before), float(after), rel_tol=tolerance, abs_tol=0.0)
    except ValueError:
        return False
