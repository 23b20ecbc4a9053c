"""The outcomes of a step are kept in order, and damage to them is an empty list."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trainwheel.engine.records import (
    Failure,
    Outcome,
    append_outcome,
    forget_failure,
    has_failed,
    note_failure,
    read_failure,
    read_outcomes,
    rename_key,
)

PASSED = Outcome("a" * 64, True, 1_764_072_000.0, 1.5)  # noqa: FBT003 - as a table
FAILED = replace(PASSED, passed=False)
FAILURE = Failure(1_764_072_000.0, "the tests ended with exit code 1", "build/log/test.log")
numbers = st.floats(-1e300, 1e300)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(outcome=st.builds(Outcome, st.text(), st.booleans(), numbers, numbers))
def test_any_outcome_is_read_as_it_was_appended(tmp_path: Path, outcome: Outcome) -> None:
    append_outcome(tmp_path, "test", outcome)

    assert read_outcomes(tmp_path, "test")[-1] == outcome
    assert read_outcomes(tmp_path, "train") == ()


def test_the_last_hundred_are_kept(tmp_path: Path) -> None:
    for number in range(103):
        append_outcome(tmp_path, "test", replace(FAILED, finished=number))

    assert [each.finished for each in read_outcomes(tmp_path, "test")] == [*range(3, 103)]


@pytest.mark.parametrize(("outcomes", "is_failure"), [
    ((), False), ((PASSED,), False), ((FAILED,), True), ((PASSED, FAILED), True),
    ((FAILED, PASSED), False), ((FAILED, replace(PASSED, key="b")), True),
    ((PASSED, replace(FAILED, key="b")), False),
])  # fmt: skip
def test_the_last_outcome_with_the_same_inputs_counts(
    tmp_path: Path, outcomes: tuple[Outcome, ...], *, is_failure: bool
) -> None:
    for outcome in outcomes:
        append_outcome(tmp_path, "test", outcome)

    assert has_failed(tmp_path, "test", PASSED.key) is is_failure
    assert not has_failed(tmp_path, "train", PASSED.key)


def test_a_key_is_renamed_and_others_stay(tmp_path: Path) -> None:
    other = replace(PASSED, key="c")
    for outcome in (FAILED, other, PASSED):
        append_outcome(tmp_path, "test", outcome)

    rename_key(tmp_path, "test", FAILED.key, "b")
    rename_key(tmp_path, "train", FAILED.key, "b")

    assert [outcome.key for outcome in read_outcomes(tmp_path, "test")] == ["b", "c", "b"]
    assert not (tmp_path / "outcomes/train.json").exists()


SOUND = asdict(PASSED)
CHANGES: tuple[dict[str, object], ...] = (
    {"passed": 1}, {"key": None}, {"finished": "now"}, {"more": 1},
    {"finished": True}, {"seconds": float("nan")}, {"finished": float("inf")}, {"seconds": 10**400},
)  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "null", "3", '{"a": 1}', "[3]", "[[]]", "[{}]", "\ud800", "[" * 100_000),
        *(json.dumps([SOUND, SOUND | change]) for change in CHANGES),
    ],
    ids=lambda text: text[:20],
)
def test_a_damaged_file_holds_no_outcome_and_the_next_one_replaces_it(
    tmp_path: Path, text: str
) -> None:
    path = tmp_path / "outcomes/test.json"
    path.parent.mkdir()
    path.write_bytes(text.encode("utf-8", "surrogatepass"))

    assert read_outcomes(tmp_path, "test") == ()
    append_outcome(tmp_path, "test", FAILED)
    assert read_outcomes(tmp_path, "test") == (FAILED,)


def test_a_failure_lasts_until_it_is_forgotten(tmp_path: Path) -> None:
    forget_failure(tmp_path, "test")
    for message in ("an older one", FAILURE.message):
        note_failure(tmp_path, "test", replace(FAILURE, message=message))

    assert read_failure(tmp_path, "test") == FAILURE
    assert read_failure(tmp_path, "train") is None
    forget_failure(tmp_path, "test")
    assert read_failure(tmp_path, "test") is None


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", *(
        json.dumps(asdict(FAILURE) | change)
        for change in ({"message": 3}, {"log": None}, {"finished": "now"}, {"more": 1})
    )],
)  # fmt: skip
def test_a_damaged_failure_counts_as_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "failures/test.json"
    path.parent.mkdir()
    path.write_text(text)

    assert read_failure(tmp_path, "test") is None
