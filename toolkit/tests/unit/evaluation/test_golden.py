"""Golden predictions: what counts as a repetition, and what as a difference."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainwheel.errors import StepFailedError
from trainwheel.evaluation.golden import (
    Difference,
    GoldenRow,
    compare_answers,
    join,
    parse_golden,
    parse_inputs,
    show_difference,
)

finite = st.floats(allow_nan=False, allow_infinity=False)
answers = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | finite | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


def rows(*predictions: Any) -> tuple[GoldenRow, ...]:
    return tuple(GoldenRow({}, prediction) for prediction in predictions)


@pytest.mark.parametrize(("then", "now", "tolerance"), [
    (1.0, 1.0, 0.0), (1, 1.0, 0.0), (1.0, 1.0 + 1e-12, 1e-9), (-1.0, -1.0 - 1e-12, 1e-9),
    (100.0, 101.0, 0.01), (1e300, 1e300 * (1 + 1e-12), 1e-9),
    ({"label": "M", "score": 0.1}, {"score": 0.1 + 1e-13, "label": "M"}, 1e-9),
    ([1.0, [2.0]], [1.0, [2.0 + 1e-13]], 1e-9), (None, None, 0.0), (True, True, 0.0), ("", "", 0.0),
])  # fmt: skip
def test_a_repetition_may_move_within_the_tolerance(then: Any, now: Any, tolerance: float) -> None:
    assert compare_answers(rows(then), rows(now), tolerance) == ()


@pytest.mark.parametrize(("then", "now", "phrase"), [
    ("M", "B", "golden row 1: it was 'M', is 'B'"), (1.0, 1.1, "golden row 1: it was 1.0, is 1.1"),
    (0.0, 1e-300, "golden row 1: it was 0.0, is 1e-300"),
    (1, True, "golden row 1: it was 1, is True"), (False, 0, "golden row 1: it was False, is 0"),
    ("1", 1, "golden row 1: it was '1', is 1"), (None, 0, "golden row 1: it was None, is 0"),
    ({"a": 1}, {"b": 1}, "golden row 1: it was {'a': 1}, is {'b': 1}"),
    ({"a": 1}, {"a": 1, "b": 2}, "golden row 1: it was {'a': 1}, is {'a': 1, 'b': 2}"),
    ([1], [1, 2], "golden row 1: it was [1], is [1, 2]"),
    ([1], {"0": 1}, "golden row 1: it was [1], is {'0': 1}"),
    ({"s": {"M": 0.5}}, {"s": {"M": 0.6}}, "golden row 1: M was 0.5, is 0.6"),
    ({"s": [0.5, 0.5]}, {"s": [0.5, 0.6]}, "golden row 1: s[1] was 0.5, is 0.6"),
    ([[1.0], [2.0]], [[1.0], [3.0]], "golden row 1: it[1][0] was 2.0, is 3.0"),
    pytest.param(10**400, 1.5, f"golden row 1: it was {10**400}, is 1.5", id="beyond every float"),
])  # fmt: skip
def test_a_difference_is_told_where_it_is(then: Any, now: Any, phrase: str) -> None:
    (difference,) = compare_answers(rows(then), rows(now), 1e-9)

    assert str(difference) == phrase


def test_every_difference_is_told_in_order() -> None:
    differences = compare_answers(
        rows("a", 1.0, {"x": 1, "y": 2}), rows("b", 1.0, {"x": 3, "y": 4}), 0.0
    )

    assert tuple(map(str, differences)) == (
        "golden row 1: it was 'a', is 'b'",
        "golden row 3: x was 1, is 3",
        "golden row 3: y was 2, is 4",
    )


def test_a_difference_is_shown_as_a_small_table() -> None:
    record = {"mean radius": 17.99, "note": "a" * 100, "sick\x1b[2J": None}
    difference = Difference(3, record, "M", 0.25, 0.5)

    assert show_difference(difference) == (
        "input mean radius  17.99",
        f'input note         "{"a" * 58}…',
        "input sick?[2J     null",
        "expected M         0.25",
        "got M              0.5",
    )


def test_an_answer_that_is_another_as_a_whole_has_no_part() -> None:
    shown = show_difference(Difference(1, {}, "it", "malignant", "benign"))

    assert shown == ('expected  "malignant"', 'got       "benign"')


@pytest.mark.parametrize("now", [(), (1, 2)], ids=["fewer", "more"])
def test_another_number_of_answers_is_no_repetition(now: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="zip"):
        compare_answers(rows(1), rows(*now), 0.0)


@given(finite, finite, st.floats(0, 0.999))
def test_the_tolerance_is_relative_to_the_larger_number(
    then: float, now: float, tolerance: float
) -> None:
    is_close = math.isclose(then, now, rel_tol=tolerance, abs_tol=0.0)

    assert (compare_answers(rows(then), rows(now), tolerance) == ()) == is_close


records = st.lists(st.dictionaries(st.text(), finite | st.text(), max_size=3), max_size=4)


@given(written=records, ascii_only=st.booleans(), end=st.sampled_from(["\n", "\r\n"]))
def test_golden_inputs_are_read_as_training_wrote_them(
    *, written: list[dict[str, Any]], ascii_only: bool, end: str
) -> None:
    # A JSON text may hold U+2028 as it is; only a line feed ends a line of JSON Lines.
    text = "".join(json.dumps(record, ensure_ascii=ascii_only) + end for record in written)

    assert parse_inputs(text, "golden.jsonl") == written


@pytest.mark.parametrize(("text", "line"), [
    ("[1]\n", 1), ('{"x": 1}\n3\n', 2), ('{"x": 1}\n\n{"x": 2}\n', 2), ('{"x": 1\n', 1),
    ("nonsense", 1), ("null", 1), ('{"x": 1}\n{"x": "é"}\n'.encode("latin-1"), 2),
    pytest.param("[" * 100_000, 1, id="nested"),
    pytest.param('{"x": ' + "[" * 900 + "]" * 900 + "}", 1, id="nested, yet JSON"),
])  # fmt: skip
def test_a_line_that_is_not_an_object_is_named(text: str | bytes, line: int) -> None:
    with pytest.raises(StepFailedError, match=f"golden.jsonl line {line} is not a JSON object"):
        parse_inputs(text, "golden.jsonl")


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999", "[1, [NaN]]", '{"y": Infinity}'])
def test_a_number_that_is_not_finite_is_refused(number: str) -> None:
    with pytest.raises(StepFailedError, match="line 2 holds NaN or Infinity"):
        parse_inputs(f'{{"x": [1.5, {{"y": true}}, null]}}\n{{"x": {number}}}\n', "golden.jsonl")


def test_answers_are_put_beside_their_inputs() -> None:
    assert join([{"x": 1}, {"x": 2}], '"M"\n{"y": 0.5}\n') == (
        GoldenRow({"x": 1}, "M"),
        GoldenRow({"x": 2}, {"y": 0.5}),
    )


@pytest.mark.parametrize("text", ["", "1\n2\n"])
def test_a_lost_answer_does_not_go_unnoticed(text: str) -> None:
    with pytest.raises(ValueError, match="zip"):
        join([{"x": 1}], text)


@pytest.mark.parametrize("letter", ["\u2028", "\x85", "\x0c"])
def test_letters_that_end_lines_elsewhere_stay_inside_golden_predictions(letter: str) -> None:
    row = GoldenRow({"x": f"a{letter}b"}, f"M{letter}")
    text = json.dumps(asdict(row), ensure_ascii=False) + "\n"

    assert parse_golden(text * 2) == (row, row)
    assert join([row.input], json.dumps(row.prediction, ensure_ascii=False)) == (row,)
