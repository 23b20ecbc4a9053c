"""Held-out rows are read whole, or refused by the line that is not as it should be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from trainwheel.errors import StepFailedError
from trainwheel.steps.shared.measure import HeldOut, read_held_out


def read(tmp_path: Path, text: str | bytes) -> HeldOut:
    path = tmp_path / "holdout.jsonl"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_held_out(path)


@pytest.mark.parametrize("truth", ['"a"', "0", "-1.5", "true", "false", '" a "', "1e300"])
def test_a_truth_is_a_label_or_a_number(tmp_path: Path, truth: str) -> None:
    rows = read(tmp_path, f'{{"input": {{}}, "truth": {truth}}}\n')

    assert rows.inputs == [{}]
    assert len(rows.truths) == 1


def test_rows_keep_their_order_and_values(tmp_path: Path) -> None:
    # A JSON text may hold U+2028 as it is: that ends no line.
    text = '{"truth": 1, "input": {"a": "x\u2028y"}}\n{"input": {"b": null}, "truth": "é"}'

    rows = read(tmp_path, text)

    assert rows.inputs == [{"a": "x\u2028y"}, {"b": None}]
    assert rows.truths == [1, "é"]


def test_a_file_without_rows_holds_none(tmp_path: Path) -> None:
    assert read(tmp_path, "") == HeldOut([], [])


GOOD = '{"input": {}, "truth": 1}\n'


@pytest.mark.parametrize(
    "line",
    [
        "", "{", "[]", "null", "{}", '{"input": {}}', '{"truth": 1}',
        '{"input": 1, "truth": 1}', '{"input": null, "truth": 1}',
        '{"input": [], "truth": 1}', '{"input": "", "truth": 1}',
        '{"input": [["a", 1]], "truth": 1}', '{"input": ["ab"], "truth": 1}',
        '{"input": {}, "truth": null}', '{"input": {}, "truth": ""}',
        '{"input": {}, "truth": "  "}', '{"input": {}, "truth": []}',
        '{"input": {}, "truth": {"a": 1}}', '{"input": {}, "truth": 1e999}',
        '{"input": {}, "truth": NaN}', '{"input": {"a": Infinity}, "truth": 1}',
        '{"input": {"a": -Infinity}, "truth": 1}',
        pytest.param("[" * 100_000, id="nested"),
    ],
)  # fmt: skip
def test_a_line_that_is_no_row_is_refused_by_its_number(tmp_path: Path, line: Any) -> None:
    with pytest.raises(StepFailedError) as caught:
        read(tmp_path, f"{GOOD}{line}\n{GOOD}")

    assert caught.value.message.startswith("holdout.jsonl line 2")
    assert caught.value.hint


def test_a_constant_that_json_does_not_have_is_named(tmp_path: Path) -> None:
    with pytest.raises(StepFailedError, match="NaN") as caught:
        read(tmp_path, '{"input": {"a": NaN}, "truth": 1}')

    assert "null" in caught.value.hint


def test_a_file_of_another_encoding_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StepFailedError, match=r"holdout\.jsonl"):
        read(tmp_path, '{"input": {"a": "é"}, "truth": 1}'.encode("latin-1"))
