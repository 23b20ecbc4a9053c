"""Whole pipelines in their portable form, drawn ones too, against scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from numpy.random import default_rng
from sklearn import ensemble, feature_selection, linear_model, preprocessing, tree
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction import text
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline, make_union

from unit.guest.portable_models import cells, classes, proved

OneHot, Ordinal = preprocessing.OneHotEncoder, preprocessing.OrdinalEncoder
CODED: Any = {"handle_unknown": "use_encoded_value"}
ENCODERS: tuple[Any, ...] = (
    OneHot(),
    OneHot(handle_unknown="ignore", sparse_output=False),
    OneHot(drop="first"),
    OneHot(drop="first", handle_unknown="ignore"),
    OneHot(drop="if_binary", handle_unknown="ignore"),
    OneHot(min_frequency=0.1, handle_unknown="infrequent_if_exist"),
    OneHot(max_categories=2, handle_unknown="ignore", drop="first"),
    OneHot(categories=[["red", "green"], ["blue", "red"], ["rare"]], handle_unknown="ignore"),
    Ordinal(),
    Ordinal(unknown_value=-1, **CODED),
    Ordinal(unknown_value=-1, encoded_missing_value=-2, **CODED),
    Ordinal(unknown_value=9, min_frequency=30, **CODED),
    make_pipeline(SimpleImputer(strategy="most_frequent"), OneHot(handle_unknown="ignore")),
    make_pipeline(
        SimpleImputer(strategy="constant", fill_value="none"), Ordinal(unknown_value=-1, **CODED)
    ),
)
SCALERS: tuple[Any, ...] = (
    "passthrough",
    preprocessing.StandardScaler(),
    preprocessing.StandardScaler(with_mean=False),
    preprocessing.MinMaxScaler((-1, 2), clip=True),
    preprocessing.MaxAbsScaler(),
    preprocessing.RobustScaler(),
    preprocessing.RobustScaler(with_centering=False),
    preprocessing.PowerTransformer(),
    preprocessing.PowerTransformer(standardize=False),
    preprocessing.QuantileTransformer(n_quantiles=30),
    preprocessing.QuantileTransformer(n_quantiles=30, output_distribution="normal"),
    preprocessing.KBinsDiscretizer(3),
    preprocessing.KBinsDiscretizer(4, encode="ordinal", strategy="uniform"),
    preprocessing.FunctionTransformer(np.cbrt),
    preprocessing.FunctionTransformer(),
    feature_selection.SelectKBest(k=2),
    make_union(preprocessing.StandardScaler(), preprocessing.KBinsDiscretizer(2)),
    FeatureUnion([("a", "passthrough"), ("b", "drop")], transformer_weights={"a": 3.0}),
)
IMPUTERS: tuple[Any, ...] = (
    SimpleImputer(),
    SimpleImputer(strategy="median", add_indicator=True),
    SimpleImputer(strategy="constant", fill_value=-1.5),
    SimpleImputer(strategy="most_frequent"),
)
MODELS: tuple[Any, ...] = (
    linear_model.LogisticRegression(max_iter=300),
    tree.DecisionTreeClassifier(random_state=0),
    ensemble.RandomForestClassifier(5, random_state=0),
    ensemble.GradientBoostingClassifier(n_estimators=5),
)


@pytest.mark.parametrize("missing", [0.0, 0.1])
@pytest.mark.parametrize("encoder", ENCODERS, ids=range(len(ENCODERS)))
@pytest.mark.parametrize("model", MODELS[:3], ids=("linear", "tree", "forest"))
def test_encoders_know_what_they_saw_and_what_they_did_not(
    encoder: Any, model: Any, missing: float
) -> None:
    x, y = cells(missing=missing)
    numbers = make_pipeline(SimpleImputer(), preprocessing.StandardScaler())
    columns = ColumnTransformer([("words", encoder, [3, 4, 5]), ("numbers", numbers, slice(3))])
    pipeline = make_pipeline(columns, SimpleImputer(), model)
    proved(pipeline, x, y)


@pytest.mark.parametrize("scaler", SCALERS, ids=range(len(SCALERS)))
@pytest.mark.parametrize("model", MODELS, ids=("linear", "tree", "forest", "boosting"))
def test_scalers_before_trees_keep_every_bit(scaler: Any, model: Any) -> None:
    x, y = classes("two words")
    proved(Pipeline([("scale", scaler), ("model", model)]), x, y)


@settings(max_examples=30, phases=[Phase.explicit, Phase.generate])
@given(
    st.sampled_from(ENCODERS),
    st.lists(st.sampled_from(IMPUTERS + SCALERS[1:8]), min_size=1, max_size=3),
    st.sampled_from(MODELS),
    st.sampled_from(["drop", "passthrough"]),
    st.integers(0, 9),
)
def test_a_drawn_pipeline_answers_as_scikit_learn(
    encoder: Any, steps: list[Any], model: Any, remainder: str, seed: int
) -> None:
    x, y = cells(missing=0.05, rows=120)
    columns = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(), *steps), [1, 0]),
            ("words", encoder, [5, 3, 4]),
        ],
        remainder=remainder,
        transformer_weights={"numbers": 0.5} if seed % 2 else None,
        sparse_threshold=seed / 9,
    )
    scaler = preprocessing.MaxAbsScaler()
    pipeline = Pipeline(
        [("columns", columns), ("scale", scaler), ("fill", SimpleImputer()), ("model", model)]
    )
    proved(pipeline, x, y, draws=300)


TEXTS = np.array(
    ["The tumour is large", "a small tumour, a cyst", "un cliché de l'été", "", "large large cyst"]
    * 12,
    dtype=object,
)


@pytest.mark.parametrize("model", MODELS[:2], ids=("linear", "tree"))
@pytest.mark.parametrize(
    "vectorizer",
    [
        text.TfidfVectorizer(),
        text.TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, stop_words=["the", "a"]),
        text.TfidfVectorizer(strip_accents="unicode", norm="l1", binary=True, use_idf=False),
        text.TfidfVectorizer(strip_accents="ascii", lowercase=False, norm=None),
        text.CountVectorizer(token_pattern=r"[a-z]+"),
        make_pipeline(text.CountVectorizer(min_df=2), text.TfidfTransformer()),
    ],
    ids=range(6),
)
@pytest.mark.parametrize("classes_of_texts", [2, 3])
def test_texts_are_counted_as_scikit_learn_does(
    vectorizer: Any, model: Any, classes_of_texts: int
) -> None:
    y = np.arange(len(TEXTS)) % 5 % classes_of_texts
    portable = proved(make_pipeline(vectorizer, model), TEXTS, y, draws=300)
    assert portable.predict_one(TEXTS[0]) == portable.predict_one((TEXTS[0],))
    with pytest.raises(ValueError, match="is not a text"):
        portable.predict([("a",), (None,)])


def test_a_column_of_texts_stands_beside_numbers() -> None:
    x = np.column_stack([np.arange(60.0) % 7, TEXTS]).astype(object)
    columns = ColumnTransformer([("words", text.TfidfVectorizer(), 1)], remainder="passthrough")
    proved(make_pipeline(columns, MODELS[0]), x, np.arange(60) % 2)


def test_box_cox_takes_the_logarithms_of_the_c_library() -> None:
    x, y = classes("two words")
    power = preprocessing.PowerTransformer("box-cox")
    proved(make_pipeline(power, MODELS[1]), np.exp(x), y)


def test_rows_come_as_arrays_of_numbers_or_objects_or_as_sequences() -> None:
    x, y = cells()
    columns = ColumnTransformer([("words", ENCODERS[1], [3, 4, 5])], remainder="passthrough")
    portable = proved(make_pipeline(columns, MODELS[2]), x, y)
    expected = portable.predict_proba(x)
    assert (portable.predict_proba(x.tolist()) == expected).all()
    assert (portable.predict_proba([tuple(row) for row in x]) == expected).all()
    assert (portable.predict_proba(x[:1]) == expected[:1]).all()
    assert (portable.predict_proba([tuple(x[0])]) == expected[:1]).all()
    x, y = classes("two words")
    portable = proved(MODELS[2], x, y)
    whole = np.round(x).astype(int)
    assert (portable.predict(whole) == portable.predict(whole.tolist())).all()
    small = [np.float32(value) for value in x[0]]
    assert portable.predict_proba_one(small) == portable.predict_proba([small])[0].tolist()


def test_a_search_and_a_pipeline_in_a_pipeline_are_what_they_hold() -> None:
    x, y = classes("three words")
    inner = make_pipeline(preprocessing.StandardScaler(), MODELS[2])
    search = GridSearchCV(Pipeline([("none", None), ("inner", inner)]), {}, cv=2)
    proved(search, x, y)


def test_what_is_sparse_is_multiplied_as_scikit_learn_does() -> None:
    random = default_rng(0)
    x = random.integers(0, 7, size=(300, 2)).astype(object)
    y = (x[:, 0] + x[:, 1] > 6).astype(int)
    scaler = preprocessing.StandardScaler(with_mean=False)
    proved(make_pipeline(OneHot(), scaler, MODELS[2]), x, y)


def test_regressors_may_give_several_numbers() -> None:
    x, _ = classes("two words")
    portable = proved(linear_model.Ridge(), x, x[:, :3] * 2)
    assert portable.predict(x[:5]).shape == (5, 3)
    assert len(portable.predict_one(x[0].tolist())) == 3
