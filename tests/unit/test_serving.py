"""Whoever uses the model gets answers, or one error that says which record is wrong and why."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import joblib
import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.svm import SVC

import oncology_model
from oncology_model import (
    MEASUREMENTS,
    ArtefactError,
    Classifier,
    InvalidTumorError,
    Prediction,
    Result,
    Tumor,
)
from oncology_model.installed import find_distribution, read_version
from oncology_model.ranges import measure_ranges, parse_ranges
from oncology_model.serving import ServedClassifier, ServedRegressor

Change = dict[str, object]
RANGES = {
    "mean_radius": {"lowest": 2.0, "highest": 4.0},
    "mean_area": {"lowest": 0.0, "highest": 4.0},
}


@pytest.fixture
def classifier(artefact: Path, write_manifest: Callable[..., Path]) -> Classifier:
    write_manifest(artefact, inputs=RANGES)
    return Classifier(artefact)


@pytest.fixture
def record() -> Change:
    return dict.fromkeys(MEASUREMENTS, 2.0)


@pytest.mark.parametrize(
    ("name", "value", "severity"),
    [
        ("mean_radius", 2.0, ""),
        ("mean_radius", 4.0, ""),
        ("mean_radius", 1.99, "warning"),
        ("mean_radius", 0.2, "warning"),
        ("mean_radius", 0.19, "error"),
        ("mean_radius", 24.0, "warning"),
        ("mean_radius", 24.1, "error"),
        ("mean_area", 44.0, "warning"),
        ("mean_area", 44.1, "error"),
        ("worst_area", 1e30, ""),
    ],
)
def test_what_training_never_saw_is_a_warning_or_an_error(
    classifier: Classifier, record: Change, name: str, value: float, severity: str
) -> None:
    odd = record | {name: value}
    if severity == "error":
        with pytest.raises(InvalidTumorError, match=f"^{name}: .* far outside .* check its unit"):
            classifier.predict(odd)
        return
    warnings = classifier.predict_result(odd).warnings
    assert [text.partition(":")[0] for text in warnings] == [name] * (severity == "warning")
    if severity:
        with pytest.raises(InvalidTumorError, match=f"^{name}: .* range of training, "):
            classifier.predict(odd, strict=True)


@pytest.mark.parametrize("bad", [{"mean_radius": 1e300}, {"mean_radius": 1e9}, {"x": 1}, None])
def test_one_bad_record_is_named_by_its_row_and_sinks_no_other(
    classifier: Classifier, record: Change, bad: Change | None
) -> None:
    rows: list[Any] = [record, None if bad is None else record | bad, record]
    with pytest.raises(InvalidTumorError, match=r"^row 1"):
        classifier.predict_many(rows)
    marked = classifier.predict_many(iter(rows), on_error="mark")
    assert marked[::2] == ["benign", "benign"]
    assert isinstance(marked[1], InvalidTumorError)
    assert marked[1].row == 1
    streamed = list(classifier.results(iter(rows), on_error="mark", batch=2))
    assert [getattr(each, "row", "answered") for each in streamed] == ["answered", 1, "answered"]


@pytest.mark.parametrize("many", [None, 5, "text", {"mean_area": [1.0]}, np.array(1.5)])
def test_what_is_not_several_records_is_refused(classifier: Classifier, many: Any) -> None:  # noqa: ANN401
    with pytest.raises(InvalidTumorError, match=r"^must be several records"):
        classifier.predict_many(many)


def test_a_matrix_without_names_is_refused(classifier: Classifier) -> None:
    with pytest.raises(InvalidTumorError, match=r"^row 0: must be a Tumor or a mapping"):
        classifier.predict_many(np.ones((2, 30)))


def test_an_unknown_way_with_errors_is_refused(classifier: Classifier, record: Change) -> None:
    with pytest.raises(ValueError, match="on_error must be"):
        classifier.predict_many([record], on_error="skip")  # type: ignore[call-overload]


@pytest.mark.parametrize("batch", [0, -1, 2.5, "3"])
def test_a_batch_of_no_records_is_refused(
    classifier: Classifier,
    record: Change,
    batch: Any,  # noqa: ANN401
) -> None:
    assert len(list(classifier.results([record], batch=1))) == 1
    with pytest.raises(ValueError, match=r"^batch must be a whole number from 1 on, not "):
        list(classifier.results([record], batch=batch))


def test_no_records_are_a_matrix_without_rows() -> None:
    assert Classifier.to_matrix([]).shape == (0, 30)


def test_records_are_read_as_their_results_are_asked_for(
    classifier: Classifier, record: Change
) -> None:
    def stream() -> Iterator[Change]:
        yield from [record] * 4
        pytest.fail("read too far")

    results = classifier.results(stream(), batch=2)
    assert [cast("Result", next(results)).prediction for _ in range(4)] == ["benign"] * 4


def test_numbers_of_any_type_are_answered_alike(classifier: Classifier, record: Change) -> None:
    mixed: list[Any] = [record, dict.fromkeys(MEASUREMENTS, 2), Tumor.from_mapping(record)]
    mixed += [dict.fromkeys(MEASUREMENTS, kind(2)) for kind in (np.float32, np.int8)]
    assert len(set(classifier.predict_proba_many(mixed))) == 1
    assert {classifier.predict_proba(each) for each in mixed} == set(
        classifier.predict_proba_many(mixed)
    )


def test_a_result_says_all_of_an_answer(classifier: Classifier, record: Change) -> None:
    result = classifier.predict_result(record)
    assert result.probability == classifier.predict_proba(record)
    assert sum(result.probabilities.values()) == pytest.approx(1.0)
    assert result.prediction is Prediction.BENIGN
    assert json.loads(json.dumps(result.as_json())) == {
        "prediction": "benign",
        "probability": result.probability,
        "probabilities": dict(result.probabilities),
        "model_version": oncology_model.__version__,
        "warnings": [],
    }
    assert result.cells() == {"prediction": "benign", "probability": f"{result.probability:.6f}"}


@pytest.mark.parametrize("artefact", [b"model.joblib", 5])
def test_an_artefact_that_is_not_a_path_is_refused_at_once(artefact: Any) -> None:  # noqa: ANN401
    with pytest.raises(TypeError, match=r"bytes|int"):
        Classifier(artefact)


@pytest.mark.parametrize("engine", ["Sklearn", "onnx", "", 1])
def test_an_engine_that_is_not_known_is_refused_at_once(engine: Any) -> None:  # noqa: ANN401
    with pytest.raises(ValueError, match='engine must be "portable", "sklearn" or None, not '):
        Classifier(engine=engine)


@pytest.mark.parametrize("kind", [str, Path])
def test_an_artefact_may_be_named_by_a_text(
    artefact: Path, record: Change, kind: Callable[[Path], Any]
) -> None:
    classifier = Classifier(kind(artefact))
    assert repr(classifier) == "<oncology_model.Classifier 0+unknown, not loaded>"
    assert classifier.predict(record) == "benign"
    assert repr(classifier).endswith(", loaded>")


class Odd(ClassifierMixin, BaseEstimator):
    """An estimator that fails on some records, or on all."""

    def __init__(self, fails_from: float = 0.0, answer: float = 0.5) -> None:
        self.fails_from, self.answer = fails_from, answer
        self.classes_ = np.array(["benign", "malignant"])
        self.n_features_in_ = 30

    def predict(self, matrix: Any) -> Any:  # noqa: ANN401
        return self.classes_[np.zeros(len(matrix), int)]

    def predict_proba(self, matrix: Any) -> Any:  # noqa: ANN401
        if (matrix >= self.fails_from).any():
            message = "no idea\nat all"
            raise RuntimeError(message)
        return np.full((len(matrix), 2), self.answer)


def dump(folder: Path, estimator: object) -> Path:
    joblib.dump(estimator, folder / "odd.joblib")
    return folder / "odd.joblib"


def test_what_an_estimator_fails_on_is_refused_and_the_rest_answered(
    tmp_path: Path, record: Change
) -> None:
    classifier = Classifier.load(dump(tmp_path, Odd(fails_from=9.0)), verify=False)
    rows = [record] * 5 + [record | {"mean_area": 9.0}] + [record] * 3
    marked = classifier.predict_many(rows, on_error="mark")
    assert [str(each) for each in marked if isinstance(each, InvalidTumorError)] == [
        "row 5: the model has no answer to it (RuntimeError: no idea)"
    ]
    assert len(marked) == 9
    with pytest.raises(InvalidTumorError, match=r"^the model has no answer"):
        classifier.predict(rows[5])


@pytest.mark.parametrize("estimator", [Odd(), Odd(fails_from=9.0, answer=float("nan"))])
def test_a_model_that_never_answers_is_not_the_records_fault(
    tmp_path: Path, record: Change, estimator: object
) -> None:
    path = dump(tmp_path, estimator)
    for ask in (
        Classifier(path, verify=False).predict,
        lambda _: Classifier.load(path, verify=False),
    ):
        with pytest.raises(ArtefactError, match="it does not answer"):
            ask(record)


class Kinds(ServedClassifier[str]):
    """A model of whatever classes it knows."""

    record = Tumor


class Size(ServedRegressor):
    """A model of a number."""

    record = Tumor


MATRIX = np.repeat([[1.0], [2.0], [8.0], [9.0]] * 3, len(MEASUREMENTS), axis=1)


@pytest.mark.parametrize("labels", [["a", "b", "c", "c"], [0, 1, 2, 2], [True, True, False, False]])
def test_classes_are_named_by_their_texts(
    tmp_path: Path, record: Change, labels: list[object]
) -> None:
    path = dump(tmp_path, LogisticRegression().fit(MATRIX, labels * 3))
    served = Kinds.load(path, verify=False)
    result = served.predict_result(record)
    assert result.prediction == served.predict(record) == str(labels[1])
    assert set(result.probabilities) == set(map(str, labels))
    assert result.probability == result.probabilities[str(labels[1])]


def test_a_classifier_without_probabilities_gives_none(tmp_path: Path, record: Change) -> None:
    served = Kinds(dump(tmp_path, SVC().fit(MATRIX, ["a", "b", "c", "c"] * 3)), verify=False)
    result = served.predict_result(record)
    assert (result.prediction, result.probability, dict(result.probabilities)) == ("b", None, {})
    assert result.cells() == {"prediction": "b", "probability": ""}


def test_a_regression_gives_a_number(tmp_path: Path, record: Change) -> None:
    served = Size.load(dump(tmp_path, Ridge().fit(MATRIX, [1, 2, 8, 9] * 3)), verify=False)
    number = served.predict(record)
    assert served.predict_many([record]) == [number]
    assert number == pytest.approx(2.0, abs=0.1)
    assert served.predict_result(record).cells() == {"prediction": repr(number)}
    assert served.output_schema()["properties"]["prediction"] == {"type": "number"}


@pytest.mark.parametrize("estimator", [Ridge(), "text"])
def test_what_does_not_tell_classes_apart_is_refused(tmp_path: Path, estimator: Any) -> None:  # noqa: ANN401
    fitted = estimator.fit(MATRIX, [1, 2, 8, 9] * 3) if isinstance(estimator, Ridge) else estimator
    with pytest.raises(ArtefactError, match="not trained for this version"):
        Kinds.load(dump(tmp_path, fitted), verify=False)


def test_the_schema_says_what_is_possible_and_what_training_saw(classifier: Classifier) -> None:
    schema = classifier.input_schema()
    assert schema["required"] == list(MEASUREMENTS)
    assert schema["additionalProperties"] is False
    radius = schema["properties"]["mean_radius"]
    assert (radius["type"], radius["minimum"]) == ("number", 0)
    assert radius["x-training"] == {"lowest": 2.0, "highest": 4.0}
    assert "length units" in radius["description"]
    assert "loaded>" in repr(classifier)
    assert "not loaded" in repr(classifier)


def test_ranges_are_rounded_outward_and_read_again() -> None:
    rows = [[value] * 30 for value in (13.54, 0.00123, 987.6)]
    document = json.loads(json.dumps(measure_ranges(Tumor, rows)))
    assert document["mean_area"] == {"lowest": 0.0012, "highest": 990.0}
    assert set(parse_ranges(document)) == set(MEASUREMENTS)
    assert measure_ranges(Tumor, []) == {}


@pytest.mark.parametrize(
    "ranges",
    [
        [],
        {"a": {}},
        {"a": {"lowest": 2, "highest": 1}},
        {"a": {"lowest": 1, "highest": 10**400}},
        {"a": {"lowest": float("nan"), "highest": 1}},
        {"a": {"categories": [1]}},
        {"a": {"lowest": "2023-01-01", "highest": "2022-01-01"}},
        {"a": {"lowest": "2023-02-30", "highest": "2023-12-31"}},
        {"a": {"lowest": "2023-01-01", "highest": 5}},
    ],
)
def test_damaged_ranges_are_a_damaged_manifest(
    artefact: Path, write_manifest: Callable[..., Path], record: Change, ranges: object
) -> None:
    write_manifest(artefact, inputs=ranges)
    for ask in (lambda: Classifier(artefact).predict(record), Classifier(artefact).input_schema):
        with pytest.raises(ArtefactError, match="ranges of training"):
            ask()


def test_the_version_is_that_of_the_wheel_that_was_installed(tmp_path: Path) -> None:
    folder = tmp_path / "oncology_model-1.2.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Name: oncology-model\nVersion: 1.2\n")
    (folder / "RECORD").write_text("other/__init__.py,,\n")
    assert find_distribution(tmp_path / "oncology_model") is None
    (folder / "RECORD").write_text("oncology_model/__init__.py,,\n")
    distribution = find_distribution(tmp_path / "oncology_model")
    assert distribution is not None
    assert distribution.version == "1.2"
    assert re.fullmatch(r"\d.*", read_version())
    with pytest.raises(AttributeError, match="nothing"):
        oncology_model.nothing  # type: ignore[attr-defined]  # noqa: B018
