"""What has no portable form is named, what differs is found, what is damaged is refused."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sklearn
from sklearn import calibration, ensemble, linear_model, preprocessing, svm
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.pipeline import make_pipeline

from trainwheel.guest.portable import NotPortableError, convert, prove_portable
from trainwheel.guest.portable.convert import describe
from unit.guest.portable_golden import models
from unit.guest.portable_models import MODEL, cells, classes, interpreter, proved

MAKE, ASK = (Path(__file__).with_name(f"{name}.py") for name in ("portable_golden", "ask_golden"))
FOREST = ensemble.RandomForestClassifier(5, max_depth=4, random_state=0)
WORDS = make_pipeline(
    ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(), preprocessing.StandardScaler()), [0, 1, 2]),
            ("words", preprocessing.OneHotEncoder(handle_unknown="ignore"), [3, 4, 5]),
        ]
    ),
    FOREST,
)


NEAR = make_pipeline(ColumnTransformer([("num", KNNImputer(), [0])]), FOREST)


class Doubling(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    def fit(self, _x: Any, _y: Any = None) -> Doubling:
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def transform(self, x: Any) -> Any:
        return x * 2


class OwnScaler(preprocessing.StandardScaler): ...  # type: ignore[misc]


@pytest.mark.parametrize(
    ("estimator", "named"),
    [
        (svm.SVC(), "SVC has"),
        (make_pipeline(OwnScaler(), FOREST), "Pipeline step 'ownscaler': "),
        (make_pipeline(Doubling(), FOREST), ".Doubling has"),
        (NEAR, "ColumnTransformer step 'num': KNNImputer"),
        (make_pipeline(preprocessing.FunctionTransformer(np.nan_to_num), FOREST), "'nan_to_num'"),
        (ensemble.GradientBoostingClassifier(init=FOREST), "init RandomForestClassifier"),
        (calibration.CalibratedClassifierCV(FOREST, method="temperature"), "'temperature'"),
        (ensemble.VotingClassifier([("one", FOREST), ("two", svm.NuSVC())]), "'two': NuSVC"),
    ],
)
def test_the_part_without_a_portable_form_is_named(estimator: Any, named: str) -> None:
    x, y = classes("two words")
    with pytest.raises(NotPortableError) as caught:
        convert(estimator.fit(x, y))
    assert named in str(caught.value)


def test_what_another_scikit_learn_fits_otherwise_has_no_portable_form() -> None:
    x, y = classes("two words")
    pipeline = make_pipeline(preprocessing.StandardScaler(), FOREST).fit(x, y)
    del pipeline[0].scale_
    with pytest.raises(NotPortableError, match=r"StandardScaler with Attribute.*'scale_'"):
        convert(pipeline)


def test_several_outputs_of_trees_have_no_portable_form() -> None:
    x, y = classes("two words")
    with pytest.raises(NotPortableError, match="RandomForestClassifier with several outputs"):
        convert(FOREST.fit(x, np.column_stack([y, y])))


def node_of(graph: Any, kind: str) -> Any:
    """Return the first node of a kind."""
    if isinstance(graph, dict):
        if graph.get("kind") == kind:
            return graph
        graph = list(graph.values())
    if not isinstance(graph, list):
        return None
    return next((node for part in graph if (node := node_of(part, kind)) is not None), None)


def nudge(array: Any) -> None:
    array[np.isfinite(array)] = np.nextafter(array[np.isfinite(array)], np.inf)


def _no_cast(graph: Any) -> None:
    node_of(graph, "trees")["dtype"] = "float64"


def _thresholds_up(graph: Any) -> None:
    nudge(node_of(graph, "trees")["threshold"])


def _other_way_if_missing(graph: Any) -> None:
    node_of(graph, "trees")["right_if_nan"] ^= True


def _leaves(graph: Any) -> None:
    nudge(node_of(graph, "trees")["values"])


def _labels(graph: Any) -> None:
    trees = node_of(graph, "trees")
    trees["classes"] = trees["classes"][::-1]


def _inverse_scale(graph: Any) -> None:
    steps = node_of(graph, "scale")["steps"]
    steps[1] = ["mul", 1 / steps[1][1]]


def _fill(graph: Any) -> None:
    node_of(graph, "impute")["fill"] += 1.0


def _code(graph: Any) -> None:
    node_of(graph, "encode")["columns"][0]["codes"].reverse()


def _unknown(graph: Any) -> None:
    node_of(graph, "encode")["columns"][0]["unknown"] = 0


def _refusal(graph: Any) -> None:
    node_of(graph, "encode")["columns"][0]["unknown"] = None


@pytest.mark.parametrize(
    ("plant", "says"),
    [
        (_thresholds_up, ": predict"),
        (_other_way_if_missing, "the rows given: predict"),
        (_leaves, "rows given: predict_proba"),
        (_labels, "the rows given: predict"),
        (_inverse_scale, "rows on thresholds: predict"),
        (_fill, "the rows given: predict"),
        (_code, "the rows given: predict"),
        (_unknown, "rows with unseen categories: predict"),
        (_refusal, "rows with unseen categories: predict: scikit-learn says nothing against it"),
    ],
)
@pytest.mark.parametrize("depth", [4, None], ids=["masks", "walk"])
def test_the_proof_finds_a_planted_fault(
    plant: Callable[[Any], None], says: str, depth: int | None
) -> None:
    x, y = cells(missing=0.1, rows=900)
    if plant is _other_way_if_missing:
        x = x[:, :3]
        model: Any = ensemble.RandomForestClassifier(20, max_depth=depth, random_state=0).fit(x, y)
    else:
        model = deepcopy(WORDS).set_params(randomforestclassifier__max_depth=depth).fit(x, y)
    document = describe(model)
    assert prove_portable(model, interpreter().Portable(document), x[:50], 2_000) is None
    plant(document)
    difference = prove_portable(model, interpreter().Portable(document), x[:50], 20_000)
    assert difference is not None
    assert says in difference


@pytest.mark.parametrize("depth", [4, None], ids=["masks", "walk"])
def test_the_proof_finds_trees_that_compare_more_than_32_bits(depth: int | None) -> None:
    x, y = classes("two words")
    model = ensemble.RandomForestClassifier(20, max_depth=depth, random_state=0).fit(
        np.tile(x, (4, 1)), np.tile(y, 4)
    )
    document = describe(model)
    _no_cast(document)
    difference = prove_portable(model, interpreter().Portable(document), x, 2_000)
    assert difference is not None
    assert difference.startswith("rows on thresholds: predict")


def test_the_proof_asks_rows_one_by_one_too() -> None:
    x, y = classes("two words")
    portable = interpreter().load_portable(convert(FOREST.fit(x, y)))
    model = portable._model  # noqa: SLF001 - there is no other way to a wrong row
    portable._model = model._replace(row=lambda _: [0.25, 0.75])  # noqa: SLF001
    difference = prove_portable(FOREST, portable, x, 50)
    assert difference is not None
    assert "one row at a time" in difference


def archive(**members: Any) -> bytes:
    file = io.BytesIO()
    np.savez(file, **members)
    return file.getvalue()


def graph_of(**document: Any) -> Any:
    return np.frombuffer(json.dumps(document).encode(), dtype=np.uint8)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "damaged"),
        (b"no archive", "damaged"),
        (archive(other=np.zeros(3)), "graph"),
        (archive(graph=np.frombuffer(b"{", dtype=np.uint8)), "damaged"),
        (archive(graph=graph_of(schema=1)), "damaged"),
        (archive(graph=graph_of(schema=2)), "schema 2; this package reads 1"),
        (archive(graph=np.array([{"a": object}], dtype=object)), "pickle"),
        (archive(graph=graph_of(schema=1, graph={"array": ["float64", 0, [9]]})), "float64"),
        (archive(graph=graph_of(schema=1, graph={"kind": "os.system"})), "os.system"),
    ],
)
def test_what_is_not_a_portable_model_is_refused(content: bytes, says: str) -> None:
    with pytest.raises(interpreter().PortableError) as caught:
        interpreter().load_portable(content)
    assert says in str(caught.value)


def test_each_end_of_a_cut_file_is_refused() -> None:
    x, y = classes("two words")
    content = convert(FOREST.fit(x, y))
    assert content == convert(FOREST)
    for size in range(0, len(content) - 1, len(content) // 40):
        with pytest.raises(interpreter().PortableError):
            interpreter().load_portable(content[:size])


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (["one", 0.0, 0.0, "red", "red", "red"], "not a number: "),
        ([float("inf"), 0.0, 0.0, "red", "red", "red"], "infinite"),
        ([0.0, 0.0, 0.0, "red", "red"], "a row has 5 values: the model takes 6"),
        ([0.0, 0.0, 0.0, "red", "red", ["red"]], "unhashable"),
    ],
)
def test_a_value_that_the_model_cannot_take_is_an_error(values: list[Any], says: str) -> None:
    x, y = cells()
    portable = proved(WORDS, x, y, draws=50)
    for method in (portable.predict, portable.predict_proba, portable.decision_function):
        for rows in ([values], [values, values]):
            with pytest.raises((interpreter().InputError, TypeError), match=says):
                method(rows)
    for single in (portable.predict_one, portable.predict_proba_one):
        with pytest.raises((interpreter().InputError, TypeError), match=says):
            single(values)


def test_a_missing_value_and_an_unknown_category_are_errors_where_scikit_learn_says_so() -> None:
    x, y = cells()
    encoder = ColumnTransformer(
        [("words", preprocessing.OneHotEncoder(), [3])], remainder="passthrough"
    )
    x = x[:, :4]
    portable = proved(make_pipeline(encoder, linear_model.LogisticRegression()), x, y)
    for row, says in (([0.0, None, 0.0, "red"], "missing"), ([0.0, 0.0, 0.0, "pink"], "'pink'")):
        with pytest.raises(interpreter().InputError, match=says):
            portable.predict_one(row)


def test_labels_alone_come_without_probabilities() -> None:
    x, y = classes("two words")
    portable = proved(svm.LinearSVC(), x, y)
    with pytest.raises(AttributeError, match="no probabilities"):
        portable.predict_proba(x)


@pytest.mark.parametrize("beside", [0.0, np.nan])
@pytest.mark.parametrize("place", [0, 3, 5])
@pytest.mark.parametrize("value", [1e39, -1e39])
def test_a_value_of_more_than_32_bits_is_refused_one_by_one_too(
    value: float, place: int, beside: float
) -> None:
    x, y = classes("two words")
    form = interpreter().load_portable(convert(FOREST.fit(x, y)))
    row = [beside, *x[0, 1:].tolist()]
    assert form.predict_one(row) in set(y)
    row[place] = value
    for ask in (form.predict_one, form.predict_proba_one):
        with np.errstate(all="ignore"), pytest.raises(ValueError, match="32 bits"):
            ask(row)


def test_threads_that_compile_the_same_trees_get_the_same_answers() -> None:
    x, y = classes("two words")
    model = ensemble.RandomForestClassifier(90, random_state=0).fit(
        np.tile(x, (9, 1)), np.tile(y, 9)
    )
    portable = interpreter().load_portable(convert(model))
    expected = model.predict_proba(x).tolist()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(portable.predict_proba_one, x.tolist() * 3))
    assert answers == expected * 3


def test_models_of_every_family_predict_in_one_process_with_numpy_alone(tmp_path: Path) -> None:
    golden = tmp_path / "golden.json"
    variables = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    subprocess.run([sys.executable, str(MAKE), str(golden)], check=True, env=variables)
    argv = [sys.executable, "-P", str(ASK), str(MODEL), str(golden), str(golden)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.splitlines()) == {f"{sklearn.__version__} {len([*models()])}"}
