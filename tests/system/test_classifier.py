"""The shipped classifier, through its public door, with the trained artefact."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer

from oncology_model import MEASUREMENTS, Classifier, InvalidTumorError, Prediction, Tumor
from oncology_model.classifier import predict_record

BENIGN_TARGET = 1


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return Classifier()


@pytest.fixture(scope="module")
def tumors() -> list[Tumor]:
    rows = load_breast_cancer().data.tolist()
    return [Tumor.from_mapping(dict(zip(MEASUREMENTS, row, strict=True))) for row in rows]


@pytest.fixture(scope="module")
def typical() -> dict[Prediction, dict[str, float]]:
    """Give the medians of each diagnosis, by name of measurement."""
    data = load_breast_cancer()
    benign = data.target == BENIGN_TARGET
    medians = {
        Prediction.BENIGN: np.median(data.data[benign], axis=0),
        Prediction.MALIGNANT: np.median(data.data[~benign], axis=0),
    }
    return {
        diagnosis: dict(zip(MEASUREMENTS, row.tolist(), strict=True))
        for diagnosis, row in medians.items()
    }


def run_python(*arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], input=text, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("diagnosis", Prediction)
def test_a_typical_tumor_is_recognized(
    classifier: Classifier, typical: dict[Prediction, dict[str, float]], diagnosis: Prediction
) -> None:
    assert classifier.predict(Tumor.from_mapping(typical[diagnosis])) is diagnosis


def test_the_data_set_is_recognized_right_way_round(
    classifier: Classifier, tumors: list[Tumor]
) -> None:
    # No measure of quality, as most rows were trained on: it tells a sound artefact apart
    # from one with swapped classes or columns.
    predicted = [p is Prediction.BENIGN for p in classifier.predict_many(tumors)]
    assert np.mean(np.equal(predicted, load_breast_cancer().target == BENIGN_TARGET)) > 0.9


def test_one_by_one_is_as_good_as_many(classifier: Classifier, tumors: list[Tumor]) -> None:
    singly = [classifier.predict_proba(tumor) for tumor in tumors[:50]]
    assert singly == pytest.approx(classifier.predict_proba_many(tumors[:50]), abs=1e-9)
    assert classifier.predict_many(tumors[:50]) == [classifier.predict(t) for t in tumors[:50]]


def test_probabilities_are_plain_floats_between_zero_and_one(
    classifier: Classifier, tumors: list[Tumor]
) -> None:
    probabilities = classifier.predict_proba_many(tumors)
    assert {type(probability) for probability in probabilities} == {float}
    assert 0.0 <= min(probabilities) < 0.1
    assert 0.9 < max(probabilities) <= 1.0


def test_threads_share_one_classifier(tumors: list[Tumor]) -> None:
    shared = Classifier()
    with ThreadPoolExecutor(4) as pool:
        probabilities = list(pool.map(shared.predict_proba, tumors[:40]))
    assert probabilities == [shared.predict_proba(tumor) for tumor in tumors[:40]]


def test_a_record_is_answered_in_json_and_always_the_same(
    typical: dict[Prediction, dict[str, float]],
) -> None:
    answers = {json.dumps(predict_record(typical[Prediction.MALIGNANT])) for _ in range(3)}
    assert len(answers) == 1
    answer = json.loads(answers.pop())
    assert set(answer) == {"prediction", "probability"}
    assert answer["prediction"] == "malignant"
    assert answer["probability"] > 0.5


def test_a_bad_record_names_the_measurement(
    typical: dict[Prediction, dict[str, float]],
) -> None:
    with pytest.raises(InvalidTumorError, match=r"^mean_area: must not be negative"):
        predict_record(typical[Prediction.BENIGN] | {"mean_area": -1.0})


def test_importing_the_package_imports_neither_scikit_learn_nor_numpy() -> None:
    program = "import sys, oncology_model.__main__; print({'sklearn', 'numpy'} & set(sys.modules))"
    assert run_python("-c", program).stdout == "set()\n"


def test_the_command_predicts_from_standard_input(
    typical: dict[Prediction, dict[str, float]],
) -> None:
    rows = [typical[diagnosis].values() for diagnosis in Prediction]
    lines = [",".join(MEASUREMENTS), *(",".join(map(str, row)) for row in rows)]
    result = run_python("-m", "oncology_model", "predict", "-", text="\n".join(lines))
    assert (result.returncode, result.stderr) == (0, "")
    header, *answers = result.stdout.splitlines()
    assert header == "prediction,probability"
    assert [answer.split(",")[0] for answer in answers] == list(Prediction)


def test_the_command_refuses_bad_input_in_one_line() -> None:
    result = run_python("-m", "oncology_model", "predict", "-", text="mean_radius\n1\n")
    assert result.returncode == 2
    assert result.stderr == "oncology_model: -: row 1, column mean_texture: missing\n"
