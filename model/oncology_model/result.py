"""What is asked for answers, and an answer with all that is to be said about it."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from oncology_model.batch import Batch

Full = tuple[Any, float | None, Mapping[str, float]]
"""An answer, its probability, and the probability of each class."""


class Engine(Protocol):
    """What answers: a fitted estimator, or what reads another format of it.

    That of a classifier has `classes_` too and, if it gives probabilities, `predict_proba`: one
    row of them, in the order of `classes_`, per row of the matrix. A matrix has a record a row
    and a column a name, in the order of the record's ``names()``; of float64 if all fields are
    numbers, else of objects.
    """

    def predict(self, matrix: "NDArray[Any]", /) -> "NDArray[Any]":
        """Give the answer to each row of *matrix*."""


@dataclass(frozen=True)
class Result:
    """An answer, with all that is to be said about it.

    Attributes:
        prediction: the class, or the number.
        probability: of the class that the model looks for, such as ``malignant``, where it looks
            for one; else of the class that is predicted. None if the model gives none.
        probabilities: of each class by name; empty if the model gives none.
        model_version: of the package; "0+unknown" in a checkout of its sources.
        warnings: what in the record is outside the ranges of training.
    """

    prediction: str | float
    probability: float | None
    probabilities: Mapping[str, float]
    model_version: str
    warnings: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        """Return it as a JSON object."""
        return {
            **vars(self),
            "prediction": self._plain(),
            "probabilities": dict(self.probabilities),
            "warnings": list(self.warnings),
        }

    def _plain(self) -> str | float:
        return str(self.prediction) if isinstance(self.prediction, str) else self.prediction

    def cells(self) -> dict[str, str]:
        """Return the cells of a table's row, by the name of their column."""
        if isinstance(self.prediction, float):
            return {"prediction": repr(self.prediction)}
        # Six decimals: the last bits of a float differ between kinds of CPU.
        share = "" if self.probability is None else f"{self.probability:.6f}"
        return {"prediction": str(self.prediction), "probability": share}


def to_results(batch: "Batch", answers: Iterable[Full]) -> list[Result]:
    """Return the results of a batch, one for each answer, with what is to be said of its record."""
    from oncology_model.installed import read_version  # noqa: PLC0415

    version = read_version()
    return [
        Result(
            answer,
            probability,
            shares,
            version,
            tuple(f"{name}: {problem}" for name, problem in batch.remarks.get(place, ())),
        )
        for place, (answer, probability, shares) in zip(batch.places, answers, strict=True)
    ]


def check_finite(numbers: Iterable[float]) -> None:
    """Raise a ValueError unless all numbers are finite."""
    if not all(map(math.isfinite, numbers)):
        message = "the answer is not a finite number"
        raise ValueError(message)
