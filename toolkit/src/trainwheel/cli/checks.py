"""Checks of what a machine and a repository need: plain facts in, rows with a fix out."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from trainwheel.system.text import columns, describe_size

__all__ = [
    "MachineCheck",
    "check_clock",
    "check_disk",
    "check_make",
    "check_python",
    "render_json",
    "rows",
]

OK, WARNING, PROBLEM = "ok", "warning", "problem"
_SCHEMA = 1
_TESTED = ((3, 11), (3, 13))
_NEEDED, _COMFORTABLE = 1_000_000_000, 5_000_000_000
_DRIFT = 300.0
_GNU_MAKE = re.compile(r"GNU Make (\S+)")


@dataclass(frozen=True)
class MachineCheck:
    """One thing that was looked at.

    Args:
        name: What.
        state: ``ok``, ``warning`` or ``problem``.
        found: What was found, in a few words.
        mend: What to do; empty where all is well.
    """

    name: str
    state: str
    found: str
    mend: str = ""


def check_python(version: tuple[int, int, int]) -> MachineCheck:
    """Check the Python that runs this."""
    name = ".".join(map(str, version))
    if _TESTED[0] <= version[:2] <= _TESTED[1]:
        return MachineCheck("python", OK, name)
    return MachineCheck("python", WARNING, name, "3.11 to 3.13 are tested")


def check_make(output: str, *, is_there: bool) -> MachineCheck:
    """Check make by what ``make --version`` prints; BSD's make prints its usage, and fails."""
    fix = "install GNU make, which is gmake on BSD, or run nox instead"
    if match := _GNU_MAKE.search(output):
        return MachineCheck("make", OK, f"GNU Make {match[1]}")
    if is_there:
        return MachineCheck("make", PROBLEM, "not GNU make", fix)
    return MachineCheck("make", WARNING, "not installed", fix)


def check_disk(name: str, free: int) -> MachineCheck:
    """Check how many bytes are free where something is written."""
    amount = f"{describe_size(free)} free"
    if free < _NEEDED:
        return MachineCheck(name, PROBLEM, amount, "make room, for example with make clean")
    if free < _COMFORTABLE:
        return MachineCheck(
            name, WARNING, amount, "a release of a large model needs six times its size"
        )
    return MachineCheck(name, OK, amount)


def check_clock(now: datetime, times: Sequence[tuple[str, datetime]], commit: str) -> MachineCheck:
    """Check this machine's clock.

    Args:
        now: Its time.
        times: Those of indexes, with their names.
        commit: The time of the last commit, ISO 8601; empty outside git.
    """
    fix = "set the clock: certificates and tokens are valid by it"
    for name, theirs in times:
        seconds = (now - theirs).total_seconds()
        if abs(seconds) > _DRIFT:
            way = "ahead of" if seconds > 0 else "behind"
            difference = f"{abs(seconds) / 60:.0f} minutes {way} {name}"
            return MachineCheck("clock", PROBLEM, difference, fix)
    if commit and (datetime.fromisoformat(commit) - now).total_seconds() > _DRIFT:
        return MachineCheck("clock", WARNING, "before the last commit", fix)
    text = f"agrees with {times[0][0]}" if times else "no index to compare it with"
    return MachineCheck("clock", OK, text)


def rows(checks: Sequence[MachineCheck]) -> list[str]:
    """Return the lines of a table: name, state, finding and fix."""
    return list(
        columns([(c.name, c.state, "; ".join(filter(None, (c.found, c.mend)))) for c in checks])
    )


def render_json(checks: Sequence[MachineCheck]) -> str:
    """Return the checks as a JSON document."""
    return json.dumps({"schema": _SCHEMA, "checks": [asdict(check) for check in checks]}, indent=1)
