"""git: the commit that a repository stands at, and the first one of a new repository."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from trainwheel.errors import StepFailedError
from trainwheel.system.command import Command, Completed
from trainwheel.system.environ import Environment
from trainwheel.system.ignored import Ignored
from trainwheel.system.process import run

__all__ = [
    "Commit",
    "commit_all",
    "find_changed",
    "read_commit",
    "read_person",
    "without_repository",
]

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


def read_commit(root: Path, environment: Environment, ignored: Ignored) -> Commit:
    """Return the commit that the repository at ``root`` stands at.

    Args:
        root: The repository's folder.
        environment: The variables of this run.
        ignored: The names that are no change of it.
    """
    line = _git(root, environment, "log", "-1", "--format=%H %ct", "--no-show-signature")
    sha, _, time = line.strip().partition(" ")
    if not time.isdecimal():
        return Commit(None, is_dirty=True, time=_NO_COMMIT)
    # Each entry is "XY NAME"; a renamed file is followed by its old name.
    status = _git(root, environment, "status", "--porcelain", "-z", "--", ".").split("\0")
    changes = (entry[3:].rstrip("/") for entry in status if entry.strip())
    return Commit(sha, not all(map(ignored.matches, changes)), int(time))


def find_changed(root: Path, environment: Environment, paths: Sequence[Path]) -> list[str] | None:
    """Return which of some files git could not bring back as they are; None outside a repository.

    Args:
        root: The repository's folder.
        environment: The variables of this run.
        paths: The files; one that does not exist is none of them.
    """
    if not _git(root, environment, "rev-parse", "--verify", "HEAD"):
        return None
    names = [str(path.relative_to(root)) for path in paths if path.exists()]
    words = ("status", "--porcelain", "-z", "--ignored", "--no-renames", "--", *names)
    status = _git(root, environment, *words) if names else ""
    return [entry[3:] for entry in status.split("\0") if entry]


def read_person(folder: Path, environment: Environment) -> str:
    """Return the configured author of commits, ``NAME <MAIL>``; what is not configured is missing.

    git itself would guess a mail from the name of this machine.
    """
    words = (("config", f"user.{part}") for part in ("name", "email"))
    name, mail = (_git(folder, environment, *each).strip() for each in words)
    return f"{name} <{mail}>".strip() if mail else name


def _git(root: Path, environment: Environment, *words: str) -> str:
    try:
        # git would write what it learns of the files into its index: nobody but git writes there.
        argv = ("git", "--no-optional-locks", *words)
        completed = run(Command(argv, cwd=root, is_open=True, is_private=True), environment)
    except StepFailedError:  # no git on this machine
        return ""
    return "" if completed.failed else completed.output


# `git rev-parse --local-env-vars`, without what only configures: a hook or an alias of git sets
# them, and everything would go into the repository that it was started in.
_STEERING = frozenset(
    {"GIT_DIR", "GIT_WORK_TREE", "GIT_IMPLICIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_PREFIX"}
    | {"GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES"}
    | {"GIT_SHALLOW_FILE", "GIT_GRAFT_FILE", "GIT_NAMESPACE"}
)


def without_repository(environment: Environment) -> Environment:
    """Return the environment without what ties git to a repository."""
    others = {name: value for name, value in environment.variables.items() if name not in _STEERING}
    return replace(environment, variables=others)


def commit_all(folder: Path, message: str, environment: Environment) -> str:
    """Make a repository of a folder and commit all that is in it.

    Args:
        folder: Holds nothing but what belongs into the repository.
        message: Of the commit.
        environment: The variables of this run, tied to no repository.

    Returns:
        Why nothing could be committed; empty where it was. All is added in any case.

    Raises:
        StepFailedError: git can make no repository there.
    """

    def git(*words: str) -> Completed:
        return run(Command(("git", *words), cwd=folder, is_open=True), environment)

    # What its maker ignores everywhere, such as wheels, belongs into this one.
    for words in (("init", "--quiet", "--initial-branch=main"), ("add", "--force", "--all")):
        step = git(*words)
        if step.failed:
            message = f"git {words[0]}: {step.last_line}"
            raise StepFailedError(message, hint="nothing was made; fix that and run this again")
    if git("var", "GIT_AUTHOR_IDENT").failed or git("var", "GIT_COMMITTER_IDENT").failed:
        return "git knows nobody to commit as"
    commit = git("commit", "--quiet", "--message", message)
    return f"git commit: {commit.last_line}" if commit.failed else ""
