"""Held-out rows are read, or the line that is not one is named; some of them go into the proof."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trainwheel.errors import StepFailedError
from trainwheel.evaluation.golden import GoldenRow
from trainwheel.steps.shared.held_out import HeldOut, choose_answered, read_held_out
from unit.repository import open_here, write


@pytest.mark.parametrize(("most", "numbers"), [
    (0, []), (1, [1]), (2, [1, 4]), (3, [1, 3, 5]), (7, [1, 2, 3, 4, 5, 6, 7]),
    (200, [1, 2, 3, 4, 5, 6, 7]),
])  # fmt: skip
def test_rows_are_chosen_evenly_with_their_answers(
    root: Path, most: int, numbers: list[int]
) -> None:
    rows = "".join(f'{{"input": {{"x": {n}}}, "truth": 1}}\n' for n in range(1, 8))
    write(root, "build/train/holdout.jsonl", rows)
    write(root, "build/evaluate/answers.jsonl", "".join(f"{2 * n}\n" for n in range(1, 8)))

    chosen = choose_answered(open_here(root).workspace.layout, most)

    assert chosen == {n: GoldenRow({"x": n}, 2 * n) for n in numbers}


@pytest.mark.parametrize("missing", ["train/holdout.jsonl", "evaluate/answers.jsonl"])
def test_without_rows_or_answers_there_are_none_to_choose(root: Path, missing: str) -> None:
    write(root, "build/train/holdout.jsonl", '{"input": {}, "truth": 1}\n')
    write(root, "build/evaluate/answers.jsonl", "1\n")
    (root / "build" / missing).unlink()

    assert choose_answered(open_here(root).workspace.layout, 5) == {}


def read(tmp_path: Path, text: str) -> HeldOut:
    path = tmp_path / "holdout.jsonl"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    return read_held_out(path)


def test_held_out_rows_keep_their_order_and_values(tmp_path: Path) -> None:
    # JSON may contain U+2028 unescaped, which is not the end of a line.
    text = '{"truth": 1, "input": {"a": "x\u2028y"}}\n{"input": {"b": null}, "truth": "é"}'

    assert read(tmp_path, text) == HeldOut([{"a": "x\u2028y"}, {"b": None}], [1, "é"])
    assert read(tmp_path, "") == HeldOut([], [])


@pytest.mark.parametrize("truth", ["a", 0, -1.5, True, False, " a ", 1e300])
def test_a_truth_is_a_label_or_a_number(tmp_path: Path, truth: Any) -> None:
    assert read(tmp_path, json.dumps({"input": {}, "truth": truth})).truths == [truth]


@pytest.mark.parametrize("line", [
    "", "{", "[]", "null", "{}", '{"input": {}}', '{"truth": 1}', "\udce9",
    *(f'{{"input": {value}, "truth": 1}}' for value in ("1", "null", "[]", '""', '["ab"]')),
    *(f'{{"input": {{}}, "truth": {value}}}'
      for value in ("null", '""', '" "', "[]", '{"a": 1}', "1e999", "NaN", "-Infinity")),
    '{"input": {"a": Infinity}, "truth": 1}', pytest.param("[" * 100_000, id="nested"),
])  # fmt: skip
def test_a_line_that_is_not_a_row_is_refused_by_its_number(
    tmp_path: Path, line: str, sentence: Callable[[object], None]
) -> None:
    row = '{"input": {}, "truth": 1}\n'

    with pytest.raises(StepFailedError, match=r"holdout\.jsonl line 2") as caught:
        read(tmp_path, f"{row}{line}\n{row}")

    sentence(caught.value)
