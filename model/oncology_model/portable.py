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
from bisect import bisect_right
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import numpy as np

from .portable_trees import MaskedTrees, WalkedTrees

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


class InputError(ValueError):
    """A value is not one that the model can take."""


class _Step(NamedTuple):
    """A transformer: a matrix to a matrix, and the values of a row to those of a row."""

    batch: Callable[[Array], Array]
    row: Callable[[Sequence[Any]], Sequence[Any]]


class _Model(NamedTuple):
    """A predictor: raw scores, one row of them for a row, and how they are read."""

    batch: Callable[[Array], Array]
    row: Callable[[Sequence[Any]], Sequence[float]]
    link: str | None
    rule: str | None
    classes: Array | None

    def proba(self, x: Array) -> Array:
        """Return the probabilities of the classes, shape (rows, classes)."""
        return _LINKS[self.link or "same"](self.batch(x))

    def decision(self, x: Array) -> Array:
        """Return the raw scores, as `decision_function` shapes them."""
        raw = self.batch(x)
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
        self.classes_ = model.classes
        self.n_features_in_ = int(spec["features"])
        self.feature_names_in_: tuple[str, ...] | None = spec["names"] and tuple(spec["names"])
        self.has_proba = model.classes is not None and model.link is not None
        self.made_with = str(spec["made_with"])
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
        if len(rows) == 1 and not self._is_text:
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
        if len(rows) == 1 and not self._is_text:
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
        # A numpy scalar among them would compute in its own precision.
        if len(row) != self.n_features_in_ or not _PLAIN.issuperset(map(type, row)):
            return None
        try:
            return self._model.row(row)
        except Exception:  # noqa: BLE001 - whatever is odd about the row, the matrix's way names it
            return None

    def _matrix(self, rows: Array | Sequence[Sequence[Any]]) -> Array:
        if self._is_text:
            return np.asarray(rows, dtype=object)
        if isinstance(rows, np.ndarray):
            keeps = rows.dtype in (object, np.float64)
            x = rows if keeps else rows.astype(np.float64 if rows.dtype.kind in "fiub" else object)
        else:
            x = _numbers(rows) if self._is_numeric else np.array([*map(_values, rows)], object)
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


def _values(row: Any) -> list[Any]:  # noqa: ANN401 - an array or any sequence
    return row.tolist() if isinstance(row, np.ndarray) else list(row)


def _numbers(rows: Any, *, missing: bool = True, limits: bool = False) -> Array:  # noqa: ANN401
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


_dot: Callable[[Sequence[float], Sequence[Any]], float] = getattr(
    math, "sumprod", lambda weights, values: sum(map(operator.mul, weights, values))
)  # numpy's takes longer to make an array of one row


def _finite(values: Sequence[float]) -> None:
    if not math.isfinite(sum(values)):
        raise InputError


# Transformers

_OPERATIONS: Mapping[str, tuple[np.ufunc, Callable[[Any, Any], Any]]] = {
    "sub": (np.subtract, operator.sub),
    "truediv": (np.divide, operator.truediv),
    "mul": (np.multiply, operator.mul),
    "add": (np.add, operator.add),
}


def _scale(spec: Spec) -> _Step:
    steps = [(_OPERATIONS[name][0], values) for name, values in spec["steps"]]
    plain = [(_OPERATIONS[name][1], values.tolist()) for name, values in spec["steps"]]
    low, high = spec["clip"] or (None, None)

    def batch(x: Array) -> Array:
        x = np.array(_numbers(x))  # one copy, then in place: new memory costs more than the sums
        for function, values in steps:
            function(x, values, out=x)
        return x if low is None else np.clip(x, low, high, out=x)

    def row(values: Sequence[Any]) -> Sequence[Any]:
        for function, others in plain:
            values = list(map(function, values, others))
        return values if low is None else [min(max(value, low), high) for value in values]

    return _Step(batch, row)


def _bins(spec: Spec) -> _Step:
    edges, offsets, width = spec["edges"], spec["offsets"], spec["width"]
    plain = list(zip([values.tolist() for values in edges], offsets, strict=True))

    def batch(x: Array) -> Array:
        columns = _numbers(x, missing=False).T
        codes = [np.searchsorted(e, c, side="right") for e, c in zip(edges, columns, strict=True)]
        return _one_hot(codes, offsets, width) if width else np.array(codes, dtype=np.float64).T

    def row(values: Sequence[Any]) -> Sequence[Any]:
        _finite(values)
        codes = [bisect_right(e, v) + start for (e, start), v in zip(plain, values, strict=True)]
        return _row_one_hot(codes, width) if width else [*map(float, codes)]

    return _Step(batch, row)


def _power(spec: Spec) -> _Step:
    lambdas = spec["lambdas"].tolist()
    transform = np.vectorize(_box_cox, otypes=[float]) if spec["box_cox"] else _yeo_johnson

    def batch(x: Array) -> Array:
        columns = _numbers(x).T
        if spec["box_cox"] and not (columns > 0).all(where=~np.isnan(columns)):
            message = "a value is not positive, as the Box-Cox transform needs"
            raise InputError(message)
        return np.array([transform(c, power) for c, power in zip(columns, lambdas, strict=True)]).T

    return _by_matrix(batch)


def _yeo_johnson(x: Array, power: float) -> Array:
    # As scipy.stats.yeojohnson computes, so that the last bit is the same.
    out = np.zeros_like(x)
    positive, epsilon = x >= 0, float(np.finfo(np.float64).eps)
    logs = np.log1p(x[positive])
    out[positive] = logs if abs(power) < epsilon else np.expm1(power * logs) / power
    logs = np.log1p(-x[~positive])
    two = 2 - power
    out[~positive] = -np.expm1(two * logs) / two if abs(power - 2) > epsilon else -logs
    return out


def _box_cox(value: float, power: float) -> float:
    # As scipy.special.boxcox computes, by the C library: numpy's own logarithm may differ.
    if value != value:
        return value
    log = math.log(value)
    if abs(power) < 1e-19:  # noqa: PLR2004 - scipy's bound
        return log
    if power * log < 709.78:  # noqa: PLR2004 - beyond, expm1 overflows
        return math.expm1(power * log) / power
    return math.copysign(1.0, power) * math.exp(power * log - math.log(abs(power))) - 1 / power


def _impute(spec: Spec) -> _Step:
    missing, kept, fill = spec["missing"], spec["kept"], spec["fill"]
    indicated, is_object = spec["indicated"], spec["object"]
    is_nan = missing != missing
    is_usual = is_nan and not is_object and indicated is None
    fills, takes = fill.tolist(), kept.tolist()

    def batch(x: Array) -> Array:
        x = np.asarray(x, dtype=object) if is_object else _numbers(x, missing=is_nan)
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

    return _Step(batch, row)


def _encode(spec: Spec) -> _Step:
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

    return _Step(batch, row)


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


def _parts(spec: Spec) -> _Step:
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

    return _Step(batch, row)


def _chain(spec: Spec) -> _Step:
    steps = [_step(node) for node in spec["steps"]]
    batches, rows = [step.batch for step in steps], [step.row for step in steps]
    return _Step(lambda x: _through(batches, x), lambda values: _through(rows, values))


def _same(spec: Spec) -> _Step:
    missing = spec["missing"]

    def row(values: Sequence[Any]) -> Sequence[Any]:
        if not missing:
            _finite(values)
        return values

    if spec["numeric"]:
        return _Step(lambda x: _numbers(x, missing=missing, limits=missing), row)
    return _Step(lambda x: x, row)


def _apply(spec: Spec) -> _Step:
    function = getattr(np, spec["name"])
    missing = spec["missing"]
    return _by_matrix(lambda x: function(_numbers(x, missing=missing, limits=missing)))


def _answers(spec: Spec) -> _Step:
    """Read models as columns, as stacking does."""
    parts = [(_model(part["node"]), part["method"], part["first"]) for part in spec["parts"]]

    def batch(x: Array) -> Array:
        answers = [np.atleast_2d(getattr(model, method)(x).T).T for model, method, _ in parts]
        columns = [answer[:, first:] for answer, (_, _, first) in zip(answers, parts, strict=True)]
        return np.hstack([*columns, x] if spec["passthrough"] else columns)

    return _by_matrix(batch)


def _by_matrix(batch: Callable[[Array], Array]) -> _Step:
    def row(values: Sequence[Any]) -> Sequence[Any]:
        answer: list[Any] = batch(np.array([values], dtype=np.float64))[0].tolist()
        return answer

    return _Step(batch, row)


def _through(functions: Sequence[Callable[[Any], Any]], value: Any) -> Any:  # noqa: ANN401
    for function in functions:
        value = function(value)
    return value


# Predictors


def _linear(spec: Spec) -> _Model:
    weights, intercept = spec["coef"].T, spec["intercept"]
    is_flat = weights.ndim == 1
    plain = np.atleast_1d(intercept).tolist()

    def batch(x: Array) -> Array:
        raw = _numbers(x, missing=False) @ weights + intercept
        return raw[:, np.newaxis] if is_flat else raw

    def row(values: Sequence[Any]) -> Sequence[float]:
        raw = np.array([values], dtype=np.float64).dot(weights).ravel().tolist()
        scores = [value + add for value, add in zip(raw, plain, strict=True)]
        _finite(scores)
        return scores

    first, add = np.atleast_2d(spec["coef"])[0].tolist(), plain[0]

    def short(values: Sequence[Any]) -> Sequence[float]:
        score = _dot(first, values) + add
        if math.isfinite(score):
            return (score,)
        raise InputError

    return _head(spec, batch, short if len(plain) == 1 else row)


def _mlp(spec: Spec) -> _Model:
    layers = list(zip(spec["coefs"], spec["intercepts"], strict=True))
    activate, output = _ACTIVATIONS[spec["activation"]], _ACTIVATIONS[spec["output"]]

    def batch(x: Array) -> Array:
        x = _numbers(x, missing=False)
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
        x = _numbers(x, missing=False)
        scores = [
            prior + (norm - 0.5 * np.sum((x - mean) ** 2 / var, axis=1))
            for prior, norm, mean, var in constants
        ]
        return np.stack(scores).T

    return _head(spec, batch)


def _constant(spec: Spec) -> _Model:
    values = spec["values"]
    return _head(spec, lambda x: np.tile(values, (len(x), 1)), lambda _: values.tolist())


def _trees(spec: Spec) -> _Model:
    """Sum what the leaves of trees hold, tree by tree, as forests and boosting do."""
    finder = MaskedTrees(spec) if "keep" in spec else WalkedTrees(spec)
    values, base, count = spec["values"], spec["base"], spec["count"]
    every, dtype = len(base) // values.shape[1], np.dtype(spec["dtype"])
    divisor = count if spec["mean"] else None

    def batch(x: Array) -> Array:
        x = _numbers(x, missing=spec["missing"], limits=spec["limits"])
        columns = np.ascontiguousarray(x.T, dtype=dtype)
        if not spec["limits"] and dtype == np.float32 and np.isinf(columns).any():
            message = "a value is too large for the 32 bits that trees compare"
            raise InputError(message)
        # In this order too: a sum over classes adds down the columns of histogram boosting.
        raw = np.empty((len(x), len(base)), order=spec["order"])
        raw[:] = base
        for number, leaves in enumerate(finder.batch(columns)):
            if every == 1:
                raw += values.take(leaves, axis=0)
            else:
                raw[:, number % every] += values[:, 0].take(leaves)
        return raw if divisor is None else raw / divisor

    def row(cells: Sequence[Any]) -> Sequence[float]:
        if None in cells:
            cells = [math.nan if cell is None else cell for cell in cells]
        total = sum(cells)
        if not (math.isfinite(total) or spec["limits"]):
            _numbers(cells, missing=spec["missing"])
        leaves = finder.row(np.array(cells, dtype), has_nan=total != total)
        terms = values.take(leaves, axis=0).reshape(-1, len(base))
        terms[0] += base
        # `add.reduce` would sum a single column pairwise.
        raw = np.add.accumulate(terms)[-1].tolist()
        return raw if divisor is None else [value / divisor for value in raw]

    return _head(spec, batch, row)


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
    row = row or _by_matrix(batch).row
    return _Model(batch, row, spec["link"], spec["rule"], spec["classes"])


def _model(spec: Spec) -> _Model:
    if spec["kind"] != "chain":
        return _MODELS[spec["kind"]](spec)
    step, last = _chain({"steps": spec["steps"][:-1]}), _model(spec["steps"][-1])
    before_batch, before_row = step.batch, step.row
    return last._replace(
        batch=lambda x: last.batch(before_batch(x)), row=lambda v: last.row(before_row(v))
    )


def _step(spec: Spec) -> _Step:
    return _STEPS[spec["kind"]](spec)


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
_STEPS: Mapping[str, Callable[[Spec], _Step]] = {
    "scale": _scale,
    "bins": _bins,
    "power": _power,
    "impute": _impute,
    "encode": _encode,
    "parts": _parts,
    "chain": _chain,
    "same": _same,
    "apply": _apply,
    "answers": _answers,
}
_MODELS: Mapping[str, Callable[[Spec], _Model]] = {
    "linear": _linear,
    "mlp": _mlp,
    "gaussian": _gaussian,
    "constant": _constant,
    "trees": _trees,
    "average": _average,
    "calibrated": _calibrated,
}
