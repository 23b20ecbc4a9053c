# ruff: noqa: PLR0124 - a value that is not itself is missing, whatever its type
"""The transformers of a portable model, each as a function of a matrix and one of a row.

A row's may refuse it by any exception: the matrix's then decides, and it alone names what is wrong.
"""

from __future__ import annotations

import math
import operator
from bisect import bisect_right
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .portable_curves import EDGE, HIGHEST, LOWEST, box_cox, normal_quantiles, yeo_johnson
from .portable_text import WordCounts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    Array = NDArray[Any]
    Spec = Mapping[str, Any]

__all__ = ["STEPS", "InputError", "Step", "by_blocks", "by_matrix", "chain", "finite", "numbers"]


class InputError(ValueError):
    """A value is not one that the model can take."""


class Step(NamedTuple):
    """A transformer: a matrix to a matrix, and the values of a row to those of a row."""

    batch: Callable[[Array], Array]
    row: Callable[[Sequence[Any]], Sequence[Any]]


def numbers(rows: Any, *, missing: bool = True, limits: bool = False) -> Array:  # noqa: ANN401
    """Return rows as numbers.

    Raises:
        InputError: one is not a number, or is infinite, or missing where that is not known.
    """
    try:
        x: Array = np.asarray(rows, dtype=np.float64)
    except (TypeError, ValueError) as error:
        message = f"a value is not a number: {error}"
        raise InputError(message) from None
    if not math.isfinite(x.sum()) and not (limits and missing):
        if np.isinf(x).any():
            message = "a value is infinite"
            raise InputError(message)
        if not missing and np.isnan(x).any():
            message = "a value is missing: the model was trained on rows that have all of them"
            raise InputError(message)
    return x


def finite(values: Sequence[float]) -> None:
    """Refuse a row with a value that is missing or infinite."""
    if not math.isfinite(sum(values)):
        raise InputError


_OPERATIONS: Mapping[str, tuple[np.ufunc, Callable[[Any, Any], Any]]] = {
    "sub": (np.subtract, operator.sub),
    "truediv": (np.divide, operator.truediv),
    "mul": (np.multiply, operator.mul),
    "add": (np.add, operator.add),
}


def _scale(spec: Spec) -> Step:
    steps = [(_OPERATIONS[name][0], values) for name, values in spec["steps"]]
    plain = [(_OPERATIONS[name][1], values.tolist()) for name, values in spec["steps"]]
    clip = spec["clip"]

    def batch(x: Array) -> Array:
        x = np.array(numbers(x))  # one copy, then in place: new memory costs more than the sums
        for function, values in steps:
            function(x, values, out=x)
        return x if clip is None else np.clip(x, *clip, out=x)

    def row(values: Sequence[Any]) -> Sequence[Any]:
        for function, others in plain:
            values = list(map(function, values, others))
        return values if clip is None else [min(max(v, clip[0]), clip[1]) for v in values]

    return Step(batch, row)


def _bins(spec: Spec) -> Step:
    edges, offsets, width = spec["edges"], spec["offsets"], spec["width"]
    plain = list(zip([values.tolist() for values in edges], offsets, strict=True))

    def batch(x: Array) -> Array:
        columns = numbers(x, missing=False).T
        codes = [np.searchsorted(e, c, side="right") for e, c in zip(edges, columns, strict=True)]
        return _one_hot(codes, offsets, width) if width else np.array(codes, dtype=np.float64).T

    def row(values: Sequence[Any]) -> Sequence[Any]:
        finite(values)
        codes = [bisect_right(e, v) + start for (e, start), v in zip(plain, values, strict=True)]
        return _row_one_hot(codes, width) if width else [*map(float, codes)]

    return Step(batch, row)


def _power(spec: Spec) -> Step:
    lambdas = spec["lambdas"].tolist()
    transform = np.vectorize(box_cox, otypes=[float]) if spec["box_cox"] else yeo_johnson

    def batch(x: Array) -> Array:
        columns = numbers(x).T
        if spec["box_cox"] and not (columns > 0).all(where=~np.isnan(columns)):
            message = "a value is not positive, as the Box-Cox transform needs"
            raise InputError(message)
        return np.array([transform(c, power) for c, power in zip(columns, lambdas, strict=True)]).T

    return by_matrix(batch)


def _quantile(spec: Spec) -> Step:
    quantiles, references, is_normal = spec["quantiles"], spec["references"], spec["normal"]

    def one(x: Array, known: Array) -> Array:
        # Up and down, and the mean of both, so that repeated quantiles give the middle.
        up = np.interp(x, known, references)
        out = 0.5 * (up - np.interp(-x, -known[::-1], -references[::-1]))
        edge = EDGE if is_normal else 0.0
        out[x + edge > known[-1] if is_normal else x == known[-1]] = 1
        out[x - edge < known[0] if is_normal else x == known[0]] = 0
        out[np.isnan(x)] = np.nan
        return np.clip(normal_quantiles(out), LOWEST, HIGHEST) if is_normal else out

    def batch(x: Array) -> Array:
        columns = numbers(x).T
        return np.array([one(c, known) for c, known in zip(columns, quantiles, strict=True)]).T

    return by_matrix(batch)


def by_blocks(batch: Callable[[Array], Array], size: int) -> Callable[[Array], Array]:
    """Return a function that takes so many rows at a time, for its memory's sake."""
    return lambda x: np.vstack([batch(x[i : i + size]) for i in range(0, len(x), size)])


def _impute(spec: Spec) -> Step:
    missing, kept, fill = spec["missing"], spec["kept"], spec["fill"]
    indicated, is_object = spec["indicated"], spec["object"]
    is_nan = missing != missing
    is_usual = is_nan and not is_object and indicated is None
    fills, takes = fill.tolist(), kept.tolist()

    def batch(x: Array) -> Array:
        x = np.asarray(x, dtype=object) if is_object else numbers(x, missing=is_nan)
        mask = x != x if is_nan else x == missing
        mask = np.asarray(mask, dtype=bool)
        result = np.where(mask[:, kept], fill, x[:, kept])
        return result if indicated is None else np.hstack((result, mask[:, indicated]))

    def is_missing(value: Any) -> bool:  # noqa: ANN401 - any value of a row
        if is_nan:
            return bool(value != value) or (value is None and not is_object)
        return bool(value == missing)

    def row(values: Sequence[Any]) -> Sequence[Any]:
        if is_usual:
            pairs = zip([values[i] for i in takes], fills, strict=True)
            return [fill if v is None or v != v else v for v, fill in pairs]
        flags = [is_missing(value) for value in values]
        out = [f if flags[i] else values[i] for i, f in zip(takes, fills, strict=True)]
        return out if indicated is None else out + [float(flags[i]) for i in indicated.tolist()]

    return Step(batch, row)


def _encode(spec: Spec) -> Step:
    width = spec["width"]
    tables = []
    for column in spec["columns"]:
        pairs = list(zip(column["categories"], column["codes"], strict=True))
        codes = {value: code for value, code in pairs if value == value}
        nan = next((code for value, code in pairs if value != value), column["unknown"])
        tables.append((codes.get, column["unknown"], nan))

    def codes_of(number: int, values: Sequence[Any]) -> list[Any]:
        get, unknown, nan = tables[number]
        codes = [get(v, unknown) if v == v else nan for v in values]
        if unknown is None and None in codes:
            message = f"{values[codes.index(None)]!r} in column {number} was not in the training"
            raise InputError(message)
        return codes

    def batch(x: Array) -> Array:
        columns = [codes_of(number, column.tolist()) for number, column in enumerate(x.T)]
        if width is None:
            return np.array(columns, dtype=np.float64).T
        return _one_hot(columns, [0] * len(columns), width)

    def row(values: Sequence[Any]) -> Sequence[Any]:
        codes = [
            get(v, unknown) if v == v else nan
            for v, (get, unknown, nan) in zip(values, tables, strict=True)
        ]
        return [*map(float, codes)] if width is None else _row_one_hot(codes, width)

    return Step(batch, row)


def _one_hot(columns: Sequence[Any], offsets: Sequence[int], width: int) -> Array:
    out = np.zeros((len(columns[0]), width + 1))  # the last column is for what sets none
    rows = np.arange(len(out))
    for codes, offset in zip(columns, offsets, strict=True):
        out[rows, np.add(codes, offset)] = 1.0
    return np.ascontiguousarray(out[:, :-1])


def _row_one_hot(codes: Sequence[int], width: int) -> list[float]:
    out = [0.0] * (width + 1)
    for code in codes:
        out[code] = 1.0
    del out[-1]
    return out


def _parts(spec: Spec) -> Step:
    steps = [(part["take"], _step(part["node"]), part["weight"]) for part in spec["parts"]]
    plain = [(take if take is None else take.tolist(), step.row, w) for take, step, w in steps]

    def batch(x: Array) -> Array:
        outs = [step.batch(x if t is None else x[:, t]) for t, step, _ in steps]
        for number, (_, _, weight) in enumerate(steps):
            if weight is not None:
                outs[number] = outs[number] * weight
        return np.hstack(outs)

    def row(values: Sequence[Any]) -> Sequence[Any]:
        out: list[Any] = []
        for take, step, weight in plain:
            part = step(values if take is None else [values[i] for i in take])
            out += part if weight is None else [value * weight for value in part]
        return out

    return Step(batch, row)


def chain(spec: Spec) -> Step:
    """Return one step for several in a row."""
    steps = [_step(node) for node in spec["steps"]]
    batches, rows = [step.batch for step in steps], [step.row for step in steps]
    return Step(lambda x: _through(batches, x), lambda values: _through(rows, values))


def _same(spec: Spec) -> Step:
    missing = spec["missing"]

    def row(values: Sequence[Any]) -> Sequence[Any]:
        if not missing:
            finite(values)
        return values

    if spec["numeric"]:
        return Step(lambda x: numbers(x, missing=missing, limits=missing), row)
    return Step(lambda x: x, row)


def _apply(spec: Spec) -> Step:
    function = getattr(np, spec["name"])
    missing = spec["missing"]
    return by_matrix(lambda x: function(numbers(x, missing=missing, limits=missing)))


def by_matrix(batch: Callable[[Array], Array]) -> Step:
    """Return a step whose row goes the way of a matrix."""

    def row(values: Sequence[Any]) -> Sequence[Any]:
        answer: list[Any] = batch(np.array([values], dtype=np.float64))[0].tolist()
        return answer

    return Step(batch, row)


def _through(functions: Sequence[Callable[[Any], Any]], value: Any) -> Any:  # noqa: ANN401
    for function in functions:
        value = function(value)
    return value


def _counts(spec: Spec) -> Step:
    counts = WordCounts(spec)
    size = 1_000_000 // max(1, len(spec["terms"])) + 1  # texts whose counts fit into a cache

    def checked(texts: Sequence[Any]) -> Sequence[str]:
        for text in texts:
            if not isinstance(text, str):
                message = f"{type(text).__name__} is not a text"
                raise InputError(message)
        return texts

    def row(values: Sequence[Any]) -> Any:  # noqa: ANN401 - a mapping before a linear model
        weights = counts.of(*checked(values))
        if spec["before_linear"]:
            return weights
        return [weights.get(place, 0.0) for place in range(len(spec["terms"]))]

    return Step(by_blocks(lambda x: counts.matrix(checked(x.ravel().tolist())), size), row)


def _step(spec: Spec) -> Step:
    return STEPS[spec["kind"]](spec)


STEPS: dict[str, Callable[[Spec], Step]] = {
    "scale": _scale,
    "bins": _bins,
    "power": _power,
    "quantile": _quantile,
    "words": _counts,
    "impute": _impute,
    "encode": _encode,
    "parts": _parts,
    "chain": chain,
    "same": _same,
    "apply": _apply,
}
