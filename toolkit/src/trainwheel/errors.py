"""What can go wrong, by who has to fix it.

An error is shown as one line: its kind, what happened, and how to fix it. The kinds are the first
words of that line and the exit codes of the ``trainwheel`` command.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable
from typing import ClassVar, Self

__all__ = [
    "ConfigurationError",
    "InputChangedError",
    "LockfileError",
    "MissingCredentialsError",
    "NoEnvironmentError",
    "RedirectedError",
    "RefusedError",
    "RunLockedError",
    "SetupPyError",
    "StepFailedError",
    "TrainwheelError",
    "UncertainError",
    "VersionTakenError",
]

_HINTS = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), "free some space and run it again"),
    errno.EROFS: "run it in a copy that can be written; `trainwheel status` and `why` work here",
}


class TrainwheelError(Exception):
    """Base of every error that is for the user to fix.

    Args:
        message: What happened, naming the file, key or variable. One sentence, no full stop.
        hint: What to do about it.
        details: Lines to show before the one that tells of it, such as a small table.
    """

    kind: ClassVar[str] = "failed"
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "", details: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = tuple(details)

    def __str__(self) -> str:
        """Return the one line that a person sees."""
        text = f"{self.kind}: {self.message}"
        return " ".join((f"{text}; {self.hint}" if self.hint else text).split())


class StepFailedError(TrainwheelError):
    """A step ran and did not succeed, or a check found a difference."""

    @classmethod
    def of_system(cls, error: OSError) -> Self:
        """Return what the operating system refused: a full disk, a missing permission."""
        names = (str(name) for name in (error.filename, error.filename2) if name)
        message = f"{' → '.join(names) or 'the system'}: {error.strerror or error}"
        return cls(message, hint=_HINTS.get(error.errno or 0, ""))


class RedirectedError(StepFailedError):
    """An index redirects reads to another address, which must not get its credentials.

    Args:
        message: What happened.
        hint: What to do about it.
        location: That address; it may hold a token, so it is not printed as a whole.
    """

    def __init__(self, message: str, *, hint: str = "", location: str = "") -> None:
        super().__init__(message, hint=hint)
        self.location = location


class NoEnvironmentError(StepFailedError):
    """The environment that a step runs in cannot be made, so the step did not begin."""


class RunLockedError(StepFailedError):
    """Another run is at work in the repository."""


class InputChangedError(StepFailedError):
    """A file that a step depends on changed while, or after, the step ran."""


class ConfigurationError(TrainwheelError):
    """The configuration, an argument, a variable or an input file cannot be used."""

    kind = "configuration"
    exit_code = 2


class MissingCredentialsError(ConfigurationError):
    """An index is named, but the variables that open it are not there."""


class LockfileError(ConfigurationError):
    """Pipfile or Pipfile.lock is missing, unreadable, or the two disagree."""


class SetupPyError(ConfigurationError):
    """A setup.py says what we need in a way that cannot be read without running it."""


class RefusedError(TrainwheelError):
    """A gate said no."""

    kind = "refused"
    exit_code = 3


class VersionTakenError(RefusedError):
    """The index holds other content under the same file name."""


class UncertainError(TrainwheelError):
    """An index was sent a wheel and does not list it yet: it may be there already.

    Args:
        message: What happened.
        hint: What settles it.
        answers: What the index answered: the time in seconds since 1970, what it was asked for,
            and the status, None where there was none.
    """

    kind = "uncertain"
    exit_code = 4

    def __init__(
        self, message: str, *, hint: str = "", answers: Iterable[tuple[float, str, int | None]] = ()
    ) -> None:
        super().__init__(message, hint=hint)
        self.answers = tuple(answers)
