"""What doctor makes of what it finds."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from trainwheel.cli.checks import (
    MachineCheck,
    check_clock,
    check_disk,
    check_make,
    check_python,
    render_json,
    rows,
)

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("version", "state"),
    [((3, 10, 1), "warning"), ((3, 11, 0), "ok"), ((3, 13, 9), "ok"), ((3, 14, 0), "warning")],
)
def test_the_pythons_that_are_tested_are_well(version: tuple[int, int, int], state: str) -> None:
    assert check_python(version).state == state


@pytest.mark.parametrize(("told", "is_there", "state", "found"), [
    ("GNU Make 4.3", True, "ok", "GNU Make 4.3"), ("bmake", True, "problem", "not GNU make"),
    ("", True, "problem", "not GNU make"), ("", False, "warning", "not installed"),
])  # fmt: skip
def test_make_is_gnu_make_or_nox_has_to_do(
    told: str, state: str, found: str, *, is_there: bool
) -> None:
    check = check_make(told, is_there=is_there)

    assert (check.state, check.found) == (state, found)


@pytest.mark.parametrize(
    ("free", "state"),
    [(0, "problem"), (999_999_999, "problem"), (2_000_000_000, "warning"), (10**10, "ok")],
)
def test_a_disk_has_room_or_not(free: int, state: str) -> None:
    assert check_disk("disk", free).state == state


@pytest.mark.parametrize(("minutes", "state", "found"), [
    (0, "ok", "agrees with index team"), (4, "ok", "agrees with index team"),
    (-30, "problem", "30 minutes ahead of index team"),
    (30, "problem", "30 minutes behind index team"),
])  # fmt: skip
def test_a_clock_is_compared_with_what_indexes_say(minutes: int, state: str, found: str) -> None:
    check = check_clock(NOW, [("index team", NOW + timedelta(minutes=minutes))], "")

    assert (check.state, check.found) == (state, found)


def test_a_clock_before_the_last_commit_is_odd() -> None:
    assert check_clock(NOW, [], "2026-11-24T12:00:00+00:00").state == "ok"
    assert check_clock(NOW, [], "2026-11-25T12:00:00+01:00").state == "warning"
    assert check_clock(NOW, [], "").found == "no index to compare it with"


def test_a_table_has_the_mend_beside_what_is_wrong() -> None:
    checks = [
        MachineCheck("python", "ok", "3.11.7"),
        MachineCheck("git", "problem", "none", "install git"),
    ]

    assert rows(checks) == ["python  ok       3.11.7", "git     problem  none; install git"]
    assert json.loads(render_json(checks))["checks"][1]["fix"] == "install git"
