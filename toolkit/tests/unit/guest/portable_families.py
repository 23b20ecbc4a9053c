"""Estimators of every family that has a portable form, and the steps that may stand before them."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn import (
    calibration,
    ensemble,
    feature_selection,
    linear_model,
    neighbors,
    neural_network,
    preprocessing,
    svm,
    tree,
)
from sklearn.feature_extraction import text
from sklearn.impute import SimpleImputer
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import FeatureUnion, make_pipeline, make_union

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

TEXTS = np.array(
    ["The tumour is large", "a small tumour, a cyst", "un cliché de l'été", "", "large large cyst"]
    * 12,
    dtype=object,
)
VECTORIZERS: tuple[Any, ...] = (
    text.TfidfVectorizer(),
    text.TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, stop_words=["the", "a"]),
    text.TfidfVectorizer(strip_accents="unicode", norm="l1", binary=True, use_idf=False),
    text.TfidfVectorizer(strip_accents="ascii", lowercase=False, norm=None),
    text.CountVectorizer(token_pattern=r"[a-z]+"),
    make_pipeline(text.CountVectorizer(min_df=2), text.TfidfTransformer()),
    text.TfidfVectorizer(analyzer="char", ngram_range=(1, 3)),
    text.TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 9), sublinear_tf=True),
    text.CountVectorizer(analyzer="char_wb", ngram_range=(3, 3), strip_accents="unicode"),
)
