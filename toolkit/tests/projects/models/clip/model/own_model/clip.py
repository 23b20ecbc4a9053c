"""A transformer of this model's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Clip(TransformerMixin, BaseEstimator):
    """Holds each column between two quantiles of what it was fitted to."""

    def __init__(self, share: float = 0.02) -> None:
        """Take the share that is cut off at both ends."""
        self.share = share

    def fit(self, X: NDArray[np.float64], y: object = None) -> Self:
        """Learn the limits."""
        self.low_, self.high_ = np.quantile(X, [self.share, 1 - self.share], axis=0)
        return self

    def transform(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return X within the limits."""
        return np.clip(X, self.low_, self.high_)
