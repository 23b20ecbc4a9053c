"""Whether training repeats: what several trainings made, compared.

Pure: what was made comes in as digests and texts.
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
    """One more training of the same.

    Args:
        engine: Where its parallel work ran: ``local`` or ``dask``.
        hash_seed: By which Python hashed texts.
        artefact: The sha256 of the model that came of it.
        difference: The first prediction that is another one; empty where all are the same.
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
    """What is known of the model that stands.

    Args:
        artefact: Its sha256.
        repeats: The other trainings.
    """

    artefact: str
    repeats: Sequence[Repeat]

    @property
    def holds(self) -> str:
        """What repeats: ``bytes``, ``predictions``, or nothing, which is empty."""
        if any(repeat.difference for repeat in self.repeats):
            return ""
        same = all(repeat.artefact == self.artefact for repeat in self.repeats)
        return "bytes" if same else "predictions"

    @property
    def told(self) -> str:
        """What holds, and for which trainings, in a sentence."""
        seeds = ", ".join(repeat.hash_seed for repeat in self.repeats)
        engines = " and ".join(dict.fromkeys(repeat.engine for repeat in self.repeats))
        what = {
            "bytes": "byte for byte",
            "predictions": "in its predictions, not in its bytes",
        }.get(self.holds, "not at all")
        return f"repeats {what}: {len(self.repeats)} more trainings, hash seeds {seeds}, {engines}"

    def require(self) -> None:
        """Refuse a training of which a prediction came out otherwise.

        Raises:
            StepFailedError: It did.
        """
        for repeat in self.repeats:
            if repeat.difference:
                message = f"training does not repeat: {repeat.name}: {repeat.difference}"
                hint = "give every random choice a seed, and sort what sets and folders hold"
                raise StepFailedError(message, hint=hint)

    def as_json(self) -> dict[str, Any]:
        """Return it as a JSON value."""
        return {"schema": SCHEMA, "holds": self.holds, **asdict(self)}


def parse_repeatability(document: Mapping[str, Any]) -> Repeatability | None:
    """Return what `Repeatability.as_json` gave; None for anything else."""
    if document.get("schema") != SCHEMA:
        return None
    repeats = tuple(Repeat(**repeat) for repeat in document["repeats"])
    return Repeatability(document["artefact"], repeats)


def compare_predictions(old: Iterable[str], new: Iterable[str], tolerance: float) -> str:
    """Return the first cell of ``predictions.csv`` that differs, as a phrase; empty for none.

    Args:
        old: Its lines, as the model that stands left them.
        new: Those of another training.
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
