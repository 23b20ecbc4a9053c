# ruff: noqa: PLR0124 - a value that is not itself is missing, whatever its type
"""The predictors of a portable model, each as a function of a matrix and one of a row.

scikit-learn's own order of operations is kept where it decides the last bit: trees compare 32-bit
values, `predict` is not argmax at a tie, and a sum of one column is taken term by term.
"""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .portable_links import LINKS, OUTPUTS, ROW_LINKS, RULES, expit, identity, softmax
from .portable_steps import STEPS, InputError, Step, by_blocks, by_matrix, chain, finite, numbers
from .portable_trees import MaskedTrees, WalkedTrees

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    Array = NDArray[Any]
    Spec = Mapping[str, Any]

__all__ = ["Model", "model_of"]


class Model(NamedTuple):
    """A predictor: raw scores, one row of them for a row, and how they are read."""

    batch: Callable[[Array], Array]
    row: Callable[[Sequence[Any]], Sequence[float]]
    link: str | None
    rule: str | None
    classes: Array | None
    scores: Callable[[Array], Array] | None = None
    """Where `batch` and `row` are past them: the scores that `decision_function` gives."""

    def proba(self, x: Array) -> Array:
        """Return the probabilities of the classes, shape (rows, classes)."""
        return LINKS[self.link or "same"](self.batch(x))

    def decision(self, x: Array) -> Array:
        """Return the raw scores, as `decision_function` shapes them."""
        raw = (self.scores or self.batch)(x)
        return raw[:, 0] if raw.shape[1] == 1 else raw

    def predict(self, x: Array) -> Array:
        """Return a label or a number for each row."""
        raw = self.batch(x)
        if self.classes is None or self.rule is None:
            values = np.exp(raw) if self.link == "exp" else raw
            return values[:, 0] if values.shape[1] == 1 else values
        return self.classes.take(RULES[self.rule](raw))


_FEW = 2_000
"""Weights of several classes that a row still multiplies one by one sooner than numpy would."""
_dot: Callable[[Sequence[float], Sequence[Any]], float] = getattr(
    math, "sumprod", lambda weights, values: sum(map(operator.mul, weights, values))
)  # numpy's takes longer to make an array of one row


_LARGEST = float(np.finfo(np.float32).max)


def _answers(spec: Spec) -> Step:
    """Read models as columns, as stacking does."""
    parts = [(model_of(part["node"]), part["method"], part["first"]) for part in spec["parts"]]

    def batch(x: Array) -> Array:
        answers = [np.atleast_2d(getattr(model, method)(x).T).T for model, method, _ in parts]
        columns = [answer[:, first:] for answer, (_, _, first) in zip(answers, parts, strict=True)]
        return np.hstack([*columns, x] if spec["passthrough"] else columns)

    return by_matrix(batch)


# Predictors


def _linear(spec: Spec) -> Model:
    weights, intercept = spec["coef"].T, spec["intercept"]
    is_flat = weights.ndim == 1
    plain = np.atleast_1d(intercept).tolist()

    def batch(x: Array) -> Array:
        raw = numbers(x, missing=False) @ weights + intercept
        return raw[:, np.newaxis] if is_flat else raw

    def row(values: Sequence[Any]) -> Sequence[float]:
        if isinstance(values, dict):
            near = np.array([*values.values()]) @ weights[[*values]]
            return [value + add for value, add in zip(near.tolist(), plain, strict=True)]
        raw = np.array([values], dtype=np.float64).dot(weights).ravel().tolist()
        scores = [value + add for value, add in zip(raw, plain, strict=True)]
        finite(scores)
        return scores

    def short(values: Sequence[Any]) -> Sequence[float]:
        if isinstance(values, dict):
            return [sum([of[i] * v for i, v in values.items()]) + add for of, add in lines]
        scores = [_dot(of, values) + add for of, add in lines]
        finite(scores)
        return scores

    is_short = len(plain) == 1 or weights.size <= _FEW
    lines = list(zip(np.atleast_2d(spec["coef"]).tolist(), plain, strict=True)) if is_short else []
    return _head(spec, batch, short if is_short else row)


def _mlp(spec: Spec) -> Model:
    layers = list(zip(spec["coefs"], spec["intercepts"], strict=True))
    activate, output = _ACTIVATIONS[spec["activation"]], _ACTIVATIONS[spec["output"]]

    def batch(x: Array) -> Array:
        x = numbers(x, missing=False)
        for coef, intercept in layers:
            x = x @ coef
            x += intercept
            x = activate(x) if coef is not layers[-1][0] else output(x)
        return x

    return _head(spec, batch)


def _gaussian(spec: Spec) -> Model:
    # The terms in the order of sklearn.naive_bayes, a class at a time.
    constants = [
        (np.log(prior), -0.5 * np.sum(np.log(2.0 * np.pi * var)), mean, var)
        for prior, mean, var in zip(spec["prior"], spec["mean"], spec["var"], strict=True)
    ]

    def batch(x: Array) -> Array:
        x = numbers(x, missing=False)
        scores = [
            prior + (norm - 0.5 * np.sum((x - mean) ** 2 / var, axis=1))
            for prior, norm, mean, var in constants
        ]
        return np.stack(scores).T

    return _head(spec, batch)


def _neighbours(spec: Spec) -> Model:
    """Ask the nearest rows of the training, which the file carries."""
    known, answers, count = spec["rows"], spec["answers"], spec["count"]

    def batch(x: Array) -> Array:
        x = numbers(x, missing=False)
        distances = np.sqrt(((x[:, np.newaxis, :] - known) ** 2).sum(axis=2))
        nearest = distances.argsort(axis=1, kind="stable")[:, :count]
        near = np.take_along_axis(distances, nearest, axis=1)
        if not spec["by_distance"]:
            return answers[nearest].mean(axis=1)
        weights = 1.0 / near
        infinite = np.isinf(weights)
        at = infinite.any(axis=1)
        weights[at] = infinite[at]
        total = (answers[nearest] * weights[:, :, np.newaxis]).sum(axis=1)
        return total / weights.sum(axis=1)[:, np.newaxis]

    return _head(spec, by_blocks(batch, 4_000_000 // known.size + 1))


def _trees(spec: Spec) -> Model:
    """Sum what the leaves of trees hold, tree by tree, as forests and boosting do."""
    finder = MaskedTrees(spec) if "keep" in spec else WalkedTrees(spec)
    values, base, count = spec["values"], spec["base"], spec["count"]
    every, dtype = len(base) // values.shape[1], np.dtype(spec["dtype"])
    divisor, zero, output = count if spec["mean"] else None, spec["zero"], spec["output"]
    is_narrow = dtype == np.float32 and not spec["limits"]

    def scores(x: Array) -> Array:
        x = numbers(x, missing=spec["missing"], limits=spec["limits"])
        columns = np.ascontiguousarray(_without_zeros(x, zero).T, dtype=dtype)
        if is_narrow and np.isinf(columns).any():
            message = "a value is too large for the 32 bits that trees compare"
            raise InputError(message)
        # In this order too: a sum over classes adds down the columns of histogram boosting.
        raw = np.empty((len(x), len(base)), values.dtype, spec["order"])
        raw[:] = base
        for number, leaves in enumerate(finder.batch(columns)):
            if every == 1:
                raw += values.take(leaves, axis=0)
            else:
                raw[:, number % every] += values[:, 0].take(leaves)
        return raw

    def read(raw: Array) -> Array:
        raw = raw if divisor is None else raw / divisor
        return OUTPUTS[output](raw * spec["scale"]) if output else raw

    def row(cells: Sequence[Any]) -> Sequence[float]:
        cells, has_nan = _checked(cells, spec, is_narrow=is_narrow)
        own = np.array(_without_zeros(cells, zero), dtype)
        leaves = finder.row(own, has_nan=has_nan or zero is not None)
        terms = values.take(leaves, axis=0).reshape(-1, len(base))
        terms[0] += base
        # `add.reduce` would sum a single column pairwise.
        sums = np.add.accumulate(terms)[-1:]
        if output:
            with np.errstate(over="ignore"):  # a probability of 0 or 1
                answer: list[float] = read(sums)[0].tolist()
                return answer
        raw: list[float] = sums[0].tolist()
        return raw if divisor is None else [value / divisor for value in raw]

    head = _head(spec, lambda x: read(scores(x)), row)
    return head._replace(scores=scores) if output else head


def _checked(cells: Sequence[Any], spec: Spec, *, is_narrow: bool) -> tuple[Sequence[float], bool]:
    """Return a row with what is missing as NaN, and whether anything is."""
    if None in cells:
        cells = [math.nan if cell is None else cell for cell in cells]
    total = sum(cells)
    if not (math.isfinite(total) or spec["limits"]):
        numbers(cells, missing=spec["missing"])
    if is_narrow and _are_large(cells):
        raise InputError
    return cells, total != total


def _are_large(cells: Sequence[float]) -> bool:
    # Rare, and this costs least. What is missing may come out of `max`, and is within no bound.
    is_small = min(cells) >= -_LARGEST and max(cells) <= _LARGEST
    return not is_small and any(abs(cell) > _LARGEST for cell in cells)


def _without_zeros(cells: Any, zero: Any) -> Any:  # noqa: ANN401 - a matrix, or one row
    """Return cells with those missing that are not further from zero than their column says."""
    return cells if zero is None else np.where(np.abs(cells) <= zero, np.nan, cells)


def _average(spec: Spec) -> Model:
    """Vote, by the mean of the parts' answers, or by the labels that most of them give."""
    models, weights = [model_of(part) for part in spec["parts"]], spec["weights"]
    links = [ROW_LINKS.get(model.link or "") for model in models]
    rows = [(model.row, link) for model, link in zip(models, links, strict=True) if link]

    def batch(x: Array) -> Array:
        if spec["method"] == "proba":
            return np.average(np.asarray([m.proba(x) for m in models]), axis=0, weights=weights)
        answers = np.asarray([model.predict(x) for model in models]).T
        if spec["method"] == "values":
            return np.average(answers, axis=1, weights=weights)[:, np.newaxis]
        ones = np.ones(len(models)) if weights is None else weights
        is_label = answers[:, :, np.newaxis] == np.arange(spec["width"])
        return np.add.accumulate(is_label * ones[:, np.newaxis], axis=1)[:, -1]

    def row(values: Sequence[Any]) -> Sequence[float]:
        probabilities = np.array([[link(part(values))] for part, link in rows])
        answer: list[float] = np.average(probabilities, axis=0, weights=weights)[0].tolist()
        return answer

    is_quick = spec["method"] == "proba" and len(rows) == len(models)
    return _head(spec, batch, row if is_quick else None)


def _calibrated(spec: Spec) -> Model:
    """Average classifiers whose scores a fitted curve turns into probabilities."""
    parts = [(model_of(part["node"]), part) for part in spec["parts"]]
    width = spec["width"]

    def one(x: Array, model: Model, part: Spec) -> Array:
        scores = np.atleast_2d(getattr(model, part["method"])(x).T)
        if scores.shape[0] == width == 2 and len(part["curves"]) == 1:  # noqa: PLR2004
            scores = scores[1:]
        proba = np.zeros((len(x), width))
        for place, column, curve in zip(part["places"], scores, part["curves"], strict=True):
            proba[:, place] = _curve(curve, column)
        if width == 2:  # noqa: PLR2004 - two classes
            proba[:, 0] = 1.0 - proba[:, 1]
        else:
            total = np.sum(proba, axis=1)[:, np.newaxis]
            uniform = np.full_like(proba, 1 / width)
            proba = np.divide(proba, total, out=uniform, where=total != 0)
        proba[(proba > 1.0) & (proba <= 1.0 + 1e-5)] = 1.0
        return proba

    def batch(x: Array) -> Array:
        total = np.zeros((len(x), width))
        for model, part in parts:
            total += one(x, model, part)
        return total / len(parts)

    return _head(spec, batch)


def _curve(curve: Spec, scores: Array) -> Array:
    if "a" in curve:
        return expit(-(curve["a"] * scores + curve["b"]))
    x, y = curve["x"], curve["y"]
    if len(y) == 1:
        return y.repeat(scores.shape)
    result: Array = np.interp(np.clip(scores, x[0], x[-1]), x, y)
    return result


def _head(
    spec: Spec,
    batch: Callable[[Array], Array],
    row: Callable[[Sequence[Any]], Sequence[float]] | None = None,
) -> Model:
    row = row or by_matrix(batch).row
    return Model(batch, row, spec["link"], spec["rule"], spec["classes"])


def model_of(spec: Spec) -> Model:
    """Return the predictor that a node of the graph describes, with what stands before it."""
    if spec["kind"] != "chain":
        return _MODELS[spec["kind"]](spec)
    step, last = chain({"steps": spec["steps"][:-1]}), model_of(spec["steps"][-1])
    before_batch, before_row, scores = step.batch, step.row, last.scores
    return last._replace(
        batch=lambda x: last.batch(before_batch(x)),
        row=lambda v: last.row(before_row(v)),
        scores=scores and (lambda x: scores(before_batch(x))),
    )


_ACTIVATIONS: Mapping[str, Callable[[Array], Array]] = {
    "identity": identity,
    "logistic": expit,
    "tanh": lambda x: np.tanh(x, out=x),
    "relu": lambda x: np.maximum(x, 0, out=x),
    "softmax": softmax,
}
_MODELS: Mapping[str, Callable[[Spec], Model]] = {
    "linear": _linear,
    "mlp": _mlp,
    "gaussian": _gaussian,
    "neighbours": _neighbours,
    "trees": _trees,
    "average": _average,
    "calibrated": _calibrated,
}
STEPS["answers"] = _answers
