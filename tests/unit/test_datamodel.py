"""Tumours accept measurements and name the one that is wrong."""

import math
from fractions import Fraction

import numpy as np
import pytest

from oncology_model import MEASUREMENTS, InvalidTumorError, Prediction, Tumor


def test_there_are_thirty_measurements_in_the_order_of_the_data_set() -> None:
    assert len(MEASUREMENTS) == 30
    assert MEASUREMENTS[::10] == ("mean_radius", "radius_error", "worst_radius")


def test_values_follow_the_order_of_the_names(measurements: dict[str, float]) -> None:
    shuffled = dict(reversed(measurements.items()))
    assert Tumor.from_mapping(shuffled).values() == tuple(map(float, range(1, 31)))


@pytest.mark.parametrize(
    "value", [3, np.float64(3), np.float32(3), np.int64(3), Fraction(3)], ids=type
)
def test_real_numbers_are_kept_as_floats(measurements: dict[str, float], value: float) -> None:
    tumor = Tumor.from_mapping(measurements | {"mean_area": value})
    assert type(tumor.mean_area) is float
    assert tumor.mean_area == 3.0


def test_negative_zero_becomes_zero(measurements: dict[str, float]) -> None:
    tumor = Tumor.from_mapping(measurements | {"mean_area": -0.0})
    assert math.copysign(1, tumor.mean_area) == 1


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (math.nan, "must be finite, not nan"),
        (math.inf, "must be finite, not inf"),
        (-math.inf, "must be finite, not -inf"),
        (10**400, "must be finite, not inf"),
        (-0.5, "must not be negative, but is -0.5"),
        (True, "must be a number, not bool"),
        (np.True_, "must be a number, not bool"),
        ("1.5", "must be a number, not str"),
        (None, "must be a number, not NoneType"),
        (1j, "must be a number, not complex"),
        (np.ones(1), "must be a number, not ndarray"),
    ],
)
def test_an_impossible_value_is_refused_by_name(
    measurements: dict[str, float], value: object, problem: str
) -> None:
    with pytest.raises(InvalidTumorError) as caught:
        Tumor.from_mapping(measurements | {"worst_area": value})
    assert str(caught.value) == f"worst_area: {problem}"
    assert (caught.value.field, caught.value.problem) == ("worst_area", problem)


def test_the_constructor_refuses_what_the_mapping_refuses(measurements: dict[str, float]) -> None:
    with pytest.raises(InvalidTumorError, match=r"^mean_radius: must not be negative"):
        Tumor(**measurements | {"mean_radius": -1})


def test_a_missing_measurement_is_named(measurements: dict[str, float]) -> None:
    del measurements["mean_texture"]
    with pytest.raises(InvalidTumorError, match=r"^mean_texture: missing$"):
        Tumor.from_mapping(measurements)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("id", "id: unknown name"),
        ("mean_raduis", "mean_raduis: unknown name; did you mean mean_radius?"),
        (7, "7: unknown name"),
    ],
)
def test_an_unknown_measurement_is_named(
    measurements: dict[str, float], name: str, message: str
) -> None:
    with pytest.raises(InvalidTumorError) as caught:
        Tumor.from_mapping(measurements | {name: 1.0})
    assert str(caught.value) == message


def test_a_misspelt_name_is_reported_as_unknown_rather_than_missing(
    measurements: dict[str, float],
) -> None:
    measurements["mean_aera"] = measurements.pop("mean_area")
    with pytest.raises(InvalidTumorError, match=r"^mean_aera: .* mean_area\?$"):
        Tumor.from_mapping(measurements)


def test_equal_tumors_are_one_member_of_a_set(measurements: dict[str, float]) -> None:
    assert len({Tumor.from_mapping(measurements), Tumor.from_mapping(measurements)}) == 1


@pytest.mark.parametrize(
    ("malignancy", "prediction"),
    [
        (0.0, Prediction.BENIGN),
        (0.499, Prediction.BENIGN),
        (0.5, Prediction.MALIGNANT),
        (1.0, Prediction.MALIGNANT),
    ],
)
def test_even_odds_count_as_malignant(malignancy: float, prediction: Prediction) -> None:
    assert Prediction.from_probability(malignancy) is prediction
