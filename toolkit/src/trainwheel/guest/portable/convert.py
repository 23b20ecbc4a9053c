"""Turn a fitted estimator into one file of arrays, with a graph of what is done with them."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import sklearn

from .boosters import BOOSTERS
from .predictors import PREDICTORS
from .transformers import STEPS
from .trees import TREES
from .visit import Node, Visit

__all__ = ["convert", "describe"]

SCHEMA = 1
_OF_WORDS = ("encode", "impute", "words")
_ROUNDED = dict.fromkeys(("linear", "mlp", "gaussian", "neighbours", "words"), 1e-12)
_SINGLE = 1e-6
"""Of what computes in 32 bits, whose own last bits depend on the library of the machine."""


def convert(estimator: Any) -> bytes:
    """Return a fitted estimator as a portable file, the same bytes each time.

    Raises:
        NotPortableError: A part of it is not known; the message names the part.
    """
    arrays: dict[str, list[Any]] = {}
    document = _packed(describe(estimator), arrays)
    members = {name: np.concatenate(parts) for name, parts in arrays.items()}
    text = json.dumps(document).encode()
    file = io.BytesIO()
    members["graph"] = np.frombuffer(text, dtype=np.uint8)
    np.savez(file, allow_pickle=False, **members)
    return file.getvalue()


def describe(estimator: Any) -> Node:
    """Return a fitted estimator as a graph, with arrays as they are.

    Raises:
        NotPortableError: A part of it is not known; the message names the part.
    """
    graph = Visit(STEPS, {**PREDICTORS, **TREES, **BOOSTERS}).model(estimator)
    names = getattr(estimator, "feature_names_in_", None)
    kinds, width = _kinds(graph), _width(estimator)
    return {
        "schema": SCHEMA,
        "made_with": sklearn.__version__,
        "features": width or 1,
        "names": None if names is None else [str(name) for name in names],
        "text": not width,
        "numeric": kinds.isdisjoint(_OF_WORDS),
        "tolerance": _tolerance(graph),
        "graph": graph,
    }


def _width(estimator: Any) -> int:
    """Return how many columns an estimator takes, by the first of its parts that says it."""
    width = getattr(estimator, "n_features_in_", None)
    parts = (getattr(estimator, "best_estimator_", None), *_steps(estimator))
    widths = (_width(part) for part in parts if part is not None and not isinstance(part, str))
    return int(next(widths, 0)) if width is None else int(width)


def _steps(estimator: Any) -> list[Any]:
    return [part for _, part in getattr(estimator, "steps", ())]


def _kinds(node: Any) -> set[str]:
    if isinstance(node, dict):
        own = {node["kind"]} if "kind" in node else set()
        return own.union(*map(_kinds, node.values()))
    return set().union(*map(_kinds, node)) if isinstance(node, list) else set()


def _tolerance(node: Any) -> float:
    """Return how far numbers may differ, of more than 1 in proportion to them."""
    if isinstance(node, list | tuple):
        return max(map(_tolerance, node), default=0.0)
    if not isinstance(node, dict):
        return 0.0
    is_single = node.get("kind") == "trees" and node["values"].dtype == np.float32
    own = _SINGLE if is_single else _ROUNDED.get(node.get("kind", ""), 0.0)
    return max(own, *map(_tolerance, node.values()))


def _packed(value: Any, arrays: dict[str, list[Any]]) -> Any:
    """Return a value as JSON has it, with arrays moved to the end of those of their type."""
    if isinstance(value, dict):
        return {name: _packed(item, arrays) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_packed(item, arrays) for item in value]
    if isinstance(value, np.generic):
        return value.item()
    if not isinstance(value, np.ndarray):
        return value
    if value.dtype == object:
        return {"objects": [_packed(item, arrays) for item in value.tolist()]}
    parts = arrays.setdefault(value.dtype.name, [])
    start = sum(map(len, parts))
    parts.append(np.ascontiguousarray(value).ravel())
    return {"array": [value.dtype.name, start, list(value.shape)]}
