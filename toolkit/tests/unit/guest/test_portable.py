"""Each family of estimators: its portable form against scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.random import default_rng
from sklearn import ensemble, linear_model

from trainwheel.guest.portable import convert
from unit.guest.portable_families import CLASSIFIERS, REGRESSORS
from unit.guest.portable_models import LABELS, classes, interpreter, numbers, proved


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
