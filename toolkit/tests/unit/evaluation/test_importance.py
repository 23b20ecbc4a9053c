"""Which columns a model needs, by asking it with one of them shuffled."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import pytest

from trainwheel.evaluation.importance import Importance, Plan, Weight, plan, weigh

Rows = list[dict[str, Any]]


def rows_of(count: int, *columns: str) -> Rows:
    inputs = ({name: f"{name}{row}" for name in columns} for row in range(count))
    return [{"input": record, "truth": row} for row, record in enumerate(inputs)]


def planned(rows: Rows, limit: int = 10_000) -> Plan:
    asked = plan(rows, limit)
    assert isinstance(asked, Plan)
    return asked


@pytest.mark.parametrize(("rows", "columns", "limit", "count"), [
    (100, 4, 500, 100), (100, 4, 499, 99), (100, 4, 250, 50), (100, 4, 249, None),
    (20, 4, 100, 20), (20, 4, 99, None), (2, 1, 4, 2), (1, 1, 1000, None), (0, 1, 1000, None),
    (60, 0, 1000, None), (100, 4, 1, None),
])  # fmt: skip
def test_rows_are_as_many_as_the_answers_allow_or_fifty_or_none(
    rows: int, columns: int, limit: int, count: int | None
) -> None:
    asked = plan(rows_of(rows, *"abcdef"[:columns]), limit)

    assert (len(asked.inputs) if isinstance(asked, Plan) else None) == count


def test_a_refusal_says_what_it_takes_and_what_is_allowed() -> None:
    reason = plan(rows_of(124, *map(str, range(30))), 1000)

    assert isinstance(reason, str)
    assert all(part in reason for part in ("1550", "report.importance-calls", "1000"))


def test_a_part_of_the_rows_keeps_its_order_and_its_truths() -> None:
    rows = rows_of(500, "a")

    asked = planned(rows, 200)

    assert asked.truths == sorted(asked.truths)
    assert list(asked.truths) != list(range(100))
    assert asked.inputs == [rows[row]["input"] for row in asked.truths]
    assert asked == planned(rows, 200)


MIXED: list[dict[str, Any]] = [
    {"n": 1, "text": "größer", "none": None, "list": [1]}, {"n": 2, "text": "", "list": []},
    {"n": 3.5, "text": "a|b", "none": 7}, {"n": None, "text": "\ud800", "\udfff": True},
]  # fmt: skip


def test_each_column_in_turn_exchanges_its_values_and_gaps_alone() -> None:
    asked = planned([{"input": record, "truth": 0} for record in MIXED])

    records = [*asked.records()]

    assert records[:4] == MIXED
    assert asked.columns == ["n", "text", "none", "list", "\udfff"]
    for number, column in enumerate(asked.columns, 1):
        shuffled = records[4 * number : 4 * number + 4]
        values = [Counter(repr(each.get(column, "gap")) for each in side)
                  for side in (shuffled, MIXED)]  # fmt: skip
        assert values[0] == values[1]
        for record, before in zip(shuffled, MIXED, strict=True):
            assert {**record, column: 0} == {**before, column: 0}


def test_a_column_is_shuffled_the_same_whatever_stands_beside_it() -> None:
    alone, beside = rows_of(60, "b"), rows_of(60, "a", "b", "c")

    orders = [
        [record["b"] for record in planned(rows).records()][start : start + 60]
        for rows, start in ((alone, 60), (beside, 120))
    ]

    assert orders[0] == orders[1]
    assert orders[0] != [row["input"]["b"] for row in alone]


def weights_of(
    truths: list[Any], plain: list[Any], shuffled: list[Any], kind: str = "binary"
) -> Importance:
    inputs = [{"x": number} for number in range(len(truths))]
    return weigh(Plan(inputs, truths, ["x"]), [*plain, *shuffled], kind, "b")


def share(value: object) -> dict[str, object]:
    return {"prediction": "a", "probability": value}


# Kind, truths, answers to plain and to shuffled records; the loss, and by how much it rises.
CASES: list[tuple[str, list[Any], list[Any], list[Any], str, float]] = [
    ("binary", ["a", "b"], ["a", "b"], ["b", "b"], "error rate", 0.5),
    ("binary", [1, 0], [True, False], [{"label": 0}, {"class": "0"}], "error rate", 0.5),
    ("multiclass", ["2", 3], [{"value": 2.0}, 3], [2, 4], "error rate", 0.5),
    ("binary", ["a", "b"], ["b", "a"], ["a", "b"], "error rate", -1),
    ("regression", [1, 2.5], [1, 2.5], [3, 2.5], "squared error", 2),
    ("regression", [1, 2], [{"value": 2}, 2], [1, 2], "squared error", -0.5),
    ("binary", ["b", "a"], [share(0.5), share(0.5)], [share(0.25), share(0.75)], "log loss",
     math.log(2)),
    ("binary", ["b", "a"], [share(1), share(0)], [share(0), share(0)], "log loss",
     -math.log(1e-15) / 2),
    ("multiclass", ["b", 3], [{"probabilities": {"b": 0.5, "3.0": 0.5}}] * 2,
     [{"probabilities": {"b": 1, "3.0": 0.25}}] * 2, "log loss", 0),
    # Without the probability of every truth, its label decides.
    ("binary", ["b", "a"], [share(0.5), share(None)], [share(1), share(1)], "error rate", 0),
    ("multiclass", ["z", "a"], [{"label": "a", "probabilities": {"a": 1}}] * 2, ["a", "b"],
     "error rate", 0.5),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_weight_is_by_how_much_the_mean_loss_rises(
    case: tuple[str, list[Any], list[Any], list[Any], str, float],
) -> None:
    kind, truths, plain, shuffled, loss, value = case

    result = weights_of(truths, plain, shuffled, kind)

    assert (result.loss, result.rows) == (loss, 2)
    assert result.weights[0].value == pytest.approx(value)


@pytest.mark.parametrize(("kind", "answer"), [
    ("binary", None), ("binary", {"odd": 1}), ("regression", None), ("regression", "far"),
    ("regression", 1e200), ("regression", {"odd": 1}), ("regression", True),
])  # fmt: skip
def test_a_column_whose_shuffled_records_are_refused_has_no_weight(kind: str, answer: Any) -> None:
    weight = weights_of([1, 2], [1, 2], [1, answer], kind).weights[0]

    assert weight == Weight("x", None)
    assert "refuses" in weight.text


@pytest.mark.parametrize(("kind", "plain"), [("binary", None), ("regression", "far")])
def test_without_answers_to_the_plain_records_there_is_a_reason(kind: str, plain: Any) -> None:
    result = weights_of([1, 2], [1, plain], [1, 2], kind)

    assert result.reason
    assert not result.weights


def test_without_a_share_the_log_loss_of_a_column_is_not_known() -> None:
    result = weights_of(["a", "b"], [share(0.5)] * 2, [share(0.5), "b"])

    assert (result.loss, result.weights) == ("log loss", [Weight("x", None)])


def test_the_margin_is_that_of_the_mean_change() -> None:
    weight = weights_of(list("abab"), list("abab"), list("abba")).weights[0]

    # 1.96 * sqrt(variance of 0, 0, 1, 1 / 4)
    assert weight.margin == pytest.approx(1.96 * math.sqrt(1 / 3 / 4))
    assert weight.text == "0.5 ± 0.5658, undecided"


@pytest.mark.parametrize(("weight", "text"), [
    (Weight("x", 0.5, 0.4), "0.5 ± 0.4"), (Weight("x", -0.04, 0.09), "-0.04 ± 0.09, undecided"),
    (Weight("x", -0.5, 0.4), "-0.5 ± 0.4"), (Weight("x", 0.0, 0.0), "0 ± 0"),
    (Weight("x", 0.4, 0.4), "0.4 ± 0.4, undecided"),
])  # fmt: skip
def test_where_the_interval_covers_zero_the_rows_do_not_decide(weight: Weight, text: str) -> None:
    assert weight.text == text


def test_the_heaviest_column_comes_first_and_an_unknown_one_last() -> None:
    asked = Plan([{}, {}], ["a", "b"], ["light", "unknown", "heavy"])
    answers = ["a", "b", "a", "a", None, "b", "b", "a"]

    weights = weigh(asked, answers, "binary", None).weights

    assert [weight.column for weight in weights] == ["heavy", "light", "unknown"]
