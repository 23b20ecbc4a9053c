from __future__ import annotations

import math
import random
from collections.abc import Sequence

import pytest

from trainwheel.scaffold.leaks import find_leaks, find_repeated

DRAW = random.Random(1)  # noqa: S311 - made-up rows
CLASSES = ["yes" if DRAW.random() < 0.3 else "no" for _ in range(200)]
NUMBERS = [str(DRAW.randrange(10**6) / 100) for _ in range(200)]


def test_a_column_with_the_cells_of_another_one_is_found() -> None:
    sample = {"a": CLASSES, "b": NUMBERS, "c": [*CLASSES], "d": ["x"] * 200, "e": ["x"] * 200}
    assert find_repeated(sample) == {"c": "a"}


@pytest.mark.parametrize(("cells", "leaks"), [
    (["1" if each == "yes" else "0" for each in CLASSES], True),
    (["left" if each == "yes" else DRAW.choice(["a", "b"]) for each in CLASSES], True),
    ([f"2024-01-{row % 28 + 1:02}" if each == "yes" else "" for row, each in enumerate(CLASSES)],
     True),
    ([str(DRAW.random() + (each == "yes")) for each in CLASSES], True),
    ([str(DRAW.random() + 0.5 * (each == "yes")) for each in CLASSES], False),
    ([DRAW.choice("abc") for _ in CLASSES], False),
    ([str(row) for row in range(200)], False),
    (["x"] * 200, False),
    (["1" if each == "no" else DRAW.choice("12") for each in CLASSES], False),
])  # fmt: skip
def test_a_column_that_alone_says_the_class_is_a_leak(cells: Sequence[str], *, leaks: bool) -> None:
    sample = {"target": CLASSES, "column": cells}
    assert list(find_leaks(sample, "target", ["column"], is_number=False)) == ["column"] * leaks


@pytest.mark.parametrize(("cells", "leaks"), [
    ([f"{3 * float(each) - 1}" for each in NUMBERS], True),
    ([f"{float(each) + DRAW.random() * 2000}" for each in NUMBERS], False),
    ([f"{float(each)}".replace(".", ",") for each in NUMBERS], True),
    ([f"{math.log1p(float(each))}" for each in NUMBERS], True),
    ([f"{math.log1p(float(each) // 100)}" for each in NUMBERS], False),
    (["7"] * 200, False),
    ([DRAW.choice("ab") for _ in NUMBERS], False),
])  # fmt: skip
def test_a_column_that_alone_says_the_number_is_a_leak(cells: list[str], *, leaks: bool) -> None:
    sample = {"target": NUMBERS, "column": cells}
    assert list(find_leaks(sample, "target", ["column"], is_number=True)) == ["column"] * leaks


def test_a_code_for_each_of_many_numbers_is_a_leak() -> None:
    sample = {"target": NUMBERS[:30] * 4, "column": [f"code {row % 30}" for row in range(120)]}
    assert list(find_leaks(sample, "target", ["column"], is_number=True)) == ["column"]


def test_rows_without_a_truth_say_nothing() -> None:
    cells = ["1" if each == "yes" else "0" for each in CLASSES]
    sample = {"target": [*CLASSES, *["", "?"] * 50], "column": cells + ["1", "0"] * 50}
    assert list(find_leaks(sample, "target", ["column"], is_number=False)) == ["column"]
