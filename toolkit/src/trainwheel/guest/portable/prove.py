"""Prove that a portable model answers as its estimator: on given rows, and on drawn ones."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from .convert import describe
from .draw import draw_rows, draw_texts

__all__ = ["prove_portable"]

_TOLERANCE = 1e-12
_SINGLE = 200  # rows of each set that are also asked one by one
_REFUSED = 12  # rows of a set that is refused, of which each is asked by itself
_METHODS = ("predict", "predict_proba", "decision_function")


def prove_portable(
    estimator: Any, portable: Any, rows: Any, draws: int = 20_000, seed: int = 0
) -> str | None:
    """Return the first difference between an estimator and its portable form; None without any.

    Labels must be the same. So must numbers be, to the last bit where the family promises it, and
    within the tolerance of the graph elsewhere; and what one form refuses, the other must refuse.

    Args:
        estimator: what was fitted.
        portable: what ``load_portable`` made of ``convert(estimator)``.
        rows: real rows in the order of the columns, shape (rows, columns), of numbers or objects.
        draws: how many rows to draw beside them, with cells on the thresholds of trees, missing
            values and unseen categories.
        seed: what they are drawn with.
    """
    graph = describe(estimator)
    generator = np.random.default_rng(seed)
    methods = [name for name in _METHODS if hasattr(estimator, name)]
    if graph["text"]:
        rows = np.array([row if isinstance(row, str) else row[0] for row in rows], dtype=object)
        drawn = draw_texts(rows, draws, generator)
    else:
        rows = np.asarray(rows, dtype=np.float64 if graph["numeric"] else object)
        drawn = draw_rows(graph["graph"], rows, draws, generator)
    sets = [("the rows given", rows), *drawn]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        problems = (
            f"{name}: {problem}"
            for name, matrix in sets
            for problem in _problems(estimator, portable, matrix, methods, graph["tolerance"])
        )
        return next(problems, None)


def _problems(
    estimator: Any, portable: Any, rows: Any, methods: Sequence[str], tolerance: float
) -> Iterator[str]:
    frame = _frame(estimator, rows)
    for method in methods:
        expected, refusal = _answer(getattr(estimator, method), frame)
        answer, own_refusal = _answer(getattr(portable, method), rows)
        if expected is not None and answer is not None:
            yield from _differences(method, expected, answer, tolerance)
            yield from _single(method, portable, rows, answer)
        elif expected is not None or answer is not None:
            yield (
                f"{method}: scikit-learn says {refusal or 'nothing against it'}, "
                f"the portable form {own_refusal or 'nothing against it'}"
            )
        elif len(rows) > 1:  # one row is enough for that: look which
            step = max(1, len(rows) // _REFUSED)
            for row in range(0, len(rows), step):
                one = rows[row : row + 1]
                yield from _problems(estimator, portable, one, [method], tolerance)


def _frame(estimator: Any, rows: Any) -> Any:
    names = getattr(estimator, "feature_names_in_", None)
    if names is None:
        return rows
    try:
        pandas: Any = importlib.import_module("pandas")  # others give names too
    except ImportError:
        return rows
    return pandas.DataFrame(rows, columns=names).infer_objects()


def _answer(method: Any, rows: Any) -> tuple[Any, str]:
    try:
        return np.asarray(method(rows)), ""
    except Exception as error:  # noqa: BLE001 - whatever a part raises of such rows
        return None, f"{type(error).__name__}: {error}".partition("\n")[0]


def _differences(method: str, expected: Any, answer: Any, tolerance: float) -> Iterator[str]:
    if expected.shape != answer.shape or expected.dtype.kind != answer.dtype.kind:
        yield (
            f"{method} gives {answer.dtype} of shape {answer.shape}, scikit-learn "
            f"{expected.dtype} of shape {expected.shape}"
        )
        return
    same = expected == answer
    if expected.dtype.kind == "f":
        near = np.abs(expected - answer) <= tolerance * np.maximum(1, np.abs(expected))
        same = same | near | (np.isnan(expected) & np.isnan(answer))
    places = np.argwhere(~same)
    if len(places):
        place = tuple(int(number) for number in places[0])
        yield (
            f"{method} of row {place[0] + 1} gives {answer[place]!r}, scikit-learn "
            f"{expected[place]!r} ({len(places)} differ)"
        )


def _single(method: str, portable: Any, rows: Any, answer: Any) -> Iterator[str]:
    one = {"predict": "predict_one", "predict_proba": "predict_proba_one"}.get(method)
    if one is None:
        return
    answers = [getattr(portable, one)(row) for row in rows[:_SINGLE].tolist()]
    for problem in _differences(
        method, answer[:_SINGLE], np.asarray(answers, dtype=answer.dtype), _TOLERANCE
    ):
        yield f"one row at a time, {problem}"
