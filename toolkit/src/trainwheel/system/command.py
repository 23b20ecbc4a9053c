"""What process to start, and how it ended: a planner returns a command, and `process` runs it."""

from __future__ import annotations

import errno
import os
import shlex
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from trainwheel.system.environ import Environment
from trainwheel.system.secrets import SecretClass

__all__ = ["GRACE", "Command", "Completed"]

GRACE = 3.0
"""Seconds that a process has to end by itself when it is asked to."""
_FULL = os.strerror(errno.ENOSPC)


@dataclass(frozen=True)
class Command:
    """A process to start.

    Args:
        argv: The program and its arguments; never holds a secret, for everyone can read it.
        cwd: The folder it starts in.
        env: Variables set on top of the environment that it may see.
        secrets: The classes of secrets that it may see.
        is_open: Whether it is a tool that sees what else the shell holds, such as git and uv; what
            runs the user's code must not depend on that.
        timeout: Seconds after which it is ended; None for no limit.
        grace: Seconds that it then has to end by itself, before it is forced.
        umask: Modes that its files do not get; -1 for this process's own.
        stdin: Text for its standard input, where a secret may stand.
        drops_errors: Whether standard error is thrown away, instead of joining the output.
        is_private: Whether its output is for this program alone, which shows it to nobody. Secrets
            stand in it as printed; everywhere else they become ``***``.
    """

    argv: tuple[str, ...]
    cwd: Path | None = None
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: frozenset[SecretClass] = frozenset()
    is_open: bool = False
    timeout: float | None = None
    grace: float = GRACE
    umask: int = -1
    stdin: str = field(default="", repr=False)
    drops_errors: bool = False
    is_private: bool = False

    def __str__(self) -> str:
        """Return the command as one would type it."""
        return shlex.join(self.argv)

    def variables(self, environment: Environment) -> dict[str, str]:
        """Return all variables that it gets."""
        return environment.for_child(self.env, self.secrets, is_open=self.is_open)


@dataclass(frozen=True)
class Completed:
    """How a process ended: its exit code (negative: the signal) and all that it printed.

    Where it failed and its output names a variable that it was not given, ``withheld`` is a clause
    about that; see `Environment.withheld`.
    """

    returncode: int
    output: str
    is_late: bool = False
    withheld: str = ""

    @property
    def failed(self) -> bool:
        """Whether it ended in anything but 0."""
        return self.returncode != 0

    @property
    def last_line(self) -> str:
        """The last line that it printed, where most tools say what was wrong.

        Of a tool that failed for want of room it is the line that says so, which others may follow.
        """
        lines = [line.strip() for line in self.output.splitlines() if line.strip()]
        full = [line for line in lines if self.failed and _FULL in line]
        return (full or lines or [""])[-1]

    @property
    def reason(self) -> str:
        """Why it failed: the signal that ended it, or else the last line that it printed."""
        if self.returncode >= 0 or self.is_late:
            return self.last_line or f"it ended with exit code {self.returncode}"
        names = {each.value: each.name for each in signal.Signals}
        name = names.get(-self.returncode, f"signal {-self.returncode}")
        likely = ", as it is where memory runs out" if name == "SIGKILL" else ""
        return f"its process was ended by {name}{likely}"
