"""What trees become: masks where each has at most 64 leaves, else nodes to walk along."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .transformers import encoded
from .visit import Convert, Node, Visit, takes_missing

__all__ = ["TREES", "Sum", "Tree", "ensemble"]

_MOST_LEAVES = 64
_CONSTANT = ("DummyClassifier", "DummyRegressor")


@dataclass
class Tree:
    """One tree as plain lists: a leaf has a left child below zero."""

    feature: Any
    threshold: Any
    left: Any
    right: Any
    right_if_nan: Any
    value: Any
    category: Any


@dataclass(frozen=True)
class Sum:
    """How the leaves of trees become raw scores."""

    base: Any
    dtype: str
    mean: bool = False
    order: str = "C"
    missing: bool = False
    limits: bool = False


def ensemble(visit: Visit, trees: Sequence[Tree], how: Sum, goes_right: Sequence[Any] = ()) -> Node:
    """Return trees, whose sums are what the model answers.

    Args:
        visit: the estimator that they are of.
        trees: one of each class in turn, with the values of leaves in shape (nodes, columns).
        how: they are summed.
        goes_right: for each split by categories, which codes go right, then what is none of the
            codes, and what is missing; all of one length.

    Raises:
        NotPortableError: There are none, or large ones with categories.
    """
    if not trees:
        visit.refuse("no trees")
    node = {
        "kind": "trees",
        "base": np.asarray(how.base, dtype=np.float64),
        "count": len(trees),
        "dtype": how.dtype,
        "mean": how.mean,
        "order": how.order,
        "missing": how.missing,
        "limits": how.limits,
        "zero": None,
        "output": None,
        "scale": 1.0,
    }
    leaves = max(int(np.sum(tree.left < 0)) for tree in trees)
    if leaves > _MOST_LEAVES and len(goes_right):
        visit.refuse(f"categories and more than {_MOST_LEAVES} leaves a tree")
    if leaves > _MOST_LEAVES:
        return {**node, **_walk(trees, how.dtype)}
    table = np.array(goes_right, dtype=bool).reshape(len(goes_right), -1 if goes_right else 2)
    return {**node, **_masks(trees, how.dtype, leaves), "goes_right": table}


def _rounded(thresholds: Any, dtype: str) -> Any:
    """Round down: x <= t and x <= rounded t are then the same for every x of 32 bits."""
    if dtype != "float32":
        return np.asarray(thresholds, dtype=dtype)
    near = thresholds.astype(np.float32)
    return np.where(near > thresholds, np.nextafter(near, np.float32(-np.inf)), near)


def _masks(trees: Sequence[Tree], dtype: str, leaves: int) -> Node:
    shape = (max(1, *(int(np.sum(tree.left >= 0)) for tree in trees)), len(trees))
    size = next(bits for bits in (8, 16, 32, 64) if leaves <= bits)
    keep = np.zeros(shape, dtype=f"uint{size}")
    feature, category = np.zeros(shape, dtype=np.int32), np.full(shape, -1, dtype=np.int32)
    threshold, right_if_nan = np.full(shape, np.inf, dtype=dtype), np.zeros(shape, dtype=bool)
    values, first = [np.zeros((1, trees[0].value.shape[1]))], []
    for t, tree in enumerate(trees):
        order, spans = _numbered(tree)
        first.append(sum(map(len, values)) - 1)  # the interpreter counts leaves from 1
        values.append(tree.value[order])
        nodes = [node for node in spans if tree.left[node] >= 0]
        slots = np.arange(len(nodes))
        feature[slots, t], category[slots, t] = tree.feature[nodes], tree.category[nodes]
        threshold[slots, t] = _rounded(tree.threshold[nodes], dtype)
        right_if_nan[slots, t] = tree.right_if_nan[nodes]
        lefts = [spans[int(tree.left[node])] for node in nodes]
        keep[slots, t] = [(1 << end) - (1 << begin) for begin, end in lefts]
    return {
        "feature": feature,
        "threshold": threshold,
        "right_if_nan": right_if_nan,
        "category": category,
        "keep": keep,
        "first": np.array(first, dtype=np.int64),
        "values": np.concatenate(values),
    }


def _numbered(tree: Tree) -> tuple[list[int], dict[int, tuple[int, int]]]:
    """Return the leaves from left to right, and the span of leaves below each node."""
    leaves: list[int] = []
    spans: dict[int, tuple[int, int]] = {}
    begins: dict[int, int] = {}
    pending = [0]
    while pending:
        node = pending.pop()
        if node < 0:  # its children are done
            spans[~node] = (begins[~node], len(leaves))
        elif tree.left[node] < 0:
            spans[node] = (len(leaves), len(leaves) + 1)
            leaves.append(node)
        else:
            begins[node] = len(leaves)
            pending += [~node, int(tree.right[node]), int(tree.left[node])]
    return leaves, spans


def _walk(trees: Sequence[Tree], dtype: str) -> Node:
    parts: list[list[Any]] = [[], [], [], [], []]
    start, depth = [0], []
    for tree in trees:
        order, left, levels = _by_level(tree)
        is_leaf = tree.left[order] < 0
        parts[0].append(np.where(is_leaf, -1, tree.feature[order]).astype(np.int32))
        parts[1].append(np.where(is_leaf, np.inf, _rounded(tree.threshold[order], dtype)))
        parts[2].append(np.array(left, dtype=np.int32))
        parts[3].append(~is_leaf & tree.right_if_nan[order])
        parts[4].append(tree.value[order])
        start.append(start[-1] + len(order))
        depth.append(levels)
    names = ("feature", "threshold", "left", "right_if_nan", "values")
    node: Node = dict(zip(names, map(np.concatenate, parts), strict=True))
    node["threshold"] = node["threshold"].astype(dtype)
    return {**node, "start": np.array(start), "depth": np.array(depth)}


def _by_level(tree: Tree) -> tuple[list[int], list[int], int]:
    """Return the nodes with siblings side by side, the place of each left child, and the depth."""
    order, left, level = [0], [], [0]
    for place, node in enumerate(order):  # grows while it is read
        if tree.left[node] < 0:
            left.append(place)
            continue
        left.append(len(order))
        order += [int(tree.left[node]), int(tree.right[node])]
        level += [level[place] + 1] * 2
    return order, left, level[-1]


def _plain_tree(visit: Visit, estimator: Any, width: int) -> Tree:
    tree = estimator.tree_
    if tree.n_outputs != 1:
        visit.refuse("several outputs")
    nodes = tree.__getstate__()["nodes"]
    return Tree(
        feature=tree.feature,
        threshold=tree.threshold,
        left=tree.children_left,
        right=tree.children_right,
        right_if_nan=nodes["missing_go_to_left"] == 0,
        value=np.ascontiguousarray(tree.value[:, 0, :width]),
        category=np.full(tree.node_count, -1),
    )


def _forest(visit: Visit, estimator: Any) -> Node:
    estimators = getattr(estimator, "estimators_", [estimator])
    classes = getattr(estimator, "classes_", None)
    if isinstance(classes, list):
        visit.refuse("several outputs")
    width = 1 if classes is None else len(classes)
    trees = [_plain_tree(visit, one, width) for one in estimators]
    missing = takes_missing(estimator)
    how = Sum(np.zeros(width), "float32", mean=len(trees) > 1 or estimators[0] is not estimator)
    node = ensemble(visit, trees, _with(how, missing=missing))
    if classes is None:
        return node
    return {**node, "classes": classes, "link": "same", "rule": "argmax"}


def _with(how: Sum, *, missing: bool) -> Sum:
    return Sum(how.base, how.dtype, how.mean, how.order, missing, how.limits)


def _boosting(visit: Visit, estimator: Any) -> Node:
    start = estimator.init_
    if not isinstance(start, str) and type(start).__name__ not in _CONSTANT:
        visit.refuse(f"init {type(start).__name__}")
    zeros = np.zeros((1, estimator.n_features_in_), dtype=np.float32)
    base = estimator._raw_predict_init(zeros)[0]  # noqa: SLF001 - the same for every row
    trees = [_plain_tree(visit, one, 1) for stage in estimator.estimators_ for one in stage]
    for tree in trees:
        tree.value = estimator.learning_rate * tree.value
    node = ensemble(visit, trees, Sum(base, "float32"))
    if not hasattr(estimator, "classes_"):
        return node
    link = {"exponential": "half", "log_loss": "sigmoid"}[estimator.loss]
    if len(base) > 1:
        return {**node, "classes": estimator.classes_, "link": "exact_softmax", "rule": "argmax"}
    return {**node, "classes": estimator.classes_, "link": link, "rule": "nonnegative"}


def _histogram(visit: Visit, estimator: Any) -> Node:
    tables: list[Any] = []
    predictors = [one for stage in estimator._predictors for one in stage]  # noqa: SLF001
    trees = [_histogram_tree(predictor, tables) for predictor in predictors]
    base = np.ravel(estimator._baseline_prediction)  # noqa: SLF001 - where the sums begin
    how = Sum(base, "float64", order="F", missing=True, limits=True)
    node = ensemble(visit, trees, how, tables)
    if hasattr(estimator, "classes_"):
        link, rule = ("sigmoid", "positive") if len(base) == 1 else ("exact_softmax", "argmax")
        node |= {"classes": estimator.classes_, "link": link, "rule": rule}
    elif estimator.loss in ("poisson", "gamma"):
        node["link"] = "exp"
    before = estimator._preprocessor  # noqa: SLF001 - codes for categories
    if before is None:
        return node
    return {"kind": "chain", "steps": [_codes(estimator, before), node]}


def _codes(estimator: Any, before: Any) -> Node:
    encoder = before.named_transformers_["encoder"]
    node = encoded(encoder, lambda column, answer: float(answer[column]), None)
    parts = [
        {"take": np.flatnonzero(flags), "node": part, "weight": None}
        for flags, part in (
            (estimator.is_categorical_, node),
            (~estimator.is_categorical_, {"kind": "same", "numeric": True, "missing": True}),
        )
        if flags.any()
    ]
    return {"kind": "parts", "parts": parts}


def _histogram_tree(predictor: Any, tables: list[Any]) -> Tree:
    nodes = predictor.nodes
    is_leaf, is_category = nodes["is_leaf"] == 1, nodes["is_categorical"] == 1
    is_category &= ~is_leaf
    category = np.full(len(nodes), -1)
    for number in np.flatnonzero(is_category):
        bits = predictor.raw_left_cat_bitsets[nodes["bitset_idx"][number]].astype("<u4")
        goes_left = np.unpackbits(bits.view(np.uint8), bitorder="little").astype(bool)
        category[number] = len(tables)
        goes_right_if_nan = nodes["missing_go_to_left"][number] == 0
        tables.append(np.append(~goes_left, [goes_right_if_nan] * 2))
    return Tree(
        feature=nodes["feature_idx"].astype(np.int64),
        threshold=nodes["num_threshold"],
        left=np.where(is_leaf, -1, nodes["left"].astype(np.int64)),
        right=nodes["right"].astype(np.int64),
        right_if_nan=nodes["missing_go_to_left"] == 0,
        value=nodes["value"][:, np.newaxis],
        category=category,
    )


TREES: dict[str, Convert] = {
    **dict.fromkeys(
        (
            *("DecisionTreeClassifier", "DecisionTreeRegressor"),
            *("ExtraTreeClassifier", "ExtraTreeRegressor"),
            *("ExtraTreesClassifier", "ExtraTreesRegressor"),
            *("RandomForestClassifier", "RandomForestRegressor"),
        ),
        _forest,
    ),
    "GradientBoostingClassifier": _boosting,
    "GradientBoostingRegressor": _boosting,
    "HistGradientBoostingClassifier": _histogram,
    "HistGradientBoostingRegressor": _histogram,
}
