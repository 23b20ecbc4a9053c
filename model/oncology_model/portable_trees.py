# ruff: noqa: PLR0124 - a value that is not itself is missing
"""Which leaf a row reaches in each tree of a portable model, by numpy alone.

Two ways, each for a matrix and for one row: masks for trees of at most 64 leaves, and steps from
node to node for larger ones. Leaves are numbered through all trees, as the rows of values are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    Array = NDArray[Any]
    _Leaves = Callable[[list[float]], Sequence[int]]

__all__ = ["OUTPUTS", "MaskedTrees", "WalkedTrees"]

_UNCALLED = 20
"""Rows before trees are compiled: 2 ms a tree of 550 nodes would be half of a cold start."""
_CHUNK, _MOST_NODES, _DEEPEST = 5_000, 300_000, 60
_MOST_NAMES = 64
"""Columns that are worth a local name each in compiled trees."""


class MaskedTrees:
    """Trees of at most 64 leaves: a node that sends a row right clears its left leaves.

    The leaf is the first that no node cleared (QuickScorer, Lucchese et al., SIGIR 2015). Node s of
    tree t stands at [s, t]; a tree of fewer nodes is filled up with some that clear nothing.
    """

    def __init__(self, spec: Mapping[str, Any]) -> None:
        self._feature, self._threshold = spec["feature"].astype(np.intp), spec["threshold"]
        self._clears, self._first = spec["keep"], spec["first"].astype(np.intp)
        self._right_if_nan, self._category = spec["right_if_nan"], spec["category"]
        self._goes_right = spec["goes_right"]

    def batch(self, columns: Array) -> Iterator[Array]:
        """Yield for each tree the leaf of each row, from columns of shape (columns, rows)."""
        has_nan = bool(np.isnan(columns).any())
        width = self._goes_right.shape[1]
        by_code = np.unique(self._feature[self._category >= 0])
        codes = {feature: _codes(columns[feature], width) for feature in by_code}
        one, size = self._clears.dtype.type(1), columns.shape[1]
        right, cleared = np.empty(size, dtype=bool), np.empty(size, dtype=self._clears.dtype)
        mask = np.empty_like(cleared)
        for tree, first in enumerate(self._first):
            mask.fill(0)
            for node in np.flatnonzero(self._clears[:, tree]):
                feature, category = self._feature[node, tree], self._category[node, tree]
                if category >= 0:
                    right = self._goes_right[category].take(codes[feature])
                elif has_nan and self._right_if_nan[node, tree]:
                    np.less_equal(columns[feature], self._threshold[node, tree], out=right)
                    np.logical_not(right, out=right)
                else:
                    np.greater(columns[feature], self._threshold[node, tree], out=right)
                np.multiply(right, self._clears[node, tree], out=cleared)
                np.bitwise_or(mask, cleared, out=mask)
            yield first + np.bitwise_count(mask ^ (mask + one))

    def row(self, x: Array, *, has_nan: bool) -> Array:
        """Return the leaf of one row in each tree."""
        values = x.take(self._feature)
        right = values > self._threshold
        if has_nan:
            right |= self._right_if_nan & np.isnan(values)
        if len(self._goes_right):
            chosen = self._category >= 0
            codes = _codes(values[chosen], self._goes_right.shape[1])
            right[chosen] = self._goes_right[self._category[chosen], codes]
        mask = np.bitwise_or.reduce(right * self._clears, axis=0)
        return self._first + np.bitwise_count(mask ^ (mask + self._clears.dtype.type(1)))


class WalkedTrees:
    """Trees of any size: siblings are neighbours, and a leaf leads to itself."""

    def __init__(self, spec: Mapping[str, Any]) -> None:
        self._start, self._depth = spec["start"].tolist(), spec["depth"].tolist()
        self._feature, self._left = spec["feature"].astype(np.intp), spec["left"].astype(np.intp)
        self._threshold, self._right_if_nan = spec["threshold"], spec["right_if_nan"]
        self._lists: tuple[list[Any], ...] | None = None
        # One value, replaced as a whole: threads that compile the same trees leave the same.
        self._compiled: tuple[list[_Leaves], int] = ([], 0)
        self._calls = 0
        is_small = len(self._feature) <= _MOST_NODES and max(self._depth) <= _DEEPEST
        self._compiles_to = len(self._depth) if is_small else 0

    def batch(self, columns: Array) -> Iterator[Array]:
        """Yield for each tree the leaf of each row, from columns of shape (columns, rows)."""
        has_nan, size = bool(np.isnan(columns).any()), columns.shape[1]
        cells, rows = columns.ravel(), np.arange(size)
        node, cell, values = np.empty_like(rows), np.empty_like(rows), np.empty_like(columns[0])
        limits, right = np.empty_like(values), np.empty(size, dtype=bool)
        for tree, depth in enumerate(self._depth):
            span = slice(self._start[tree], self._start[tree + 1])
            left, threshold = self._left[span], self._threshold[span]
            first_cell = np.maximum(self._feature[span], 0) * size
            node.fill(0)
            for _ in range(depth):
                # With mode="raise", numpy would copy what it writes.
                first_cell.take(node, out=cell, mode="clip")
                np.add(cell, rows, out=cell)
                cells.take(cell, out=values, mode="clip")
                threshold.take(node, out=limits, mode="clip")
                np.greater(values, limits, out=right)
                if has_nan:
                    right |= np.isnan(values) & self._right_if_nan[span].take(node)
                left.take(node, out=cell, mode="clip")
                np.add(cell, right, out=node)
            yield node + span.start

    def row(self, x: Array, *, has_nan: bool) -> Array:
        """Return the leaf of one row in each tree."""
        values = x.tolist()
        functions, count = self._compiled
        self._calls += 1
        if self._calls > _UNCALLED and count < self._compiles_to:
            functions, count = self._compiled = self._compile(functions, count, len(values))
        leaves: list[int] = []
        for function in functions:
            leaves += function(values)
        if count < len(self._depth):
            leaves += self._descend(values, count, has_nan=has_nan)
        return np.array(leaves)

    def _descend(self, x: Sequence[float], first: int, *, has_nan: bool) -> list[int]:
        if self._lists is None:
            base = np.repeat(self._start[:-1], np.diff(self._start))
            arrays = (self._feature, self._threshold, self._left + base, self._right_if_nan)
            self._lists = tuple(array.tolist() for array in arrays)
        features, thresholds, lefts, right_if_nan = self._lists
        leaves = []
        for root in self._start[first:-1]:
            node = root
            while (feature := features[node]) >= 0:
                value = x[feature]
                if value <= thresholds[node] or (
                    has_nan and value != value and not right_if_nan[node]
                ):
                    node = lefts[node]
                else:
                    node = lefts[node] + 1
            leaves.append(node)
        return leaves

    def _compile(
        self, functions: Sequence[_Leaves], first: int, width: int
    ) -> tuple[list[_Leaves], int]:
        """Compile the next trees to expressions of Python, three times faster than a loop."""
        last = first
        while last < len(self._depth) and self._start[last] - self._start[first] < _CHUNK:
            last += 1
        name = "x{}" if width <= _MOST_NAMES else "x[{}]"
        trees = "".join(f"{self._expression(self._start[t], 0, name)}," for t in range(first, last))
        names = "".join(f"x{i}," for i in range(width)) if width <= _MOST_NAMES else "x"
        scope: dict[str, Any] = {}
        # The text is made of integers and floats of arrays of such, and of nothing else.
        exec(f"def leaves(x):\n {names} = x\n return ({trees})", scope)  # noqa: S102
        return [*functions, scope["leaves"]], last

    def _expression(self, root: int, node: int, name: str) -> str:
        at = root + node
        feature, left = int(self._feature[at]), int(self._left[at])
        if feature < 0:
            return str(at)
        value, threshold = name.format(feature), float(self._threshold[at])
        test = f"{value}<={threshold!r}" if self._right_if_nan[at] else f"not {value}>{threshold!r}"
        branches = [self._expression(root, child, name) for child in (left, left + 1)]
        return f"({branches[0]} if {test} else {branches[1]})"


def _codes(column: Array, width: int) -> Array:
    # At the end of a table stands what it does not know, and then what is missing. LightGBM cuts
    # what is after the point, and so takes -0.5 as 0; XGBoost, of 32 bits, refuses what is below 0.
    low = column >= 0 if column.dtype == np.float32 else column > -1
    known = np.where(low & (column < width - 2), column, -2)
    return np.where(np.isnan(column), -1, known).astype(np.intp)


def _exp(x: Array) -> Array:
    """Compute as the C library does: numpy's own differs in the last bit."""
    if x.dtype == np.float32:
        return _exp_of_32_bits(x)
    result: Array = np.exp(x + 0j).real
    return result


def _exp_of_32_bits(x: Array) -> Array:
    # glibc's expf, which is not always rounded to the nearest: 59 of 200,000 probabilities of
    # XGBoost would differ. 32 steps to a power of two, and a polynomial between them.
    scaled = x.astype(np.float64) * (_STEPS * float.fromhex("0x1.71547652b82fep+0"))
    step = np.rint(scaled)
    rest = scaled - step
    first, second, third = _TERMS
    near = (first * rest + second) * (rest * rest) + (third * rest + 1)
    whole = np.clip(step, -10_000, 10_000).astype(np.intp)
    powers = np.exp2(whole % _STEPS / _STEPS)
    result: Array = np.ldexp(near * powers, whole // _STEPS).astype(np.float32)
    return result


_STEPS = 32
_TERMS = (
    float.fromhex("0x1.c6af84b912394p-5") / _STEPS**3,
    float.fromhex("0x1.ebfce50fac4f3p-3") / _STEPS**2,
    float.fromhex("0x1.62e42ff0c52d6p-1") / _STEPS,
)


def _logistic(x: Array) -> Array:
    # XGBoost, of 32 bits, does not let it overflow.
    result: Array = 1 / (1 + _exp(-x if x.dtype == np.float64 else np.minimum(-x, _LARGEST)))
    return result


_LARGEST = np.float32(88.7)


def _pair(x: Array) -> Array:
    positive = _logistic(x)
    return np.hstack([1 - positive, positive])


def _softmax(x: Array) -> Array:
    terms = _exp(x - x.max(axis=1, keepdims=True))
    # `sum` would add several at a time, and 32 bits would round each time.
    total = np.add.accumulate(terms, axis=1, dtype=np.float64)[:, -1:]
    return terms / total.astype(x.dtype)


OUTPUTS: Mapping[str, Callable[[Array], Array]] = {
    "exp": _exp,
    "pair": _pair,
    "sigmoid": _logistic,
    "softmax": _softmax,
    "square": lambda x: np.sign(x) * x * x,
}
"""From sums, shape (rows, classes), to what LightGBM and XGBoost answer."""
