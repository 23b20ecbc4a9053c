"""The model as arrays: predicts with numpy alone what scikit-learn predicted in training.

A portable file is one `.npz`: an array for each type of number, and a graph in JSON whose nodes
name slices of them. Nothing in it is code or a pickle. Each kind of node is one function, in
`portable_models` or `portable_steps`, that turns its arrays into two callables, for a matrix and
for one row. The row's may refuse a row by any exception: the matrix's then decides, and it alone
names what is wrong with a value.
"""

from __future__ import annotations

import io
import json
import math
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from .portable_links import ROW_LINKS, ROW_RULES
from .portable_models import model_of
from .portable_steps import InputError, numbers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Array = NDArray[Any]
    Spec = Mapping[str, Any]

__all__ = ["SCHEMA", "InputError", "Portable", "PortableError", "load_portable"]

SCHEMA = 1
_PLAIN = frozenset({float, int, str, bool, type(None)})


class PortableError(ValueError):
    """A file is not a portable model that this interpreter can read."""


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
        self._model = model = model_of(spec["graph"])
        self.classes_: Array | None = model.classes
        self.n_features_in_: int = int(spec["features"])
        self.feature_names_in_: tuple[str, ...] | None = spec["names"] and tuple(spec["names"])
        self.has_proba: bool = model.classes is not None and model.link is not None
        self.made_with: str = str(spec["made_with"])
        self._is_text, self._is_numeric = bool(spec["text"]), bool(spec["numeric"])
        self._labels = None if model.classes is None else model.classes.tolist()
        self._row_rule = ROW_RULES.get(model.rule or "")
        self._row_link = ROW_LINKS.get(model.link or "")

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
