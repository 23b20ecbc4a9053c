"""The number of jobs that a fitted estimator keeps."""

from collections.abc import Iterable, Mapping

import numpy as np
from sklearn.base import BaseEstimator


def clear_jobs(estimator: object) -> None:
    """Set ``n_jobs`` to None in a fitted estimator and in all that it is made of.

    However many processors the training had, whoever predicts with it later decides: a
    forest that keeps ``n_jobs=2`` takes five times as long for a single row, and the last
    bits of its probabilities vary.

    Args:
        estimator: a fitted one; it is changed in place, and predicts the same.
    """
    waiting, visited = [estimator], {id(estimator)}
    while waiting:
        part = waiting.pop()
        if getattr(part, "n_jobs", None) is not None:
            part.n_jobs = None  # type: ignore[attr-defined]
        parts = [inner for inner in _list_parts(part) if id(inner) not in visited]
        visited.update(map(id, parts))
        waiting.extend(parts)


def _list_parts(whole: object) -> Iterable[object]:
    """List what *whole* is made of, so far as estimators may stand in it."""
    if isinstance(whole, Mapping):
        return list(whole.values())
    if isinstance(whole, list | tuple):
        return whole
    if isinstance(whole, np.ndarray):
        return whole.ravel().tolist() if whole.dtype == object else ()
    # Some parts, such as those of a calibrated classifier, are not estimators by type.
    if isinstance(whole, BaseEstimator) or str(type(whole).__module__).startswith("sklearn."):
        return list(getattr(whole, "__dict__", {}).values())
    return ()
