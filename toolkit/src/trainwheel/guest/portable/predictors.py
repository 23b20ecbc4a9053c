"""What predictors that are not trees become, and those that are made of others."""

from __future__ import annotations

from typing import Any

import numpy as np

from .transformers import chained, pipeline_steps, read_numbers
from .visit import Convert, Node, Visit

__all__ = ["PREDICTORS"]

_TWO = 2  # classes that need one score
_LOG_LINKS = ("PoissonRegressor", "GammaRegressor")


def _linear(visit: Visit, estimator: Any) -> Node:
    coef, intercept = np.asarray(estimator.coef_), np.atleast_1d(estimator.intercept_)
    node = {"kind": "linear", "coef": coef, "intercept": intercept}
    if not hasattr(estimator, "classes_"):
        return {**node, "link": "exp" if visit.name in _LOG_LINKS else None}
    classes, width = estimator.classes_, len(np.atleast_2d(coef))
    if width != (1 if len(classes) <= _TWO else len(classes)):
        visit.refuse("labels of several outputs")
    rule = "positive" if width == 1 else "argmax"
    return {**node, "classes": classes, "rule": rule, "link": _link(estimator, width)}


def _link(estimator: Any, width: int) -> str | None:
    if hasattr(estimator, "loss") and hasattr(estimator, "learning_rate"):  # SGD
        if estimator.loss == "modified_huber":
            return "huber"
        if estimator.loss != "log_loss":
            return None
        return "sigmoid" if width == 1 else "ovr"
    if not type(estimator).__name__.startswith("LogisticRegression"):
        return None
    if width == 1:
        return "sigmoid"
    one_by_one = getattr(estimator, "multi_class", "") == "ovr" or estimator.solver == "liblinear"
    return "ovr" if one_by_one else "softmax"


def _mlp(_: Visit, estimator: Any) -> Node:
    node = {
        "kind": "mlp",
        "coefs": list(estimator.coefs_),
        "intercepts": list(estimator.intercepts_),
        "activation": estimator.activation,
        "output": estimator.out_activation_,
    }
    if not hasattr(estimator, "classes_"):
        return node
    if estimator.n_outputs_ == 1:
        return {**node, "classes": estimator.classes_, "link": "pair", "rule": "half"}
    return {**node, "classes": estimator.classes_, "link": "same", "rule": "argmax"}


def _gaussian(_: Visit, estimator: Any) -> Node:
    return {
        "kind": "gaussian",
        "prior": estimator.class_prior_,
        "mean": estimator.theta_,
        "var": estimator.var_,
        "classes": estimator.classes_,
        "link": "logsumexp",
        "rule": "argmax",
    }


def _neighbours(visit: Visit, estimator: Any) -> Node:
    metric, weights = estimator.effective_metric_, estimator.weights
    is_rounded = estimator._fit_method == "brute" and weights == "distance"  # noqa: SLF001
    if metric != "euclidean" or weights not in ("uniform", "distance") or is_rounded:
        visit.refuse(f"metric {metric!r} and weights {weights!r} in high dimensions")
    answers = np.asarray(estimator._y)  # noqa: SLF001 - they have no other name
    classes = getattr(estimator, "classes_", None)
    if isinstance(classes, list):
        visit.refuse("several outputs")
    if classes is not None:
        answers = np.eye(len(classes))[answers]
    return {
        "kind": "neighbours",
        "rows": np.asarray(estimator._fit_X, dtype=np.float64),  # noqa: SLF001 - likewise
        "answers": answers.reshape(len(answers), -1).astype(np.float64),
        "count": int(estimator.n_neighbors),
        "by_distance": weights == "distance",
        "classes": classes,
        "link": None if classes is None else "same",
        "rule": None if classes is None else "argmax",
    }


def _pipeline(visit: Visit, pipeline: Any) -> Node:
    before = pipeline_steps(visit, pipeline.steps[:-1])
    name, last = pipeline.steps[-1]
    is_sparse = bool(before and (before[-1].get("sparse") or _ends_sparse(before[-1])))
    model = visit.model(last, f"step {name!r}", is_sparse=is_sparse)
    return _before(before, model)


def _ends_sparse(node: Node) -> bool:
    return node["kind"] == "chain" and bool(node["steps"][-1].get("sparse"))


def _before(steps: list[Node], model: Node) -> Node:
    if not steps:
        return model
    first = chained(steps)
    read_numbers(first, model)
    if first["kind"] == "words" and model["kind"] == "linear":
        first["before_linear"] = True
    return {"kind": "chain", "steps": [first, model]}


def _search(visit: Visit, search: Any) -> Node:
    return visit.model(search.best_estimator_, "best_estimator_")


def _voting(visit: Visit, voting: Any) -> Node:
    names = [name for name, part in voting.estimators if not _is_dropped(part)]
    pairs = zip(names, voting.estimators_, strict=True)
    parts = [visit.model(part, f"estimator {name!r}") for name, part in pairs]
    weights = voting._weights_not_none  # noqa: SLF001 - without those of what is dropped
    node = {
        "kind": "average",
        "parts": parts,
        "weights": None if weights is None else np.asarray(weights, dtype=np.float64),
        "width": 1,
        "method": "values",
    }
    if not hasattr(voting, "classes_"):
        return node
    is_soft = voting.voting == "soft"
    return {
        **node,
        "method": "proba" if is_soft else "labels",
        "width": len(voting.classes_),
        "classes": voting.classes_,
        "link": "same" if is_soft else None,
        "rule": "argmax",
    }


def _is_dropped(part: Any) -> bool:
    return isinstance(part, str) and part == "drop"


def _stacking(visit: Visit, stacking: Any) -> Node:
    names = [name for name, part in stacking.estimators if not _is_dropped(part)]
    classes = getattr(stacking, "classes_", None)
    if isinstance(classes, list):
        visit.refuse("several outputs")
    parts = []
    for name, part, method in zip(names, stacking.estimators_, stacking.stack_method_, strict=True):
        model = visit.model(_thawed(part), f"estimator {name!r}")
        first = int(method == "predict_proba" and classes is not None and len(classes) == _TWO)
        parts.append({"node": model, "method": _METHODS[method], "first": first})
    final = visit.model(stacking.final_estimator_, "final_estimator")
    answers = {"kind": "answers", "parts": parts, "passthrough": bool(stacking.passthrough)}
    node = _before([answers], final)
    if classes is not None:
        _last(node)["classes"] = classes
    return node


_METHODS = {"predict_proba": "proba", "decision_function": "decision", "predict": "predict"}


def _last(node: Node) -> Node:
    return _last(node["steps"][-1]) if node["kind"] == "chain" else node


def _thawed(estimator: Any) -> Any:
    return estimator.estimator if type(estimator).__name__ == "FrozenEstimator" else estimator


def _calibrated(visit: Visit, calibrated: Any) -> Node:
    parts = []
    for one in calibrated.calibrated_classifiers_:
        if one.method not in ("sigmoid", "isotonic"):
            visit.refuse(f"method {one.method!r}")
        estimator = _thawed(one.estimator)
        places = [int(np.flatnonzero(one.classes == label)[0]) for label in estimator.classes_]
        parts.append(
            {
                "node": visit.model(estimator, "estimator"),
                "method": "decision" if hasattr(estimator, "decision_function") else "proba",
                "curves": [_curve(one.method, curve) for curve in one.calibrators],
                "places": [1] if len(one.calibrators) == 1 else places,
            }
        )
    return {
        "kind": "calibrated",
        "parts": parts,
        "width": len(calibrated.classes_),
        "classes": calibrated.classes_,
        "link": "same",
        "rule": "argmax",
    }


def _curve(method: str, curve: Any) -> Node:
    if method == "sigmoid":
        return {"a": float(curve.a_), "b": float(curve.b_)}
    return {"x": curve.X_thresholds_, "y": curve.y_thresholds_}


PREDICTORS: dict[str, Convert] = {
    **dict.fromkeys(
        (
            *("LogisticRegression", "LogisticRegressionCV", "SGDClassifier", "Perceptron"),
            *("LinearSVC", "RidgeClassifier", "RidgeClassifierCV", "PassiveAggressiveClassifier"),
            *("LinearRegression", "Ridge", "RidgeCV", "Lasso", "LassoCV", "LassoLars"),
            *("ElasticNet", "ElasticNetCV", "Lars", "LinearSVR", "SGDRegressor"),
            *("BayesianRidge", "ARDRegression", "HuberRegressor", "TheilSenRegressor"),
            *("QuantileRegressor", *_LOG_LINKS),
        ),
        _linear,
    ),
    "CalibratedClassifierCV": _calibrated,
    "GaussianNB": _gaussian,
    "GridSearchCV": _search,
    "HalvingGridSearchCV": _search,
    "HalvingRandomSearchCV": _search,
    "KNeighborsClassifier": _neighbours,
    "KNeighborsRegressor": _neighbours,
    "MLPClassifier": _mlp,
    "MLPRegressor": _mlp,
    "Pipeline": _pipeline,
    "RandomizedSearchCV": _search,
    "StackingClassifier": _stacking,
    "StackingRegressor": _stacking,
    "VotingClassifier": _voting,
    "VotingRegressor": _voting,
}
