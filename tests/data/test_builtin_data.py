"""The data set is the one that the model was designed for."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer

from oncology_model import MEASUREMENTS, Prediction
from oncology_training.data import Example, read_examples, to_matrix
from oncology_training.split import split


@pytest.fixture(scope="module")
def examples() -> list[Example]:
    return read_examples("builtin")


def test_the_data_set_has_its_known_size_and_balance(examples: list[Example]) -> None:
    diagnoses = [example.diagnosis for example in examples]
    assert len(diagnoses) == 569
    assert diagnoses.count(Prediction.MALIGNANT) == 212
    assert diagnoses.count(Prediction.BENIGN) == 357


def test_the_names_are_those_of_the_data_set_in_its_order() -> None:
    names = [name.replace(" ", "_") for name in load_breast_cancer().feature_names]
    assert names == list(MEASUREMENTS)


def test_scikit_learn_still_counts_malignant_as_zero() -> None:
    assert load_breast_cancer().target_names.tolist() == ["malignant", "benign"]


def test_no_row_occurs_twice(examples: list[Example]) -> None:
    assert len({example.tumor for example in examples}) == len(examples)


def test_malignant_nuclei_are_the_larger_ones(examples: list[Example]) -> None:
    medians = {
        diagnosis: np.median(to_matrix([e for e in examples if e.diagnosis is diagnosis]), axis=0)
        for diagnosis in Prediction
    }
    larger = medians[Prediction.MALIGNANT] > medians[Prediction.BENIGN]
    sizes = [MEASUREMENTS.index(f"mean_{size}") for size in ("radius", "perimeter", "area")]
    assert larger[sizes].all()


def test_measurements_fit_their_geometry(examples: list[Example]) -> None:
    # A disc is the least outline of an area; discretized outlines come within 3 % of it.
    for example in examples:
        disc = 2 * np.sqrt(np.pi * example.tumor.mean_area)
        assert example.tumor.mean_perimeter > 0.97 * disc


def test_both_sides_of_the_split_have_about_the_same_balance(examples: list[Example]) -> None:
    shares = [
        np.mean([example.diagnosis is Prediction.MALIGNANT for example in side])
        for side in split(examples)
    ]
    assert shares == pytest.approx([212 / 569] * 2, abs=0.1)
