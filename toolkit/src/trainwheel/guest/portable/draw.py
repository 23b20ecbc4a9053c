"""Rows on which a portable model could differ: on the thresholds of trees, and one step beside.

Ordinary rows prove little: of 6,000 rows on thresholds, 44 got another label where inputs were not
rounded to 32 bits as trees do, of 6,000 others none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from .visit import Node

__all__ = ["draw_rows", "draw_texts"]

_INVERSES = {"sub": np.add, "add": np.subtract, "truediv": np.multiply, "mul": np.divide}
_MOST = 2_000  # thresholds of a column


class _Column(NamedTuple):
    """An input column, and what transformers did to it since."""

    number: int
    steps: tuple[tuple[str, float], ...] = ()


class _Pools:
    """What is worth drawing for each input column."""

    def __init__(self, width: int) -> None:
        self.thresholds: list[list[Any]] = [[] for _ in range(width)]
        self.categories: dict[int, list[Any]] = {}
        self.texts: set[int] = set()

    def add(self, column: _Column | None, values: Any) -> None:
        """Keep values that the column has after its transformers, as they were before them."""
        if column is not None and np.size(values):
            values = np.asarray(values, dtype=np.float64)
            for name, other in reversed(column.steps):
                values = _INVERSES[name](values, other)
            self.thresholds[column.number].append(values)


def draw_rows(graph: Node, rows: Any, draws: int, generator: Any) -> Iterator[tuple[str, Any]]:
    """Draw rows like those given, with cells on thresholds, and some missing or unseen.

    Args:
        graph: what the estimator is described as.
        rows: float64 or objects, shape (rows, columns).
        draws: how many in all.
        generator: of numpy.

    Yields:
        What is special about a set of rows, and the set.
    """
    pools = _Pools(rows.shape[1])
    with np.errstate(all="ignore"):
        _trace(graph, [_Column(number) for number in range(rows.shape[1])], pools)
    numbers = [_candidates(pools, rows, number, generator) for number in range(rows.shape[1])]
    share = draws // 5
    yield "rows on thresholds", _replaced(rows, draws - 2 * share, numbers, 0.5, generator)
    drawn = _replaced(rows, share, numbers, 0.2, generator)
    missing = [[None] if (column == None).any() else [np.nan] for column in rows.T]  # noqa: E711
    for number in pools.texts:  # either form refuses rows without them
        missing[number] = numbers[number] = _draw_words(rows[:, number], 500, generator)
    yield "rows with missing values", _replaced(drawn, share, missing, 0.15, generator)
    unseen = [_unseen(pools.categories.get(number)) for number in range(rows.shape[1])]
    drawn = _replaced(rows, share, numbers, 0.2, generator)
    yield "rows with unseen categories", _replaced(drawn, share, unseen, 0.2, generator)


def draw_texts(texts: Any, draws: int, generator: Any) -> Iterator[tuple[str, Any]]:
    """Draw texts of the words of those given, in any order and case, with some never seen."""
    yield "drawn texts", np.array([*_draw_words(texts, draws, generator), ""], dtype=object)


def _draw_words(texts: Any, draws: int, generator: Any) -> list[Any]:
    words = [word for text in texts for word in text.split()] or [""]
    words += [words[0].upper(), "\u00c9t\u00e9", "never-seen", "a", "a \t b"]
    lengths = generator.integers(0, 60, size=draws)
    return [" ".join(words[i] for i in generator.integers(len(words), size=n)) for n in lengths]


def _replaced(rows: Any, count: int, cells: Sequence[Any], part: float, generator: Any) -> Any:
    drawn = rows[generator.integers(len(rows), size=count)].copy()
    for number, values in enumerate(cells):
        chosen = np.flatnonzero(generator.random(count) < part)
        if len(values) and len(chosen):
            picks = generator.integers(len(values), size=len(chosen))
            drawn[chosen, number] = [values[pick] for pick in picks]
    return drawn


def _candidates(pools: _Pools, rows: Any, number: int, generator: Any) -> list[Any]:
    """Return what to put into cells of a column, but for what is missing or unseen."""
    if number in pools.categories:
        return pools.categories[number]
    try:
        column = rows[:, number].astype(np.float64)
    except (TypeError, ValueError):
        return []  # texts that pass as they are
    parts = pools.thresholds[number]
    points = np.unique(np.concatenate(parts)) if parts else np.zeros(0)
    if len(points) > _MOST:
        points = generator.choice(points, _MOST, replace=False)
    column = column[np.isfinite(column)]
    low, high = (column.min(), column.max()) if len(column) else (0.0, 1.0)
    wide = generator.uniform(low - (high - low) / 2, high + (high - low) / 2, 500)
    steps = [points, *_beside(points, -np.inf), *_beside(points, np.inf)]
    values = np.concatenate([*steps, wide, [low, high, 0.0]]).astype(np.float64)
    largest = np.finfo(np.float32).max
    kept: list[Any] = values[np.abs(values) < largest].tolist()
    return kept


def _beside(points: Any, side: float) -> Iterator[Any]:
    """Yield what is one, two and three steps beside, of 64 bits, and one of 32."""
    with np.errstate(over="ignore"):
        yield np.nextafter(points.astype(np.float32), np.float32(side))
    for _ in range(3):
        points = np.nextafter(points, side)
        yield points


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _unseen(categories: Sequence[Any] | None) -> list[Any]:
    if not categories:
        return []
    texts = [value for value in categories if isinstance(value, str)]
    if texts:
        return ["never seen", "", texts[0].upper() + "?"]
    return [max(value for value in categories if not _is_missing(value)) + 1]


def _trace(node: Node, columns: list[_Column | None], pools: _Pools) -> list[_Column | None]:
    """Follow the columns through a node, and return those that it gives."""
    function = _TRACED.get(node["kind"])
    if function is not None:
        return function(node, columns, pools)
    for part in node.get("parts", ()):
        _trace(part.get("node", part), columns, pools)
    return [None] * len(columns)


def _trace_chain(node: Node, columns: list[_Column | None], pools: _Pools) -> list[_Column | None]:
    for step in node["steps"]:
        columns = _trace(step, columns, pools)
    return columns


def _trace_scale(node: Node, columns: list[_Column | None], _: _Pools) -> list[_Column | None]:
    return [_scaled(column, node["steps"], place) for place, column in enumerate(columns)]


def _trace_impute(node: Node, columns: list[_Column | None], _: _Pools) -> list[_Column | None]:
    flags = () if node["indicated"] is None else node["indicated"]
    return [*(columns[place] for place in node["kept"]), *(None for _ in flags)]


def _trace_parts(node: Node, columns: list[_Column | None], pools: _Pools) -> list[_Column | None]:
    return [column for part in node["parts"] for column in _part(part, columns, pools)]


def _trace_encode(node: Node, columns: list[_Column | None], pools: _Pools) -> list[_Column | None]:
    for column, table in zip(columns, node["columns"], strict=True):
        if column is not None:
            known = pools.categories.setdefault(column.number, [])
            known += [v for v in table["categories"] if not _is_missing(v)]
    return [None] * (node["width"] or len(columns))


def _trace_words(node: Node, columns: list[_Column | None], pools: _Pools) -> list[_Column | None]:
    pools.texts |= {column.number for column in columns if column is not None}
    return [None] * len(node["terms"])


def _trace_bins(node: Node, columns: list[_Column | None], pools: _Pools) -> list[_Column | None]:
    for column, values in zip(columns, node["edges"], strict=True):
        pools.add(column, values)
    return [None] * (node["width"] or len(columns))


def _scaled(column: _Column | None, steps: Sequence[Any], place: int) -> _Column | None:
    if column is None:
        return None
    own = [(name, float(values[place])) for name, values in steps]
    return column._replace(steps=(*column.steps, *own))


def _part(
    part: Mapping[str, Any], columns: list[_Column | None], pools: _Pools
) -> list[_Column | None]:
    take = part["take"]
    own = columns if take is None else [columns[place] for place in take]
    out = _trace(part["node"], own, pools)
    return out if part["weight"] is None else [None] * len(out)


def _trace_trees(node: Node, columns: list[_Column | None], pools: _Pools) -> list[_Column | None]:
    feature, threshold = node["feature"].ravel(), node["threshold"].ravel()
    is_number = np.isfinite(threshold) & (feature >= 0)
    if "category" in node:
        is_code = node["category"].ravel() >= 0
        is_number &= ~is_code
        codes = np.arange(-2, node["goes_right"].shape[1] + 1, 0.5)  # some below, above, between
        for number in np.unique(feature[is_code]):
            pools.add(columns[number], codes)
    for number in np.unique(feature[is_number]):
        if number < len(columns):
            points = threshold[is_number & (feature == number)]
            pools.add(columns[number], points)
            if points.dtype == np.float32:  # what rounds to the threshold ends half a step above
                above = np.nextafter(points, np.float32(np.inf)).astype(np.float64)
                pools.add(columns[number], (points + above) / 2)
    return []


_TRACED: dict[str, Callable[[Node, list[_Column | None], _Pools], list[_Column | None]]] = {
    "bins": _trace_bins,
    "chain": _trace_chain,
    "encode": _trace_encode,
    "impute": _trace_impute,
    "parts": _trace_parts,
    "same": lambda _, columns, __: columns,
    "scale": _trace_scale,
    "trees": _trace_trees,
    "words": _trace_words,
}
