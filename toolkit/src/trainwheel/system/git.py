"""The commit that a repository stands at."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from trainwheel.errors import StepFailedError
from trainwheel.system.environ import Environment
from trainwheel.system.process import Command, run

__all__ = ["Commit", "read_commit"]

_NO_COMMIT = 1_577_836_800
"""2020-01-01, the date of what is built outside git."""


@dataclass(frozen=True)
class Commit:
    """A state of the repository.

    Args:
        sha: The commit; None outside git, or before the first commit.
        is_dirty: Whether files differ from it.
        time: When it was made, in seconds since 1970.
    """

    sha: str | None
    is_dirty: bool
    time: int

    @property
    def moment(self) -> str | None:
        """Its time, ISO 8601 in UTC; None where there is no commit."""
        if self.sha is None:
            return None
        return f"{dt.datetime.fromtimestamp(self.time, dt.UTC):%Y-%m-%dT%H:%M:%SZ}"

    @property
    def mark(self) -> str:
        """What identifies it, for a fingerprint."""
        return f"{self.sha}{' with changes' if self.is_dirty else ''}"


def read_commit(root: Path, environment: Environment) -> Commit:
    """Return the commit that the repository at ``root`` stands at."""
    told = _git(root, environment, "log", "-1", "--format=%H %ct", "--no-show-signature")
    sha, _, time = told.strip().partition(" ")
    if not time.isdecimal():
        return Commit(None, is_dirty=True, time=_NO_COMMIT)
    changes = _git(root, environment, "status", "--porcelain", "--", ".")
    return Commit(sha, bool(changes.strip()), int(time))


def _git(root: Path, environment: Environment, *words: str) -> str:
    try:
        completed = run(Command(("git", *words), cwd=root), environment)
    except StepFailedError:  # no git on this machine
        return ""
    return "" if completed.failed else completed.output
