"""Predictions of classes or of numbers, as arrays."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .columns import Codes, Floats

__all__ = ["Predictions"]

_TWO = 2


@dataclass(frozen=True)
class Predictions:
    """What a model said of rows whose truth is known.

    Args:
        classes: The labels; empty for a regression.
        truth: Of shape (rows,): codes into ``classes``, or the true values.
        predicted: The same, as the model said.
        scores: Of shape (rows, classes); NaN in a column that was not given.
        positive: The code of the class that counts as positive; -1 unless there are two.
        notes: What was concluded from the rows, for the repository does not state it.
    """

    classes: tuple[str, ...]
    truth: Any
    predicted: Any
    scores: Floats | None = None
    positive: int = -1
    notes: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """``regression``, ``binary`` or ``multiclass``."""
        if not self.classes:
            return "regression"
        return "binary" if len(self.classes) == _TWO else "multiclass"

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.truth)

    def take(self, rows: Codes) -> Predictions:
        """Return some of the rows."""
        scores = None if self.scores is None else self.scores[rows]
        return replace(self, truth=self.truth[rows], predicted=self.predicted[rows], scores=scores)

    @property
    def has_scores(self) -> bool:
        """Whether the scores of all classes are given."""
        return self.scores is not None and not np.isnan(self.scores).any()

    @property
    def has_probabilities(self) -> bool:
        """Whether the scores of all classes are given and lie between 0 and 1."""
        if self.scores is None or not self.classes:
            return False
        return bool(((self.scores >= 0) & (self.scores <= 1)).all())
