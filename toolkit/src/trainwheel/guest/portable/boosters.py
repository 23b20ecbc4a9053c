"""What the trees of LightGBM and XGBoost become, read from the text that each writes itself."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from .trees import Sum, Tree, ensemble
from .visit import Convert, Node, Visit

__all__ = ["BOOSTERS"]

_ZERO = float(np.float32(1e-35))  # what is as near to zero is zero to LightGBM: meta.h
_NO_MISSING, _ZERO_IS_MISSING = 0, 1  # LightGBM's types of missing values; 2 is NaN
_LIGHTGBM_OUTPUTS = {
    **dict.fromkeys(("regression", "regression_l1", "huber", "fair", "quantile", "mape")),
    **dict.fromkeys(("poisson", "gamma", "tweedie"), "exp"),
    "cross_entropy": "sigmoid",
}
_LIGHTGBM_CLASSES = {"binary": "pair", "multiclass": "softmax", "multiclassova": "sigmoid"}
_XGBOOST_OUTPUTS = {
    **dict.fromkeys(("reg:squarederror", "reg:absoluteerror", "reg:pseudohubererror")),
    **dict.fromkeys(("reg:squaredlogerror", "reg:quantileerror")),
    **dict.fromkeys(("count:poisson", "reg:gamma", "reg:tweedie"), "exp"),
    "reg:logistic": "sigmoid",
}
_XGBOOST_CLASSES = {"binary:logistic": "pair", "multi:softprob": "softmax"}


def _lightgbm(visit: Visit, estimator: Any) -> Node:
    booster = estimator.booster_
    if booster.pandas_categorical:
        visit.refuse("categories of pandas")
    head, *blocks = booster.model_to_string().partition("\nend of trees")[0].split("\nTree=")
    fields, trees = _fields(head), [_fields(block) for block in blocks]
    name, *options = fields.get("objective", "custom").split()
    classes = getattr(estimator, "classes_", None)
    known = _LIGHTGBM_CLASSES if classes is not None else _LIGHTGBM_OUTPUTS
    if name not in known:
        visit.refuse(f"objective {name!r}")
    if any(tree.get("is_linear", "0") != "0" for tree in trees):
        visit.refuse("linear trees")
    width = int(fields["num_tree_per_iteration"])
    columns = int(fields["max_feature_idx"]) + 1
    node = _lightgbm_trees(visit, trees, width, columns, is_mean="average_output" in fields)
    scale = next((float(text[8:]) for text in options if text.startswith("sigmoid:")), 1.0)
    node |= {"output": "square" if "sqrt" in options else known[name], "scale": scale}
    return _answering(node, classes)


def _lightgbm_trees(
    visit: Visit, trees: Sequence[Mapping[str, str]], width: int, columns: int, *, is_mean: bool
) -> Node:
    parsed = [_LightgbmTree(fields) for fields in trees]
    zero = np.full(columns, -1.0)
    for tree in parsed:
        zero[tree.features_where(_ZERO_IS_MISSING)] = _ZERO
    size = max((len(bits) for tree in parsed for bits in tree.bits), default=0)
    tables: list[Any] = []
    plain = [tree.as_tree(tables, size) for tree in parsed]
    how = Sum(np.zeros(width), "float64", mean=is_mean, missing=True, limits=True)
    node = ensemble(visit, plain, how, tables)
    return {**node, "count": len(trees) // width, "zero": zero if (zero > 0).any() else None}


class _LightgbmTree:
    """A tree as LightGBM writes it: a child below zero is a leaf."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        def integers(name: str) -> Any:
            return np.array(fields.get(name, "").split(), dtype=np.int64)

        self._leaves = np.array(fields["leaf_value"].split(), dtype=np.float64)
        self._feature = integers("split_feature")
        self._children = (integers("left_child"), integers("right_child"))
        self._threshold = np.array(fields.get("threshold", "").split(), dtype=np.float64)
        kinds = integers("decision_type")
        self.is_category, self.missing = (kinds & 1) > 0, kinds >> 2
        # Where training had no missing values, one is zero.
        has_none = self.missing == _NO_MISSING
        self._left_if_nan = np.where(has_none, self._threshold >= 0, (kinds & 2) > 0)
        ends, words = integers("cat_boundaries"), integers("cat_threshold").astype("<u4")
        self.bits = [
            np.unpackbits(words[start:end].view(np.uint8), bitorder="little").astype(bool)
            for start, end in pairwise(ends)
        ]

    def features_where(self, missing: int) -> Any:
        """Return the columns of numbers whose missing values are of a type."""
        return self._feature[~self.is_category & (self.missing == missing)]

    def as_tree(self, tables: list[Any], size: int) -> Tree:
        """Return its inner nodes and then its leaves; ``tables`` get those of its categories.

        Args:
            tables: which code goes right, then what is none of ``size`` codes, and what is missing.
            size: of all trees together.
        """
        inner, none = len(self._feature), np.full(len(self._leaves), -1)
        left, right = (np.where(side < 0, inner + ~side, side) for side in self._children)
        category = np.full(inner, -1)
        for node in np.flatnonzero(self.is_category):
            category[node] = len(tables)
            bits = self.bits[int(self._threshold[node])]
            tables.append(np.pad(~bits, (0, size - len(bits) + 2), constant_values=True))
        return Tree(
            feature=np.append(self._feature, none),
            threshold=np.append(_beside_zero(self._threshold), np.zeros(len(none))),
            left=np.append(left, none),
            right=np.append(right, none),
            right_if_nan=np.append(~self._left_if_nan, none < 0),
            value=np.append(np.zeros(inner), self._leaves)[:, np.newaxis],
            category=np.append(category, none),
        )


def _beside_zero(thresholds: Any) -> Any:
    """Move thresholds so that all that is zero to LightGBM stays on one side, as zero does."""
    sides = np.where(thresholds < 0, np.nextafter(-_ZERO, -1.0), _ZERO)
    return np.where(np.abs(thresholds) <= _ZERO, sides, thresholds)


def _fields(text: str) -> dict[str, str]:
    lines = [line.partition("=") for line in text.splitlines()]
    return {name: value for name, _, value in lines}


def _xgboost(visit: Visit, estimator: Any) -> Node:
    learner = json.loads(bytes(estimator.get_booster().save_raw("json")))["learner"]
    booster, name = learner["gradient_booster"], learner["objective"]["name"]
    if booster["name"] not in ("gbtree", "dart"):
        visit.refuse(f"booster {booster['name']!r}")
    classes = getattr(estimator, "classes_", None)
    known = _XGBOOST_CLASSES if classes is not None else _XGBOOST_OUTPUTS
    if name not in known:
        visit.refuse(f"objective {name!r}")
    if not np.isnan(estimator.missing):
        visit.refuse(f"missing={estimator.missing!r}")
    parameters = learner["learner_model_param"]
    if parameters.get("num_target", "1") != "1":
        visit.refuse("several outputs")
    node = _xgboost_trees(visit, estimator, booster)
    base = _base(parameters["base_score"], known[name])
    width = len(node["base"])
    node |= {"base": np.resize(base, width), "output": known[name], "scale": 1.0}
    return _answering(node, classes)


def _xgboost_trees(visit: Visit, estimator: Any, booster: Mapping[str, Any]) -> Node:
    model = booster["gbtree"]["model"] if booster["name"] == "dart" else booster["model"]
    if model.get("cats", {}).get("enc"):
        visit.refuse("categories of a table")
    groups = np.array(model["tree_info"], dtype=np.int64)
    width = int(groups.max(initial=0)) + 1
    best = getattr(estimator, "best_iteration", None)  # without early stopping there is none
    if best is not None:
        each = int(model["gbtree_model_param"].get("num_parallel_tree", 1))
        groups = groups[: (best + 1) * width * each]
    # The classes in turn: a round that has several trees for each has those of a class together.
    places = np.argsort(groups, kind="stable").reshape(width, -1).T.ravel()
    trees = [model["trees"][place] for place in places]
    size = 1 + max((code for tree in trees for code in tree["categories"]), default=-1)
    tables: list[Any] = []
    plain = [_xgboost_tree(tree, tables, size) for tree in trees]
    if "weight_drop" in booster:  # of dart
        for tree, place in zip(plain, places, strict=True):
            tree.value = tree.value * np.float32(booster["weight_drop"][place])
    how = Sum(np.zeros(width), "float32", missing=True, limits=True)
    node = ensemble(visit, plain, how, tables)
    # What a sparse matrix does not hold is missing, and that is its zeros.
    zero = 0.0 if visit.is_sparse else None
    return {**node, "values": node["values"].astype(np.float32), "zero": zero}


def _xgboost_tree(fields: Mapping[str, Any], tables: list[Any], size: int) -> Tree:
    left = np.array(fields["left_children"], dtype=np.int64)
    numbers = np.array(fields["split_conditions"], dtype=np.float32)
    right_if_nan = np.array(fields["default_left"]) == 0
    category = np.full(len(left), -1)
    spans = zip(fields["categories_segments"], fields["categories_sizes"], strict=True)
    for node, (start, length) in zip(fields["categories_nodes"], spans, strict=True):
        category[node] = len(tables)
        goes_right = np.zeros(size + 2, dtype=bool)
        goes_right[fields["categories"][start : start + length]] = True
        goes_right[-1] = right_if_nan[node]
        tables.append(goes_right)
    return Tree(
        feature=np.array(fields["split_indices"], dtype=np.int64),
        # Below it goes left, not at it.
        threshold=np.nextafter(numbers, np.float32(-np.inf)),
        left=left,
        right=np.array(fields["right_children"], dtype=np.int64),
        right_if_nan=right_if_nan,
        value=numbers[:, np.newaxis],
        category=category,
    )


def _base(text: str, output: str | None) -> Any:
    """Return where the sums begin, computed in 32 bits as XGBoost does."""
    base = np.array(json.loads(f"[{text.strip('[]')}]"), dtype=np.float32)
    if output in ("pair", "sigmoid"):
        base = -np.log((np.float32(1) / base - np.float32(1)).astype(np.float64))
    elif output == "exp":
        base = np.log(base.astype(np.float64))
    return base.astype(np.float32)


def _answering(node: Node, classes: Any) -> Node:
    if classes is None:
        return node
    return {**node, "classes": np.asarray(classes), "link": "same", "rule": "argmax"}


BOOSTERS: dict[str, Convert] = {
    **dict.fromkeys(("LGBMClassifier", "LGBMRegressor"), _lightgbm),
    **dict.fromkeys(
        ("XGBClassifier", "XGBRegressor", "XGBRFClassifier", "XGBRFRegressor"), _xgboost
    ),
}
