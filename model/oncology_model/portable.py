# ruff: noqa: PLR0124 - a value that is not itself is missing, whatever its type
"""The model as arrays: predicts with numpy alone what scikit-learn predicted in training.

A portable file is one `.npz`: an array for each type of number, and a graph in JSON whose nodes
name slices of them. Nothing in it is code or a pickle. Each kind of node is one function below that
turns its arrays into two callables, for a matrix and for one row. The row's may refuse a row by any
exception: the matrix's then decides, and it alone names what is wrong with a value.

scikit-learn's own order of operations is kept where it decides the last bit: trees compare 32-bit
values, `predict` is not argmax at a tie, and a sum of one column is taken term by term.
"""

from __future__ import annotations

import io
import json
import math
import operator
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import numpy as np

from .portable_steps import STEPS, InputError, Step, by_blocks, by_matrix, chain, finite, numbers
from .portable_trees import OUTPUTS, MaskedTrees, WalkedTrees

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    Array = NDArray[Any]
    Spec = Mapping[str, Any]

__all__ = ["SCHEMA", "InputError", "Portable", "PortableError", "load_portable"]

SCHEMA = 1
_PLAIN = frozenset({float, int, str, bool, type(None)})


class PortableError(ValueError):
    """A file is not a portable model that this interpreter can read."""


class _Model(NamedTuple):
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
        return _LINKS[self.link or "same"](self.batch(x))

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
        return self.classes.take(_RULES[self.rule](raw))


class Portable:
    """A trained model that asks nothing but numpy.

    Attributes:
        classes_: the labels, shape (classes,); None for a regressor.
        n_features_in_: how many values a row has.
        feature_names_in_: their names in order; None if the model was trained without.
        has_proba: whether it gives probabilities.
        made_with: the version of scikit-learn that it was made with.
    """

    def __init__(self, spec: Spec) -> None:
        self._model = model = _model(spec["graph"])
        self.classes_: Array | None = model.classes
        self.n_features_in_: int = int(spec["features"])
        self.feature_names_in_: tuple[str, ...] | None = spec["names"] and tuple(spec["names"])
        self.has_proba: bool = model.classes is not None and model.link is not None
        self.made_with: str = str(spec["made_with"])
        self._is_text, self._is_numeric = bool(spec["text"]), bool(spec["numeric"])
        self._labels = None if model.classes is None else model.classes.tolist()
        self._row_rule = _ROW_RULES.get(model.rule or "")
        self._row_link = _ROW_LINKS.get(model.link or "")

    def predict(self, rows: Array | Sequence[Sequence[Any]]) -> Array:
        """Return the labels or numbers for rows, shape (rows,).

        Args:
            rows: float64 or objects (numbers, texts, None), shape (rows, features), or such rows.

        Raises:
            InputError: a value is none that the model was trained to take.
        """
        if len(rows) == 1:
            one = self.predict_one(_values(rows[0]))
            return np.array([one], None if self.classes_ is None else self.classes_.dtype)
        with np.errstate(all="ignore"):
            return self._model.predict(self._matrix(rows))

    def predict_proba(self, rows: Array | Sequence[Sequence[Any]]) -> Array:
        """Return the probabilities of `classes_` for rows, shape (rows, classes).

        Raises:
            InputError: a value is none that the model was trained to take.
            AttributeError: the model gives labels alone.
        """
        if not self.has_proba:
            message = "this model gives no probabilities"
            raise AttributeError(message)
        if len(rows) == 1:
            return np.array([self.predict_proba_one(_values(rows[0]))])
        with np.errstate(all="ignore"):
            return self._model.proba(self._matrix(rows))

    def decision_function(self, rows: Array | Sequence[Sequence[Any]]) -> Array:
        """Return the raw scores for rows, shape (rows,) or (rows, classes)."""
        with np.errstate(all="ignore"):
            return self._model.decision(self._matrix(rows))

    def predict_one(self, row: Sequence[Any]) -> Any:  # noqa: ANN401 - a label is what y held
        """Return the label or number for one row, as a plain value of Python."""
        raw = self._raw(row)
        if raw is None or (self._labels is not None and self._row_rule is None):
            with np.errstate(all="ignore"):
                return self._model.predict(self._matrix([row])).tolist()[0]
        if self._labels is None or self._row_rule is None:
            values = np.exp(raw).tolist() if self._model.link == "exp" else list(raw)
            return float(values[0]) if len(values) == 1 else values
        return self._labels[self._row_rule(raw)]

    def predict_proba_one(self, row: Sequence[Any]) -> list[float]:
        """Return the probabilities of `classes_` for one row."""
        raw = self._raw(row)
        if raw is None or self._row_link is None:
            with np.errstate(all="ignore"):
                answer: list[float] = self._model.proba(self._matrix([row]))[0].tolist()
                return answer
        return self._row_link(raw)

    def _raw(self, row: Sequence[Any]) -> Sequence[float] | None:
        if self._is_text and isinstance(row, str):
            row = [row]
        # A numpy scalar among them would compute in its own precision.
        if len(row) != self.n_features_in_ or not _PLAIN.issuperset(map(type, row)):
            return None
        try:
            return self._model.row(row)
        except Exception:  # noqa: BLE001 - whatever is odd about the row, the matrix's way names it
            return None

    def _matrix(self, rows: Array | Sequence[Sequence[Any]]) -> Array:
        if self._is_text:  # a text, or a row of one
            texts = [row if isinstance(row, str) else row[0] for row in rows]
            return _objects(texts)
        if isinstance(rows, np.ndarray):
            keeps = rows.dtype in (object, np.float64)
            x = rows if keeps else rows.astype(np.float64 if rows.dtype.kind in "fiub" else object)
        else:
            x = numbers(rows) if self._is_numeric else np.array([*map(_values, rows)], object)
        if x.ndim != 2 or x.shape[1] != self.n_features_in_:  # noqa: PLR2004 - rows and columns
            width = x.shape[1] if x.ndim == 2 else "other"  # noqa: PLR2004
            message = f"a row has {width} values: the model takes {self.n_features_in_}"
            raise InputError(message)
        return x


def load_portable(content: bytes | BinaryIO) -> Portable:
    """Read a portable model.

    Args:
        content: a portable file's bytes, or the file, open for reading.

    Raises:
        PortableError: it is damaged, or of a later form than this interpreter knows.
    """
    try:
        file = io.BytesIO(content) if isinstance(content, bytes) else content
        with np.load(file, allow_pickle=False) as members:
            arrays = {name: members[name] for name in members.files}
        text = arrays.pop("graph").tobytes().decode()
        schema = json.loads(text)["schema"]
        if schema == SCHEMA:
            return Portable(json.loads(text, object_hook=lambda node: _resolve(node, arrays)))
    except Exception as error:
        message = f"the portable model is damaged: {type(error).__name__}: {error}"
        raise PortableError(message) from error
    message = f"the portable model has schema {schema}; this package reads {SCHEMA}"
    raise PortableError(message)


def _resolve(node: dict[str, Any], arrays: Mapping[str, Array]) -> Any:  # noqa: ANN401 - JSON
    if "array" in node:
        name, start, shape = node["array"]
        return arrays[name][start : start + math.prod(shape)].reshape(shape)
    if "objects" in node:
        return _objects(node["objects"])
    return node


def _objects(values: Sequence[Any]) -> Array:
    result = np.empty(len(values), dtype=object)
    result[:] = values
    return result


def _values(row: Any) -> Any:  # noqa: ANN401 - an array, any sequence, or a text
    if isinstance(row, str):
        return row
    return row.tolist() if isinstance(row, np.ndarray) else list(row)


_dot: Callable[[Sequence[float], Sequence[Any]], float] = getattr(
    math, "sumprod", lambda weights, values: sum(map(operator.mul, weights, values))
)  # numpy's takes longer to make an array of one row


def _answers(spec: Spec) -> Step:
    """Read models as columns, as stacking does."""
    parts = [(_model(part["node"]), part["method"], part["first"]) for part in spec["parts"]]

    def batch(x: Array) -> Array:
        answers = [np.atleast_2d(getattr(model, method)(x).T).T for model, method, _ in parts]
        columns = [answer[:, first:] for answer, (_, _, first) in zip(answers, parts, strict=True)]
        return np.hstack([*columns, x] if spec["passthrough"] else columns)

    return by_matrix(batch)


# Predictors


def _linear(spec: Spec) -> _Model:
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

    first, add = np.atleast_2d(spec["coef"])[0].tolist(), plain[0]

    def short(values: Sequence[Any]) -> Sequence[float]:
        if isinstance(values, dict):
            return (sum([first[place] * value for place, value in values.items()]) + add,)
        score = _dot(first, values) + add
        if math.isfinite(score):
            return (score,)
        raise InputError

    return _head(spec, batch, short if len(plain) == 1 else row)


def _mlp(spec: Spec) -> _Model:
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


def _gaussian(spec: Spec) -> _Model:
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


def _neighbours(spec: Spec) -> _Model:
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


def _trees(spec: Spec) -> _Model:
    """Sum what the leaves of trees hold, tree by tree, as forests and boosting do."""
    finder = MaskedTrees(spec) if "keep" in spec else WalkedTrees(spec)
    values, base, count = spec["values"], spec["base"], spec["count"]
    every, dtype = len(base) // values.shape[1], np.dtype(spec["dtype"])
    divisor, zero, output = count if spec["mean"] else None, spec["zero"], spec["output"]

    def scores(x: Array) -> Array:
        x = numbers(x, missing=spec["missing"], limits=spec["limits"])
        columns = np.ascontiguousarray(_without_zeros(x, zero).T, dtype=dtype)
        if not spec["limits"] and dtype == np.float32 and np.isinf(columns).any():
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
        if None in cells:
            cells = [math.nan if cell is None else cell for cell in cells]
        total = sum(cells)
        if not (math.isfinite(total) or spec["limits"]):
            numbers(cells, missing=spec["missing"])
        own = np.array(_without_zeros(cells, zero), dtype)
        leaves = finder.row(own, has_nan=total != total or zero is not None)
        terms = values.take(leaves, axis=0).reshape(-1, len(base))
        terms[0] += base
        # `add.reduce` would sum a single column pairwise.
        sums = np.add.accumulate(terms)[-1:]
        if output:
            with np.errstate(over="ignore"):  # a probability of 0 or 1
                answer: list[float] = read(sums)[0].tolist()
                return answer
        raw = sums[0].tolist()
        return raw if divisor is None else [value / divisor for value in raw]

    head = _head(spec, lambda x: read(scores(x)), row)
    return head._replace(scores=scores) if output else head


def _without_zeros(cells: Any, zero: float | None) -> Any:  # noqa: ANN401 - a matrix, or one row
    """Return cells with those missing that are not further from zero."""
    return cells if zero is None else np.where(np.abs(cells) <= zero, np.nan, cells)


def _average(spec: Spec) -> _Model:
    """Vote, by the mean of the parts' answers, or by the labels that most of them give."""
    models, weights = [_model(part) for part in spec["parts"]], spec["weights"]
    links = [_ROW_LINKS.get(model.link or "") for model in models]
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


def _calibrated(spec: Spec) -> _Model:
    """Average classifiers whose scores a fitted curve turns into probabilities."""
    parts = [(_model(part["node"]), part) for part in spec["parts"]]
    width = spec["width"]

    def one(x: Array, model: _Model, part: Spec) -> Array:
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
        return _expit(-(curve["a"] * scores + curve["b"]))
    x, y = curve["x"], curve["y"]
    if len(y) == 1:
        return y.repeat(scores.shape)
    result: Array = np.interp(np.clip(scores, x[0], x[-1]), x, y)
    return result


# From raw scores to probabilities and labels


def _expit(x: Array) -> Array:
    # scipy's calls the C library's exp, and so does a complex one of numpy; numpy's exp of floats
    # is its own and differs in the last bit in 176 of 10,000 values (AVX-512).
    result: Array = 1 / (1 + np.exp(-x + 0j).real)
    return result


def _expit_one(x: float) -> float:
    try:
        return 1 / (1 + math.exp(-x))
    except OverflowError:
        return 0.0


def _softmax(raw: Array) -> Array:
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


def _identity(x: Array) -> Array:
    return x


def _row_pair(raw: Sequence[float]) -> list[float]:
    positive = _expit_one(raw[0])
    return [1 - positive, positive]


def _argmax(raw: Sequence[float]) -> int:
    return raw.index(max(raw))


def _head(
    spec: Spec,
    batch: Callable[[Array], Array],
    row: Callable[[Sequence[Any]], Sequence[float]] | None = None,
) -> _Model:
    row = row or by_matrix(batch).row
    return _Model(batch, row, spec["link"], spec["rule"], spec["classes"])


def _model(spec: Spec) -> _Model:
    if spec["kind"] != "chain":
        return _MODELS[spec["kind"]](spec)
    step, last = chain({"steps": spec["steps"][:-1]}), _model(spec["steps"][-1])
    before_batch, before_row, scores = step.batch, step.row, last.scores
    return last._replace(
        batch=lambda x: last.batch(before_batch(x)),
        row=lambda v: last.row(before_row(v)),
        scores=scores and (lambda x: scores(before_batch(x))),
    )


_LINKS: Mapping[str, Callable[[Array], Array]] = {
    "same": _identity,
    "sigmoid": lambda raw: _pair(_expit(raw[:, 0])),
    "half": lambda raw: _pair(_expit(2 * raw[:, 0])),
    "pair": lambda raw: _pair(raw[:, 0]),
    "ovr": lambda raw: _normalised(_expit(raw)),
    "huber": _huber,
    "softmax": _softmax,
    "logsumexp": _log_sum_exp,
}
_ROW_LINKS: Mapping[str, Callable[[Sequence[float]], list[float]]] = {
    "same": list,
    "sigmoid": _row_pair,
    "half": lambda raw: _row_pair([2 * raw[0]]),
    "pair": lambda raw: [1 - raw[0], raw[0]],
    "softmax": lambda raw: _softmax(np.array([raw]))[0].tolist(),
}
_RULES: Mapping[str, Callable[[Array], Array]] = {
    "positive": lambda raw: (raw[:, 0] > 0).astype(np.intp),
    "nonnegative": lambda raw: (raw[:, 0] >= 0).astype(np.intp),
    "half": lambda raw: (raw[:, 0] > 0.5).astype(np.intp),  # noqa: PLR2004
    "argmax": lambda raw: raw.argmax(axis=1),
}
_ROW_RULES: Mapping[str, Callable[[Sequence[float]], int]] = {
    "positive": lambda raw: int(raw[0] > 0),
    "nonnegative": lambda raw: int(raw[0] >= 0),
    "half": lambda raw: int(raw[0] > 0.5),  # noqa: PLR2004
    "argmax": _argmax,
}
_ACTIVATIONS: Mapping[str, Callable[[Array], Array]] = {
    "identity": _identity,
    "logistic": _expit,
    "tanh": lambda x: np.tanh(x, out=x),
    "relu": lambda x: np.maximum(x, 0, out=x),
    "softmax": _softmax,
}
_MODELS: Mapping[str, Callable[[Spec], _Model]] = {
    "linear": _linear,
    "mlp": _mlp,
    "gaussian": _gaussian,
    "neighbours": _neighbours,
    "trees": _trees,
    "average": _average,
    "calibrated": _calibrated,
}
STEPS["answers"] = _answers
