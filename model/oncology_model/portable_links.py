"""How raw scores of a portable model become probabilities and labels, of a matrix and of a row."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    Array = NDArray[Any]

__all__ = ["LINKS", "OUTPUTS", "ROW_LINKS", "ROW_RULES", "RULES", "expit", "identity", "softmax"]


def _exp(x: Array) -> Array:
    # The C library's, which scipy calls and a complex one of numpy too; numpy's own of floats
    # differs in the last bit in 176 of 10,000 values (AVX-512).
    result: Array = np.exp(x.astype(np.complex128)).real.astype(x.dtype)
    return result


_LARGEST = np.float32(88.7)
"""Up to which XGBoost, of 32 bits, takes the exponential, so that it does not overflow."""


def expit(x: Array) -> Array:
    """Return the logistic function of each value."""
    negative = np.minimum(-x, _LARGEST) if x.dtype == np.float32 else -x
    result: Array = 1 / (1 + _exp(negative))
    return result


def _expit_one(x: float) -> float:
    try:
        return 1 / (1 + math.exp(-x))
    except OverflowError:
        return 0.0


def softmax(raw: Array) -> Array:
    """Return the probabilities of each row's scores."""
    raw = raw - raw.max(axis=1, keepdims=True)
    raw = np.exp(raw)
    return raw / raw.sum(axis=1, keepdims=True)


def _pair(positive: Array) -> Array:
    return np.stack([1 - positive, positive], axis=1)


def _normalised(proba: Array) -> Array:
    total = proba.sum(axis=1)
    nothing = total == 0
    proba[nothing, :], total[nothing] = 1, proba.shape[1]
    return proba / total[:, np.newaxis]


def _huber(raw: Array) -> Array:
    proba = (np.clip(raw, -1, 1) + 1.0) / 2.0
    return _pair(proba[:, 0]) if raw.shape[1] == 1 else _normalised(proba)


def _log_sum_exp(raw: Array) -> Array:
    top = raw.max(axis=1, keepdims=True)
    ties = raw == top
    count = np.sum(ties, axis=1, keepdims=True, dtype=np.float64)
    total = np.sum(np.exp(np.where(ties, -np.inf, raw) - top), axis=1, keepdims=True)
    total = np.where(total == 0, total, total / count)
    return np.exp(raw - (np.log1p(total) + np.log(count) + top))


def identity(x: Array) -> Array:
    """Return what it is given."""
    return x


def _term_by_term(raw: Array) -> Array:
    terms = _exp(raw - raw.max(axis=1, keepdims=True))
    # `sum` would add several at a time, and 32 bits would round each time.
    total = np.add.accumulate(terms, axis=1, dtype=np.float64)[:, -1:]
    return terms / total.astype(raw.dtype)


def _row_pair(raw: Sequence[float]) -> list[float]:
    positive = _expit_one(raw[0])
    return [1 - positive, positive]


def _row_softmax(raw: Sequence[float]) -> list[float]:
    top = max(raw)
    powers = [math.exp(value - top) for value in raw]
    total = sum(powers)
    return [power / total for power in powers]


def _row_ovr(raw: Sequence[float]) -> list[float]:
    proba = [_expit_one(value) for value in raw]
    total = sum(proba)
    return [value / total for value in proba] if total else [1 / len(raw)] * len(raw)


def _argmax(raw: Sequence[float]) -> int:
    return raw.index(max(raw))


LINKS: Mapping[str, Callable[[Array], Array]] = {
    "same": identity,
    "sigmoid": lambda raw: _pair(expit(raw[:, 0])),
    "half": lambda raw: _pair(expit(2 * raw[:, 0])),
    "pair": lambda raw: _pair(raw[:, 0]),
    "ovr": lambda raw: _normalised(expit(raw)),
    "huber": _huber,
    "softmax": softmax,
    "exact_softmax": softmax,
    "logsumexp": _log_sum_exp,
}
ROW_LINKS: Mapping[str, Callable[[Sequence[float]], list[float]]] = {
    "same": list,
    "sigmoid": _row_pair,
    "half": lambda raw: _row_pair([2 * raw[0]]),
    "pair": lambda raw: [1 - raw[0], raw[0]],
    "ovr": _row_ovr,
    "softmax": _row_softmax,
    # numpy's exp and its order of the sum, where a family promises the last bit.
    "exact_softmax": lambda raw: softmax(np.array([raw]))[0].tolist(),
}
RULES: Mapping[str, Callable[[Array], Array]] = {
    "positive": lambda raw: (raw[:, 0] > 0).astype(np.intp),
    "nonnegative": lambda raw: (raw[:, 0] >= 0).astype(np.intp),
    "half": lambda raw: (raw[:, 0] > 0.5).astype(np.intp),  # noqa: PLR2004
    "argmax": lambda raw: raw.argmax(axis=1),
}
ROW_RULES: Mapping[str, Callable[[Sequence[float]], int]] = {
    "positive": lambda raw: int(raw[0] > 0),
    "nonnegative": lambda raw: int(raw[0] >= 0),
    "half": lambda raw: int(raw[0] > 0.5),  # noqa: PLR2004
    "argmax": _argmax,
}
OUTPUTS: Mapping[str, Callable[[Array], Array]] = {
    "exp": _exp,
    "pair": lambda raw: _pair(expit(raw[:, 0])),
    "sigmoid": expit,
    "softmax": _term_by_term,
    "square": lambda raw: np.sign(raw) * raw * raw,
}
"""From sums, shape (rows, classes), to what LightGBM and XGBoost answer."""
