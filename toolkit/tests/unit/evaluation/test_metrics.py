"""Metrics are finite numbers by name, or one line says which is not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainwheel.errors import StepFailedError
from trainwheel.evaluation.metrics import (
    check_intervals,
    choose_metrics,
    claims_among,
    intervals_of,
    parse_data_digests,
    parse_metrics,
    split_intervals,
)


@given(st.dictionaries(st.text(), st.integers() | st.floats(allow_nan=False, allow_infinity=False)))
def test_numbers_are_read_as_they_are(metrics: dict[str, float]) -> None:
    assert parse_metrics(json.dumps(metrics)) == metrics


@pytest.mark.parametrize(
    "value", ["NaN", "Infinity", "-Infinity", "true", "null", '"0.9"', "[0.9]", "1e999"]
)
def test_a_metric_that_is_no_finite_number_is_named(value: str) -> None:
    with pytest.raises(StepFailedError) as caught:
        parse_metrics(f'{{"rows": 3, "accuracy": {value}}}')

    assert "metrics.json: 'accuracy' has " in str(caught.value)
    assert "which is not a finite number; let training write" in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", "1", "null", "{", "\xff", '{"a": 1} {}', "[" * 5000])
def test_what_is_no_object_is_one_line(text: str) -> None:
    with pytest.raises(StepFailedError, match=r"metrics.json is not a JSON object of name"):
        parse_metrics(text.encode("latin-1"))


def test_bounds_belong_to_their_metric() -> None:
    metrics = {"a": 0.9, "a_low": 0.8, "a_high": 0.95, "b": 1.0, "b_low": 0.1, "c_high": 2.0}

    numbers, intervals = split_intervals(metrics)

    assert numbers == {"a": 0.9, "b": 1.0, "b_low": 0.1, "c_high": 2.0}
    assert intervals == {"a": (0.8, 0.95)}


def test_a_whole_number_beyond_every_float_is_finite() -> None:
    text = f'{{"rows": 1{"0" * 400}}}'

    assert parse_metrics(text) == {"rows": 10**400}


@pytest.mark.parametrize(("text", "words"), [
    ("[]", "data.json is not a JSON object"), ("{", "data.json is not a JSON object"),
    (json.dumps({" ": "a" * 64}), "' ' has "), (json.dumps({"x": "a" * 63}), "'x' has "),
    (json.dumps({"x": "A" * 64}), "'x' has "),
    (json.dumps({"x": 3}), "'x' has 3, which is not a sha256"),
])  # fmt: skip
def test_what_is_not_a_digest_of_data_is_named(text: str, words: str) -> None:
    with pytest.raises(StepFailedError, match=words):
        parse_data_digests(text)


def test_intervals_are_those_of_training_or_measured_anew() -> None:
    measured = {
        "measured": {"a": {"low": 0.1234567891234, "high": 1}, "d": {"low": 4, "high": 5}},
        "named": {"b": {"low": None, "high": 3}, "c": {"low": 2, "high": 3}},
    }

    own = intervals_of({"a": 1, "b": 1, "c": 2, "c_low": 1, "c_high": 4}, measured)

    assert own == {"a": (0.123456789, 1), "c": (1, 4)}
    assert intervals_of({"e": 1}, measured) == {"a": (0.123456789, 1), "c": (2, 3), "d": (4, 5)}
    assert intervals_of({"e": 1}, {}) == {}


MEASURED = {
    "source": "entry point",
    "measured": {"accuracy": {"value": 0.8}, "f1": {"value": 0.7}},
    "named": {"accuracy": {"value": 0.1234567891234}},
}


@pytest.mark.parametrize(("claims", "measured", "judged"), [
    ({"accuracy": 0.9, "cost": 3}, MEASURED, {"accuracy": 0.123456789, "cost": 3}),
    ({"accuracy": 0.9, "accuracy_low": 0.8, "accuracy_high": 1}, MEASURED,
     {"accuracy": 0.123456789}),
    ({"accuracy": 1, "cost": 3, "cost_low": 2, "cost_high": 4}, MEASURED,
     {"accuracy": 0.123456789, "cost": 3, "cost_low": 2, "cost_high": 4}),
    ({"cost": 3}, MEASURED, {"cost": 3, "accuracy": 0.123456789, "f1": 0.7}),
    ({"accuracy": 0.9}, {}, {"accuracy": 0.9}),
    ({"accuracy": 0.9, "f1": 0.2}, {"named": {"f1": {"value": 0.3}}}, {"accuracy": 0.9, "f1": 0.3}),
])  # fmt: skip
def test_a_model_is_judged_by_what_is_measured_and_else_by_what_training_says(
    claims: dict[str, float], measured: dict[str, Any], judged: dict[str, float]
) -> None:
    assert choose_metrics(claims, measured) == judged


@pytest.mark.parametrize(("measured", "claimed"), [
    (MEASURED, ("cost",)), ({}, ("accuracy", "cost")),
    ({**MEASURED, "source": "training"}, ("accuracy", "cost")),
])  # fmt: skip
def test_what_nobody_measured_on_the_entry_point_is_training_s_word(
    measured: dict[str, Any], claimed: tuple[str, ...]
) -> None:
    assert claims_among(["accuracy", "cost"], measured) == claimed


def test_scores_that_the_entry_point_does_not_return_are_training_s_word() -> None:
    named = {name: {"value": 0.5} for name in ("accuracy", "auc", "neg_log_loss")}
    measured = {"source": "entry point", "named": named}

    assert claims_among(named, measured) == ()
    assert claims_among(named, {**measured, "of_training_scores": ["auc", "neg_log_loss"]}) == (
        "auc", "neg_log_loss",
    )  # fmt: skip


@pytest.mark.parametrize(("value", "is_inside"), [(1, True), (2, True), (0.9, False), (2.1, False)])
def test_a_metric_lies_in_its_own_interval(value: float, *, is_inside: bool) -> None:
    if is_inside:
        check_intervals({"a": value}, {"a": (1, 2)})
        return
    with pytest.raises(StepFailedError, match=r"a is .*outside its own interval 1 to 2.*a_high"):
        check_intervals({"a": value}, {"a": (1, 2)})
