"""An error is one line: its kind, what happened, and the fix."""

from __future__ import annotations

import errno

import pytest

from trainwheel import errors
from trainwheel.errors import (
    ConfigurationError,
    InputChangedError,
    LockfileError,
    MissingCredentialsError,
    NoEnvironmentError,
    RedirectedError,
    RefusedError,
    RunLockedError,
    SetupPyError,
    StepFailedError,
    TrainwheelError,
    UncertainError,
    VersionTakenError,
)

LEAVES = [getattr(errors, name) for name in errors.__all__]


@pytest.mark.parametrize(("leaf", "kind", "exit_code"), [
    (TrainwheelError, "failed", 1), (StepFailedError, "failed", 1),
    (InputChangedError, "failed", 1), (NoEnvironmentError, "failed", 1),
    (RunLockedError, "failed", 1), (RedirectedError, "failed", 1),
    (ConfigurationError, "configuration", 2), (MissingCredentialsError, "configuration", 2),
    (LockfileError, "configuration", 2), (SetupPyError, "configuration", 2),
    (RefusedError, "refused", 3), (VersionTakenError, "refused", 3),
    (UncertainError, "uncertain", 4),
])  # fmt: skip
def test_the_kind_decides_the_first_word_and_the_exit_code(
    leaf: type[TrainwheelError], kind: str, exit_code: int
) -> None:
    error = leaf("it broke", hint="fix it")

    assert str(error) == f"{kind}: it broke; fix it"
    assert error.exit_code == exit_code


def test_the_table_above_holds_every_error() -> None:
    assert len(LEAVES) == 13
    assert all(issubclass(leaf, TrainwheelError) and leaf.__doc__ for leaf in LEAVES)


@pytest.mark.parametrize(
    ("message", "hint", "shown"),
    [
        ("it broke", "", "failed: it broke"),
        ("it\nbroke\r\n  badly", "fix\tit", "failed: it broke badly; fix it"),
        ("", "", "failed:"),
    ],
    ids=["no hint", "many lines", "empty"],
)
def test_an_error_is_one_line_whatever_it_was_told(message: str, hint: str, shown: str) -> None:
    assert str(TrainwheelError(message, hint=hint)) == shown


def test_message_and_hint_stay_apart_for_whoever_adds_to_them() -> None:
    error = MissingCredentialsError("NEXUS_PASSWORD is missing", hint="set it")

    assert (error.message, error.hint) == ("NEXUS_PASSWORD is missing", "set it")


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "build/x"),
         "failed: build/x: No space left on device; free some space and run it again"),
        (OSError(errno.EACCES, "Permission denied", "a", None, "b"),
         "failed: a → b: Permission denied"),
        (OSError("odd"), "failed: the system: odd"),
        (OSError(errno.EROFS, "Read-only file system", "build"),
         ("failed: build: Read-only file system; run it in a copy that can be written; "
          "`trainwheel status` and `why` work here")),
    ],
)  # fmt: skip
def test_what_the_system_refused_is_one_line(error: OSError, shown: str) -> None:
    assert str(StepFailedError.of_system(error)) == shown
