# ruff: noqa: PLR0124 - a value that is not itself is missing
"""The curves of power and quantile transformers, as scipy computes them to the last bit."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Array = NDArray[Any]

__all__ = ["EDGE", "HIGHEST", "LOWEST", "box_cox", "normal_quantiles", "yeo_johnson"]


def yeo_johnson(x: Array, power: float) -> Array:
    """Return what scipy.stats.yeojohnson does of a column."""
    out = np.zeros_like(x)
    positive, epsilon = x >= 0, float(np.finfo(np.float64).eps)
    logs = np.log1p(x[positive])
    out[positive] = logs if abs(power) < epsilon else np.expm1(power * logs) / power
    logs = np.log1p(-x[~positive])
    two = 2 - power
    out[~positive] = -np.expm1(two * logs) / two if abs(power - 2) > epsilon else -logs
    return out


def box_cox(value: float, power: float) -> float:
    """Return what scipy.special.boxcox does, by the C library: numpy's own logarithm may differ."""
    if value != value:
        return value
    log = math.log(value)
    if abs(power) < 1e-19:  # noqa: PLR2004 - scipy's bound
        return log
    if power * log < 709.78:  # noqa: PLR2004 - beyond, expm1 overflows
        return math.expm1(power * log) / power
    return math.copysign(1.0, power) * math.exp(power * log - math.log(abs(power))) - 1 / power


def _normal_quantile(y: float) -> float:
    """Return the inverse of the normal distribution as Cephes' ndtri, which scipy calls.

    Its third range, below 1e-14, is left out: scikit-learn clips its values.
    """
    if not 0 < y < 1:
        return math.nan if y != y else math.copysign(math.inf, y - 0.5)
    tail = min(y, 1 - y) if y > 1 - _TAIL else y
    if tail > _TAIL:
        middle = tail - 0.5
        square = middle * middle
        ratio = square * _polynomial(square, _CENTRE[0]) / _polynomial(square, _CENTRE[1])
        return (middle + middle * ratio) * 2.50662827463100050242
    x = math.sqrt(-2.0 * math.log(tail))
    z = 1.0 / x
    ratio = z * _polynomial(z, _SIDES[0]) / _polynomial(z, _SIDES[1])
    x = x - math.log(x) / x - ratio
    return x if y > 1 - _TAIL else -x


def _polynomial(x: float, coefficients: Sequence[float]) -> float:
    value = coefficients[0]
    for coefficient in coefficients[1:]:
        value = value * x + coefficient
    return value


EDGE, _TAIL = 1e-7, 0.13533528323661269189


def _coefficients(text: str) -> tuple[float, ...]:
    return tuple(map(float, text.split()))


_CENTRE = (
    _coefficients("""-59.9633501014107895267 98.0010754185999661536 -56.6762857469070293439
        13.9312609387279679503 -1.23916583867381258016"""),
    _coefficients("""1 1.95448858338141759834 4.67627912898881538453 86.3602421390890590575
        -225.462687854119370527 200.260212380060660359 -82.0372256168333339912
        15.9056225126211695515 -1.18331621121330003142"""),
)
_SIDES = (
    _coefficients("""4.05544892305962419923 31.5251094599893866154 57.1628192246421288162
        44.080507389320083470 14.6849561928858024014 2.18663306850790267539
        -1.40256079171354495875e-1 -3.50424626827848203418e-2 -8.57456785154685413611e-4"""),
    _coefficients("""1 15.7799883256466749731 45.3907635128879210584 41.3172038254672030440
        15.0425385692907503408 2.50464946208309415979 -1.42182922854787788574e-1
        -3.80806407691578277194e-2 -9.33259480895457427372e-4"""),
)
LOWEST = _normal_quantile(EDGE - float(np.spacing(1)))
HIGHEST = _normal_quantile(1 - (EDGE - float(np.spacing(1))))
normal_quantiles: Callable[[Array], Array] = np.vectorize(_normal_quantile, otypes=[float])
