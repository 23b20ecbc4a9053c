"""The classifier loads a sound artefact once, and puts the probabilities the right way round."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PosixPath
from typing import Any

import joblib
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.pipeline import Pipeline

from oncology_model import ArtefactError, Classifier, Prediction, Tumor


class CountingPath(PosixPath):
    """A path that counts how often each file is opened."""

    opened: list[str] = []  # noqa: RUF012 - shared on purpose: paths are values, tests clear it

    def open(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - any way a path opens
        self.opened.append(str(self))
        return super().open(*args, **options)


def test_the_probability_is_that_of_malignancy(artefact: Path, small: Tumor, large: Tumor) -> None:
    classifier = Classifier(artefact)
    assert classifier.predict_proba(small) < 0.1
    assert classifier.predict_proba(large) > 0.9


def test_predictions_follow_the_probability(artefact: Path, small: Tumor, large: Tumor) -> None:
    classifier = Classifier(artefact)
    assert classifier.predict(small) is Prediction.BENIGN
    assert classifier.predict(large) is Prediction.MALIGNANT


def test_many_predictions_keep_the_order(artefact: Path, small: Tumor, large: Tumor) -> None:
    predictions = Classifier(artefact).predict_many(iter([large, small, large]))
    assert predictions == ["malignant", "benign", "malignant"]


def test_predictions_are_those_of_the_estimator_by_hand(
    artefact: Path, estimator: Pipeline, small: Tumor, large: Tumor
) -> None:
    classifier, rows = Classifier(artefact), [small.values(), large.values()]
    assert classifier.predict_proba(small) == estimator.predict_proba(rows[:1])[0, 1]
    many = classifier.predict_proba_many((small, large))
    assert many == estimator.predict_proba(rows)[:, 1].tolist()


def test_no_tumors_need_no_artefact(tmp_path: Path) -> None:
    assert Classifier(tmp_path / "absent.joblib").predict_many([]) == []


def test_the_artefact_is_opened_once_and_only_for_a_prediction(
    artefact: Path, small: Tumor
) -> None:
    path = CountingPath(artefact)
    path.opened.clear()
    classifier = Classifier(path)
    assert path.opened == []
    barrier = threading.Barrier(8)

    def predict(_: int) -> Prediction:
        barrier.wait(timeout=30)
        return classifier.predict(small)

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(predict, range(8))) == {Prediction.BENIGN}
    assert sorted(path.opened) == [str(path), f"{path}.json"]


def test_a_missing_artefact_says_how_to_train(tmp_path: Path, small: Tumor) -> None:
    with pytest.raises(ArtefactError, match=r"has not been trained.*`make train`"):
        Classifier(tmp_path / "absent.joblib").predict(small)


@pytest.mark.parametrize(
    "alien",
    [
        pytest.param("a text", id="no estimator"),
        pytest.param(DummyClassifier(), id="not fitted"),
        pytest.param(DummyClassifier().fit([[0.0]], ["benign"]), id="one column"),
        pytest.param(DummyClassifier().fit([[0.0] * 30] * 2, [0, 1]), id="other classes"),
    ],
)
def test_an_artefact_for_other_data_is_refused(tmp_path: Path, small: Tumor, alien: object) -> None:
    joblib.dump(alien, tmp_path / "alien.joblib")
    with pytest.raises(ArtefactError, match="not trained for this version"):
        Classifier(tmp_path / "alien.joblib", verify=False).predict(small)


def test_a_failed_load_is_tried_again(artefact: Path, small: Tumor) -> None:
    content = artefact.read_bytes()
    artefact.unlink()
    classifier = Classifier(artefact)
    with pytest.raises(ArtefactError):
        classifier.predict(small)
    artefact.write_bytes(content)
    assert classifier.predict(small) is Prediction.BENIGN
