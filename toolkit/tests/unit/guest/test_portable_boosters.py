"""LightGBM and XGBoost in their portable form, against the libraries themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import lightgbm
import numpy as np
import pytest
import xgboost
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from numpy.random import default_rng
from sklearn import calibration, ensemble, preprocessing, tree
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from trainwheel.guest.portable import NotPortableError, convert, prove_portable
from trainwheel.guest.portable.convert import describe
from unit.guest.portable_families import SMALL
from unit.guest.portable_models import LABELS, cells, classes, interpreter, numbers, proved


def light(**parameters: Any) -> Any:
    return lightgbm.LGBMClassifier(
        **{"n_estimators": 7, "verbose": -1, "n_jobs": 1, "random_state": 0, **parameters}
    )


def extreme(**parameters: Any) -> Any:
    return xgboost.XGBClassifier(
        **{"n_estimators": 7, "n_jobs": 1, "random_state": 0, **parameters}
    )


def light_numbers(**parameters: Any) -> Any:
    return lightgbm.LGBMRegressor(
        **{"n_estimators": 7, "verbose": -1, "n_jobs": 1, "random_state": 0, **parameters}
    )


def extreme_numbers(**parameters: Any) -> Any:
    return xgboost.XGBRegressor(**{"n_estimators": 7, "n_jobs": 1, "random_state": 0, **parameters})


def coded(y: Any) -> Any:
    """Return labels as XGBoost takes them: 0, 1, and so on."""
    return np.unique(y, return_inverse=True)[1]


def with_missing(x: Any) -> Any:
    x = np.array(x, dtype=np.float64)
    x[default_rng(1).random(x.shape) < 0.2] = np.nan
    return x


FOREST = {"boosting_type": "rf", "bagging_freq": 1, "bagging_fraction": 0.7}
LIGHT: dict[str, Any] = {
    "usual": light(),
    "small": light(num_leaves=3),
    "large": light(num_leaves=200, min_child_samples=1, n_estimators=3),
    "forest": light(**FOREST),
    "dart": light(boosting_type="dart", n_estimators=20, drop_rate=0.5),
    "zero is missing": light(zero_as_missing=True),
    "nothing is missing": light(use_missing=False),
    "one leaf": light(min_child_samples=1_000),
}
EXTREME: dict[str, Any] = {
    "usual": extreme(),
    "large": extreme(max_depth=12, min_child_weight=0),
    "by loss": extreme(grow_policy="lossguide", max_leaves=9),
    "several trees a round": extreme(num_parallel_tree=3, subsample=0.7),
    "dart": extreme(booster="dart", rate_drop=0.5),
    "forest": xgboost.XGBRFClassifier(n_estimators=5, n_jobs=1),
    "one leaf": extreme(gamma=1e9),
}


@pytest.mark.parametrize("missing", [False, True], ids=["whole", "missing"])
@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("name", LIGHT)
def test_a_classifier_of_lightgbm_keeps_every_bit(name: str, labels: str, missing: bool) -> None:  # noqa: FBT001
    x, y = classes(labels)
    model = LIGHT[name]
    portable = proved(model, with_missing(x) if missing else x, y)
    assert portable.classes_.tolist() == model.classes_.tolist()
    assert describe(model)["tolerance"] == 0


@pytest.mark.parametrize("missing", [False, True], ids=["whole", "missing"])
@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("name", EXTREME)
def test_a_classifier_of_xgboost_gives_its_labels(name: str, labels: str, missing: bool) -> None:  # noqa: FBT001
    x, y = classes(labels)
    model = clone(EXTREME[name])  # fitted, it would keep its objective
    portable = proved(model, with_missing(x) if missing else x, coded(y))
    assert describe(model)["tolerance"] == 1e-6
    # The sums are the same bits, so labels cannot part; dart weighs each tree as it adds.
    margins = model.predict(x, output_margin=True)
    scores = portable.decision_function(np.asarray(x, dtype=float))
    assert abs(scores - margins).max() <= (1e-6 if name == "dart" else 0)


@pytest.mark.parametrize(
    "parameters",
    [
        *({"objective": name} for name in ("regression", "regression_l1", "huber", "fair")),
        {"objective": "quantile", "alpha": 0.3},
        {"objective": "mape"},
        {"reg_sqrt": True},
        {**FOREST, "boosting_type": "rf"},
    ],
    ids=str,
)
def test_a_regressor_of_lightgbm_keeps_every_bit(parameters: Any) -> None:
    proved(light_numbers(**parameters), *numbers())


@pytest.mark.parametrize("objective", ["poisson", "gamma", "tweedie", "cross_entropy"])
def test_a_regressor_of_lightgbm_has_a_link(objective: str) -> None:
    x, y = numbers()
    positive = np.exp(y / 200)
    y = positive / (1 + positive) if objective == "cross_entropy" else positive
    proved(light_numbers(objective=objective), x, y)


@pytest.mark.parametrize(
    "objective",
    [
        *("reg:squarederror", "reg:absoluteerror", "reg:pseudohubererror", "reg:squaredlogerror"),
        *("count:poisson", "reg:gamma", "reg:tweedie", "reg:logistic"),
    ],
)
def test_a_regressor_of_xgboost_is_near(objective: str) -> None:
    x, y = numbers()
    positive = np.exp(y / 200)
    y = positive / (1 + positive) if objective == "reg:logistic" else positive
    proved(extreme_numbers(objective=objective), x, y)
    proved(extreme_numbers(objective=objective, base_score=0.3), x, y)


def test_one_class_has_one_label() -> None:
    x, _ = classes("two words")
    proved(light(), x, np.full(len(x), "only"))


@pytest.mark.parametrize("objective", ["multiclass", "multiclassova"])
def test_scores_may_be_scaled_before_they_are_read(objective: str) -> None:
    x, y = classes("two words")
    proved(light(sigmoid=0.3), x, y)
    x, y = classes("three words")
    proved(light(objective=objective, sigmoid=0.3), x, y)


def test_the_best_round_is_the_last_that_counts() -> None:
    x, y = classes("three words")
    y = coded(y)
    model = light(n_estimators=90, learning_rate=0.5)
    stop = lightgbm.early_stopping(3, verbose=False)
    proved(model, x[:160], y[:160], eval_set=[(x[160:], y[160:])], callbacks=[stop])
    assert model.best_iteration_ < 90
    for trees in (1, 2):
        model = extreme(
            n_estimators=90, learning_rate=0.9, early_stopping_rounds=3, num_parallel_tree=trees
        )
        proved(model, x[:160], y[:160], eval_set=[(x[160:], y[160:])], verbose=False)
        assert model.best_iteration < model.get_booster().num_boosted_rounds() - 1


def codes() -> tuple[Any, Any]:
    """Return rows with categories as numbers in columns 0 and 2, some missing, and labels."""
    random = default_rng(2)
    columns = (random.integers(0, 60, 600), random.normal(size=600), random.integers(0, 5, 600))
    x = np.column_stack(columns).astype(float)
    x[random.random(x.shape) < 0.1] = np.nan
    return x, np.where(np.isnan(x[:, 0]), 0, x[:, 0] % 3 > 0).astype(int)


BY_CODES = light(min_child_samples=2, cat_smooth=1, min_data_per_group=2)
TYPES = {"enable_categorical": True, "feature_types": ["c", "q", "c"]}


def test_categories_go_the_way_they_learnt() -> None:
    x, y = codes()
    proved(BY_CODES, x, y, draws=4_000, categorical_feature=[0, 2])
    assert "num_cat=0" not in BY_CODES.booster_.model_to_string().partition("Tree=1")[0]
    for most in (1, 100):
        proved(extreme(max_cat_to_onehot=most, **TYPES), x, y, draws=4_000)


def test_what_is_no_known_category_goes_the_way_of_the_library() -> None:
    x, y = codes()
    odd = np.repeat(x[:40], 9, axis=0)
    odd[:, 0] = np.tile([-3.0, -0.5, 0.5, 59.9, 60.0, 63.0, 64.0, 5000.0, 1e9], 40)
    one_by_one = odd.tolist()
    by_number: dict[str, Any] = {"categorical_feature": [0, 2]}
    for model, options in ((BY_CODES, by_number), (extreme(**TYPES), {})):
        portable = proved(model, x, y, **options)
        assert (portable.predict(odd) == model.predict(odd)).all()
        assert [portable.predict_one(row) for row in one_by_one] == model.predict(odd).tolist()


@pytest.mark.parametrize(
    "model",
    [light(min_child_samples=2), light(min_child_samples=2, zero_as_missing=True), extreme()],
    ids=["lightgbm", "zero is missing", "xgboost"],
)
def test_tiny_and_infinite_values_go_the_way_of_the_library(model: Any) -> None:
    x, y = classes("two words")
    tiny = np.float32(1e-35)
    edges = [tiny, -tiny, np.nextafter(tiny, np.float32(1)), 1e-40, -1e-36, 0.0, -0.0, 5e-324]
    for step, value in enumerate(edges, start=5):
        x[::step, 0] = value
    portable = proved(model, x, coded(y))
    far = np.repeat(x[:30], len(edges) + 4, axis=0)
    far[:, 0] = np.tile([*edges, np.inf, -np.inf, 1e38, -1e38], 30)
    expected = model.predict_proba(far)
    assert abs(portable.predict_proba(far) - expected).max() <= describe(model)["tolerance"]
    rows = [portable.predict_proba_one(row) for row in far.tolist()]
    assert abs(np.array(rows) - expected).max() <= describe(model)["tolerance"]


@pytest.mark.parametrize("labels", ["two words", "three words"])
@pytest.mark.parametrize("model", [light(), extreme()], ids=["lightgbm", "xgboost"])
@pytest.mark.parametrize(
    "around",
    [
        lambda model: make_pipeline(preprocessing.StandardScaler(), model),
        lambda model: GridSearchCV(model, {"learning_rate": [0.1, 0.3]}, cv=2),
        lambda model: ensemble.VotingClassifier([("a", model), ("b", SMALL)], voting="soft"),
        lambda model: ensemble.VotingClassifier([("a", model), ("b", SMALL)]),
        lambda model: ensemble.StackingClassifier([("a", model), ("b", SMALL)], model, cv=2),
        lambda model: calibration.CalibratedClassifierCV(model, cv=2),
    ],
    ids=["pipeline", "search", "soft vote", "hard vote", "stack", "calibrated"],
)
def test_boosters_stand_where_other_models_do(
    around: Callable[[Any], Any], model: Any, labels: str
) -> None:
    x, y = classes(labels)
    proved(around(clone(model)), x, coded(y))


@pytest.mark.parametrize("model", [light_numbers(), extreme_numbers()], ids=["light", "extreme"])
def test_regressors_vote_with_others(model: Any) -> None:
    parts = [("a", model), ("b", tree.DecisionTreeRegressor(max_depth=3))]
    proved(ensemble.VotingRegressor(parts, weights=[1, 3]), *numbers())


@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
@pytest.mark.parametrize("model", [light(), extreme()], ids=["lightgbm", "xgboost"])
def test_zeros_that_a_sparse_matrix_leaves_out_are_missing_to_xgboost(
    model: Any,
    sparse: bool,  # noqa: FBT001
) -> None:
    x, y = cells(missing=0.1)
    words = preprocessing.OneHotEncoder(handle_unknown="ignore", sparse_output=sparse)
    columns = ColumnTransformer(
        [("words", words, [3, 4, 5]), ("numbers", preprocessing.MaxAbsScaler(), [0, 1, 2])],
        sparse_threshold=1.0,
    )
    proved(make_pipeline(columns, model), x, y)


@settings(max_examples=40, phases=[Phase.explicit, Phase.generate], deadline=None)
@given(
    leaves=st.integers(2, 90),
    least=st.integers(1, 30),
    rate=st.floats(0.01, 1.0),
    boosting=st.sampled_from(["gbdt", "dart", "rf"]),
    missing=st.booleans(),
    zero=st.booleans(),
    bins=st.integers(3, 255),
    labels=st.sampled_from(LABELS),
    is_light=st.booleans(),
)
def test_drawn_parameters_answer_as_the_library(  # noqa: PLR0913, PLR0917 - as drawn
    leaves: int, least: int, rate: float, boosting: str, missing: bool, zero: bool, bins: int,  # noqa: FBT001
    labels: str, is_light: bool,  # noqa: FBT001
) -> None:  # fmt: skip
    x, y = classes(labels)
    x = with_missing(x) if missing else x
    if is_light:
        model = light(
            num_leaves=leaves, min_child_samples=least, learning_rate=rate, zero_as_missing=zero,
            boosting_type=boosting, bagging_freq=1, bagging_fraction=0.7, max_bin=bins,
        )  # fmt: skip
    else:
        model = extreme(
            max_leaves=leaves, grow_policy="lossguide", max_depth=0, min_child_weight=least / 10,
            learning_rate=rate, booster="dart" if boosting == "dart" else "gbtree", max_bin=bins,
            rate_drop=0.3, num_parallel_tree=1 + zero, subsample=0.8,
        )  # fmt: skip
    proved(model, x, coded(y), draws=300)


def own_objective(expected: Any, raw: Any) -> tuple[Any, Any]:
    return raw - expected, np.ones_like(raw)


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (light_numbers(linear_tree=True), "LGBMRegressor with linear trees has"),
        (light_numbers(objective=own_objective), "LGBMRegressor with objective 'custom' has"),
        (light_numbers(objective="cross_entropy_lambda"), "objective 'cross_entropy_lambda'"),
        (extreme_numbers(booster="gblinear"), "XGBRegressor with booster 'gblinear'"),
        (extreme_numbers(missing=0), "missing=0"),
        (extreme(objective="binary:hinge"), "XGBClassifier with objective 'binary:hinge'"),
    ],
)
def test_what_is_not_known_of_a_booster_is_named(model: Any, says: str) -> None:
    x, y = classes("two words")
    with pytest.raises(NotPortableError, match=says):
        convert(make_pipeline(model).fit(x, coded(y)))


@pytest.mark.parametrize("strategy", ["one_output_per_tree", "multi_output_tree"])
def test_several_outputs_of_xgboost_have_no_portable_form(strategy: str) -> None:
    x, y = numbers()
    with pytest.raises(NotPortableError, match="XGBRegressor with several outputs"):
        convert(extreme_numbers(multi_strategy=strategy).fit(x, np.column_stack([y, y])))


@pytest.mark.parametrize("with_codes", [False, True])
def test_zeros_are_missing_in_some_columns_and_numbers_in_others(with_codes: bool) -> None:  # noqa: FBT001
    x, y = codes()
    x[:, 1] = np.where(x[:, 1] > 0, x[:, 1], 0.0)  # zero in half of the rows
    columns = {"categorical_feature": [0, 2]} if with_codes else {}
    model = light(zero_as_missing=True, min_child_samples=2, cat_smooth=1, min_data_per_group=2)
    proved(model, x, y, draws=2_000, **columns)


def test_many_leaves_with_categories_have_no_portable_form() -> None:
    x, y = codes()
    many = light(num_leaves=90, min_child_samples=1, cat_smooth=1, min_data_per_group=1)
    with pytest.raises(NotPortableError, match="categories and more than 64 leaves a tree"):
        convert(many.fit(x, default_rng(0).integers(0, 2, len(y)), categorical_feature=[0, 2]))


def test_a_ranker_has_no_portable_form() -> None:
    x, y = numbers()
    ranker = lightgbm.LGBMRanker(n_estimators=2, verbose=-1)
    with pytest.raises(NotPortableError, match="LGBMRanker has"):
        convert(ranker.fit(x, (y > 0).astype(int), group=[len(y)]))


class OtherBooster:
    def save_raw(self, _form: str) -> bytearray:
        return bytearray(b'{"learner": {"forest": {}}}')


def test_a_text_of_a_version_that_is_not_known_has_no_portable_form() -> None:
    x, y = classes("two words")
    model = extreme().fit(x, coded(y))
    model._Booster = OtherBooster()  # noqa: SLF001 - no version writes so yet
    with pytest.raises(NotPortableError, match="XGBClassifier with KeyError"):
        convert(model)


def _threshold(node: Any) -> None:
    node["threshold"][...] = np.nextafter(node["threshold"], np.inf, dtype=node["threshold"].dtype)


def _missing(node: Any) -> None:
    node["right_if_nan"] ^= True


def _outside(node: Any) -> None:
    node["goes_right"][:, -2] ^= True


def _one_code(node: Any) -> None:
    node["goes_right"][:, 3] ^= True


def _base(node: Any) -> None:
    node["base"] = node["base"] + np.float32(1e-4)


def _leaves(node: Any) -> None:
    node["values"] *= 1.001


@pytest.mark.parametrize("plant", [_threshold, _missing, _outside, _one_code, _base, _leaves])
@pytest.mark.parametrize("is_light", [True, False], ids=["lightgbm", "xgboost"])
def test_the_proof_finds_a_fault_in_a_booster(
    plant: Callable[[Any], None],
    is_light: bool,  # noqa: FBT001
) -> None:
    x, y = codes()
    options = {"categorical_feature": [0, 2]} if is_light else {}
    model = (BY_CODES if is_light else extreme(max_cat_to_onehot=1, **TYPES)).fit(x, y, **options)
    document = describe(model)
    assert prove_portable(model, interpreter().Portable(document), x[:50], 4_000) is None
    plant(document["graph"])
    assert prove_portable(model, interpreter().Portable(document), x[:50], 4_000) is not None
