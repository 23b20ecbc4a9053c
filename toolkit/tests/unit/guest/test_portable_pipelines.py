"""Whole pipelines in their portable form, drawn ones too, against scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from numpy.random import default_rng
from sklearn import linear_model, preprocessing
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction import text
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline

from unit.guest.portable_families import ENCODERS, IMPUTERS, MODELS, SCALERS, TEXTS, VECTORIZERS
from unit.guest.portable_models import cells, classes, proved


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


@pytest.mark.parametrize("model", MODELS[:2], ids=("linear", "tree"))
@pytest.mark.parametrize("vectorizer", VECTORIZERS, ids=range(len(VECTORIZERS)))
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
    proved(make_pipeline(preprocessing.OneHotEncoder(), scaler, MODELS[2]), x, y)


def test_regressors_may_give_several_numbers() -> None:
    x, _ = classes("two words")
    portable = proved(linear_model.Ridge(), x, x[:, :3] * 2)
    assert portable.predict(x[:5]).shape == (5, 3)
    assert len(portable.predict_one(x[0].tolist())) == 3
