"""What a machine and a repository need, judged: plain facts in, rows with a mend out."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from trainwheel.system.text import describe_size

__all__ = [
    "Check",
    "judge_clock",
    "judge_disk",
    "judge_make",
    "judge_python",
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
class Check:
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


def judge_python(version: tuple[int, int, int]) -> Check:
    """Judge the Python that runs this."""
    found = ".".join(map(str, version))
    if _TESTED[0] <= version[:2] <= _TESTED[1]:
        return Check("python", OK, found)
    return Check("python", WARNING, found, "3.11 to 3.13 are tested")


def judge_make(told: str, *, is_there: bool) -> Check:
    """Judge make by what ``make --version`` prints; that of BSD prints how to use it, and fails."""
    mend = "install GNU make, which is gmake on BSD, or run nox instead"
    if match := _GNU_MAKE.search(told):
        return Check("make", OK, f"GNU Make {match[1]}")
    if is_there:
        return Check("make", PROBLEM, "not GNU make", mend)
    return Check("make", WARNING, "there is none", mend)


def judge_disk(name: str, free: int) -> Check:
    """Judge how many bytes are free where something is written."""
    found = f"{describe_size(free)} free"
    if free < _NEEDED:
        return Check(name, PROBLEM, found, "make room, for example with make clean")
    if free < _COMFORTABLE:
        return Check(name, WARNING, found, "a release of a large model needs six times its size")
    return Check(name, OK, found)


def judge_clock(now: datetime, told: Sequence[tuple[str, datetime]], commit: str) -> Check:
    """Judge this machine's clock.

    Args:
        now: Its time.
        told: What indexes say, with their names.
        commit: The time of the last commit, ISO 8601; empty outside git.
    """
    mend = "set the clock: certificates and tokens are valid by it"
    for name, theirs in told:
        seconds = (now - theirs).total_seconds()
        if abs(seconds) > _DRIFT:
            way = "ahead of" if seconds > 0 else "behind"
            found = f"{abs(seconds) / 60:.0f} minutes {way} {name}"
            return Check("clock", PROBLEM, found, mend)
    if commit and (datetime.fromisoformat(commit) - now).total_seconds() > _DRIFT:
        return Check("clock", WARNING, "before the last commit", mend)
    found = f"agrees with {told[0][0]}" if told else "no index to compare it with"
    return Check("clock", OK, found)


def rows(checks: Sequence[Check]) -> list[str]:
    """Return the lines of a table: what, how it stands, what was found, and the mend."""
    widths = [max(len(getattr(c, column)) for c in checks) for column in ("name", "state")]
    lines = []
    for check in checks:
        mend = f"; {check.mend}" if check.mend else ""
        lines.append(f"{check.name:<{widths[0]}}  {check.state:<{widths[1]}}  {check.found}{mend}")
    return lines


def render_json(checks: Sequence[Check]) -> str:
    """Return the checks as a JSON document."""
    return json.dumps({"schema": _SCHEMA, "checks": [asdict(check) for check in checks]}, indent=1)
