"""What ships against what was trained: which answers agree, and what is said of the others."""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Callable
from typing import Any

import pytest

from trainwheel.errors import RefusedError, StepFailedError
from trainwheel.evaluation.golden import GoldenRow
from trainwheel.evaluation.skew import read_trained, refuse_skew

LABELS = "y_true,y_pred\n"
BOTH = "y_true,y_pred,score_no,score_yes\n"
ONE = "y_true,y_pred,score_yes\n"
SINGLE = struct.unpack("f", struct.pack("f", 0.1))[0]


def compare(
    text: str, answers: list[Any], truths: list[Any] | None = None, positive: str | None = None
) -> None:
    trained = read_trained(io.StringIO(text), positive)
    rows = [GoldenRow({}, answer) for answer in answers]
    refuse_skew(trained, list(trained.truths) if truths is None else truths, rows, 1e-9)


def first_difference(text: str, answers: list[Any]) -> list[str]:
    """Return the cells of the first row in the table of what differs."""
    with pytest.raises(RefusedError, match="what ships is not what was trained") as caught:
        compare(text, answers)
    head, row, *_ = caught.value.details
    assert head.split("  ")[0] == "row"
    return re.split("  +", row)


@pytest.mark.parametrize(("cell", "answer"), [
    ("yes", "yes"), ("yes", {"prediction": "yes"}), ("yes", {"label": "yes"}),
    ("yes", {"class": "yes", "note": "no"}), ("1", 1), ("1.0", 1), ("1", 1.0), ("1", "1"),
    ("2.0", "2"), ("True", True), ("true", True), ("FALSE", False), ("1", True), ("0.0", False),
    ("ja, \u2028wohl", "ja, \u2028wohl"), ("0.30000000000000004", 0.3), ("12.5", {"value": 12.5}),
    ("0.1", SINGLE), ("1" + "0" * 400, "1" + "0" * 400),
])  # fmt: skip
def test_an_answer_agrees_with_what_training_said_in_other_words(cell: str, answer: Any) -> None:
    compare(f'{LABELS}x,"{cell}"\n', [answer])


@pytest.mark.parametrize(("cell", "answer"), [
    ("yes", "no"), ("yes", "Yes"), ("yes", None), ("yes", {"prediction": None}), ("yes", ["yes"]),
    ("yes", {"prediction": ["yes"]}), ("yes", {"answer": "yes"}), ("yes", True), ("1", False),
    ("1", 0), ("1000000001", 1000000002), ("setosa", 0), ("12.5", 12.6), ("12", 12.4),
    ("0.1", 0.10000001), ("0.50000001", 0.5), ("1", 10**400),
])  # fmt: skip
def test_an_answer_that_differs_is_refused(cell: str, answer: Any) -> None:
    assert first_difference(f"{LABELS}x,{cell}\n", [answer])[:2] == ["1", cell]


@pytest.mark.parametrize(
    ("text", "answer", "positive"),
    [
        (f"{BOTH}yes,yes,0.1,0.9\n", {"label": "yes", "probability": 0.9}, None),
        (f"{BOTH}yes,yes,0.1,0.9\n", {"label": "yes", "probability": 0.1}, "no"),
        (f"{BOTH}yes,yes,0.1,0.9\n", {"label": "yes", "probability": 0.9 + 1e-12}, None),
        (f"{BOTH}yes,yes,1,0\n", {"label": "yes", "probability": 1e-12}, None),
        (f"{BOTH}yes,yes,0.1,0.9\n", {"label": "yes", "probabilities": {"yes": 0.9}}, None),
        (f"{ONE}no,yes,0.9\n", {"label": "yes", "probabilities": {"no": 0.1, "yes": 0.9}}, None),
        (f"{ONE}no,yes,0.9\n", {"label": "yes", "probability": 0.1}, "no"),
        (
            "y_true,y_pred,score_0.0,score_1.0\n1,1,0.2,0.8\n",
            {"label": 1, "probabilities": {"0": 0.2, "1": 0.8}},
            None,
        ),
        (
            "y_true,y_pred,score_False,score_True\nTrue,True,0.2,0.8\n",
            {"label": True, "probabilities": {"false": 0.2, "true": 0.8}},
            None,
        ),
        # Of three classes none is the positive, and nobody knows whose probability that is.
        (
            "y_true,y_pred,score_a,score_b,score_c\na,a,0.8,0.1,0.1\n",
            {"label": "a", "probability": 0.3},
            None,
        ),
        (f"{LABELS}yes,yes\n", {"label": "yes", "probabilities": {"yes": 0.9}}, None),
        (f"{BOTH}yes,yes,0.1,0.9\n", "yes", None),
    ],
)
def test_scores_agree(text: str, answer: Any, positive: str | None) -> None:
    compare(text, [answer], positive=positive)


@pytest.mark.parametrize(("answer", "cells"), [
    ({"probability": 0.1}, ["score_yes 0.9", "0.1"]),
    ({"probability": None}, ["score_yes 0.9", "null"]),
    ({"probabilities": {"no": 0.2, "yes": 0.9}}, ["score_no 0.1", "0.2"]),
    ({"probabilities": {"0": 0.1, "1": 0.9}}, ["score_no, score_yes", "probabilities of 0, 1"]),
])  # fmt: skip
def test_scores_that_differ_are_refused(answer: dict[str, Any], cells: list[str]) -> None:
    text = f"{BOTH}yes,yes,0.1,0.9\n"

    assert first_difference(text, [{"label": "yes", **answer}]) == ["1", *cells]


def test_the_first_rows_that_differ_are_a_table_and_all_are_counted(
    sentence: Callable[[object], None],
) -> None:
    text = LABELS + "a,a\n" * 200

    with pytest.raises(RefusedError) as caught:
        compare(text, [{"label": "b" * 99} if row % 20 == 19 else "a" for row in range(200)])

    sentence(str(caught.value))
    table = caught.value.details
    assert table[0] == "row  training said  the entry point says"
    assert table[1] == f'20   a              "{"b" * 38}…'
    assert table[8].startswith("160  a")
    assert table[9:] == ("and 2 more",)


def test_the_probability_of_the_other_class_is_named_as_that(
    sentence: Callable[[object], None],
) -> None:
    text = "y_true,y_pred,score_late,score_paid\nlate,late,0.7,0.3\npaid,paid,0.2,0.8\n"
    answers = [{"label": "late", "probability": 0.7}, {"label": "paid", "probability": 0.2}]

    with pytest.raises(RefusedError) as caught:
        compare(text, answers)

    sentence(str(caught.value))
    compare(text, answers, positive="late")


def test_the_last_of_two_stated_labels_is_the_positive_one() -> None:
    text = "y_true,y_pred,score_late\nlate,late,0.7\nlate,late,0.6\n"

    assert read_trained(io.StringIO(text), None, ["paid", "late"]).positive == "late"
    assert read_trained(io.StringIO(text), None, ["late", "paid"]).positive == "paid"
    assert not read_trained(io.StringIO(text), None).positive


def test_a_positive_class_that_is_none_is_named_before_anything_is_compared() -> None:
    with pytest.raises(StepFailedError, match="'leave', which positive names"):
        compare(f"{LABELS}leaves,stays\nstays,leaves\n", ["stays", "leaves"], positive="leave")


@pytest.mark.parametrize(("ages", "names"), [
    ([None, None], True), ([None, 3], False), ([3, 4], False),
])  # fmt: skip
def test_a_missing_value_that_all_differing_rows_have_is_the_likely_reason(
    ages: list[Any], *, names: bool
) -> None:
    inputs = [{"x": None, "age": 5}, *({"x": 1, "age": age} for age in ages)]
    rows = [GoldenRow(each, "a" if each["x"] is None else "b") for each in inputs]
    trained = read_trained(io.StringIO(f"{LABELS}a,a\na,a\na,a\n"), None)

    with pytest.raises(RefusedError) as caught:
        refuse_skew(trained, ["a"] * 3, rows, 0.0)

    assert ("null for age" in caught.value.hint) is names


@pytest.mark.parametrize(
    ("text", "truths", "told"),
    [
        (f"{LABELS}a,a\nb,b\n", ["a"], "holdout.jsonl has 1 rows and predictions.csv 2"),
        (f"{LABELS}a,a\n", ["a", "b"], "holdout.jsonl has 2 rows and predictions.csv 1"),
        (LABELS, ["a"], "holdout.jsonl has 1 rows and predictions.csv 0"),
        (
            f"{LABELS}a,a\nb,b\n",
            ["a", "c"],
            "row 2: truth is \"c\" in holdout.jsonl, y_true 'b' in predictions.csv",
        ),
        (f"{LABELS}1.5,1\n", [1.6], "row 1: truth is 1.6 in holdout.jsonl, y_true '1.5'"),
        ("y_true\n1\n", [1], "predictions.csv has no column y_pred"),
        ("", [1], "predictions.csv has no column y_true"),
        (f"{LABELS}1,1\n1\n", [1, 1], "predictions.csv row 3 has 1 cells, its header 2"),
    ],
)
def test_files_that_are_not_of_the_same_rows_are_one_line(
    text: str, truths: list[Any], told: str
) -> None:
    with pytest.raises(StepFailedError) as caught:
        compare(text, truths, truths)

    assert told in str(caught.value)
