"""Each family of estimators: its portable form against scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.random import default_rng
from sklearn import calibration, ensemble, linear_model, neighbors, neural_network, svm, tree
from sklearn.naive_bayes import GaussianNB

from trainwheel.guest.portable import convert
from unit.guest.portable_models import classes, interpreter, numbers, proved

LABELS = (
    "two words",
    "three words",
    "two, one column",
    "three, constant columns",
    "three, 32 bits",
)
LINEAR = linear_model.LogisticRegression()
SMALL = tree.DecisionTreeClassifier(max_depth=3, random_state=0)
FOREST = {"n_estimators": 7, "random_state": 0}
CLASSIFIERS: dict[str, Any] = {
    "logistic": LINEAR,
    "sgd log": linear_model.SGDClassifier(loss="log_loss", random_state=0),
    "sgd huber": linear_model.SGDClassifier(loss="modified_huber", random_state=0),
    "sgd": linear_model.SGDClassifier(random_state=0),
    "linear svc": svm.LinearSVC(random_state=0),
    "ridge": linear_model.RidgeClassifier(),
    "mlp": neural_network.MLPClassifier((8,), max_iter=20, random_state=0),
    "mlp tanh": neural_network.MLPClassifier((5, 4), activation="tanh", max_iter=9, random_state=0),
    "mlp logistic": neural_network.MLPClassifier((5,), activation="logistic", max_iter=9),
    "gaussian": GaussianNB(),
    "neighbours": neighbors.KNeighborsClassifier(3),
    "near neighbours": neighbors.KNeighborsClassifier(5, weights="distance"),
    "tree": tree.DecisionTreeClassifier(random_state=0),
    "extra tree": tree.ExtraTreeClassifier(random_state=0),
    "forest": ensemble.RandomForestClassifier(**FOREST),
    "flat forest": ensemble.RandomForestClassifier(max_depth=3, **FOREST),
    "extra trees": ensemble.ExtraTreesClassifier(**FOREST),
    "boosting": ensemble.GradientBoostingClassifier(n_estimators=6, random_state=0),
    "deep boosting": ensemble.GradientBoostingClassifier(n_estimators=4, max_depth=9),
    "histogram": ensemble.HistGradientBoostingClassifier(max_iter=6, random_state=0),
    "deep histogram": ensemble.HistGradientBoostingClassifier(
        max_iter=3, max_leaf_nodes=None, min_samples_leaf=1
    ),
    "sigmoid": calibration.CalibratedClassifierCV(svm.LinearSVC(random_state=0), cv=2),
    "isotonic": calibration.CalibratedClassifierCV(SMALL, method="isotonic", cv=2),
    "soft vote": ensemble.VotingClassifier([("a", LINEAR), ("b", SMALL)], voting="soft"),
    "hard vote": ensemble.VotingClassifier([("a", LINEAR), ("b", SMALL)], weights=[1, 2]),
    "stack": ensemble.StackingClassifier([("a", LINEAR), ("b", SMALL)], cv=2),
    "stack on rows": ensemble.StackingClassifier(
        [("a", svm.LinearSVC()), ("b", SMALL)], SMALL, passthrough=True, cv=2
    ),
}
REGRESSORS: dict[str, Any] = {
    "linear": linear_model.LinearRegression(),
    "ridge": linear_model.Ridge(),
    "lasso": linear_model.Lasso(),
    "net": linear_model.ElasticNetCV(cv=2),
    "sgd": linear_model.SGDRegressor(random_state=0),
    "linear svr": svm.LinearSVR(random_state=0),
    "mlp": neural_network.MLPRegressor(hidden_layer_sizes=(6,), max_iter=20),
    "neighbours": neighbors.KNeighborsRegressor(weights="distance"),
    "tree": tree.DecisionTreeRegressor(random_state=0),
    "forest": ensemble.RandomForestRegressor(**FOREST),
    "extra trees": ensemble.ExtraTreesRegressor(**FOREST),
    "boosting": ensemble.GradientBoostingRegressor(n_estimators=6),
    "huber boosting": ensemble.GradientBoostingRegressor(n_estimators=6, loss="huber"),
    "histogram": ensemble.HistGradientBoostingRegressor(max_iter=6),
    "vote": ensemble.VotingRegressor(
        [("a", linear_model.Ridge()), ("b", tree.DecisionTreeRegressor())], weights=[1, 3]
    ),
    "stack": ensemble.StackingRegressor(
        [("a", linear_model.Ridge()), ("b", tree.DecisionTreeRegressor())], cv=2
    ),
}


@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_classifier_answers_as_scikit_learn(name: str, labels: str) -> None:
    x, y = classes(labels)
    estimator = CLASSIFIERS[name]
    portable = proved(estimator, x, y)
    assert portable.predict(x[:9].astype(float)).dtype == estimator.predict(x[:9]).dtype
    assert portable.has_proba == hasattr(estimator, "predict_proba")
    assert portable.classes_.tolist() == estimator.classes_.tolist()


@pytest.mark.parametrize("name", REGRESSORS)
def test_a_regressor_answers_as_scikit_learn(name: str) -> None:
    x, y = numbers()
    portable = proved(REGRESSORS[name], x, y)
    assert portable.classes_ is None
    assert not portable.has_proba


@pytest.mark.parametrize(
    "estimator",
    [
        linear_model.PoissonRegressor(),
        ensemble.HistGradientBoostingRegressor(loss="gamma", max_iter=5),
        ensemble.HistGradientBoostingRegressor(loss="poisson", max_iter=5),
    ],
)
def test_a_regressor_of_positive_numbers_answers_their_exponential(estimator: Any) -> None:
    x, y = numbers()
    proved(estimator, x, np.exp(y / 200))


@pytest.mark.parametrize("name", ["logistic", "forest", "boosting", "histogram"])
def test_weights_of_the_rows_are_in_the_arrays(name: str) -> None:
    x, y = classes("three words")
    weights = default_rng(0).uniform(0.1, 5, len(y))
    proved(CLASSIFIERS[name], x, y, sample_weight=weights)


@pytest.mark.parametrize("name", ["tree", "forest", "flat forest", "extra trees", "histogram"])
def test_trees_send_missing_values_the_way_they_learnt(name: str) -> None:
    x, y = classes("two words")
    x[default_rng(1).random(x.shape) < 0.2] = np.nan
    portable = proved(CLASSIFIERS[name], x, y)
    none = [None if np.isnan(value) else value for value in x[0].tolist()]
    assert portable.predict_proba_one(none) == portable.predict_proba_one(x[0].tolist())


@pytest.mark.parametrize("leaves", [5, 31, 64])
def test_histogram_boosting_knows_categories(leaves: int) -> None:
    random = default_rng(2)
    x = np.column_stack([random.integers(0, 40, 400), random.normal(size=400)]).astype(float)
    x[random.random(x.shape) < 0.1] = np.nan
    y = np.where(np.isnan(x[:, 0]), 0, x[:, 0] % 3 > 0)
    estimator = ensemble.HistGradientBoostingClassifier(
        max_iter=8, max_leaf_nodes=leaves, min_samples_leaf=2, categorical_features=[0]
    )
    proved(estimator, x, y, draws=4_000)


def test_a_forest_answers_the_same_while_and_after_its_trees_are_compiled() -> None:
    x, y = classes("two words")
    estimator = ensemble.RandomForestClassifier(60, random_state=0).fit(
        np.tile(x, (5, 1)), np.tile(y, 5)
    )
    portable = interpreter().load_portable(convert(estimator))
    expected = estimator.predict_proba(x[:200]).tolist()
    assert [portable.predict_proba_one(row) for row in x[:200].tolist()] == expected


@pytest.mark.slow
@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_classifier_answers_as_scikit_learn_on_20000_rows(name: str, labels: str) -> None:
    x, y = classes(labels)
    proved(CLASSIFIERS[name], x, y, draws=20_000)
