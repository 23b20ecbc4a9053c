"""The first commit of a new repository: all that was made, whatever its maker's git is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from trainwheel.errors import StepFailedError
from trainwheel.system.environ import Environment
from trainwheel.system.process import Command, Completed, run

__all__ = ["commit_all", "without_repository"]

# `git rev-parse --local-env-vars`, without what only configures: a hook or an alias of git sets
# them, and everything would go into the repository that it was started in.
_STEERING = frozenset(
    {"GIT_DIR", "GIT_WORK_TREE", "GIT_IMPLICIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_PREFIX"}
    | {"GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES"}
    | {"GIT_SHALLOW_FILE", "GIT_GRAFT_FILE", "GIT_NAMESPACE"}
)


def without_repository(environment: Environment) -> Environment:
    """Return the environment without what ties git to a repository."""
    kept = {name: value for name, value in environment.variables.items() if name not in _STEERING}
    return replace(environment, variables=kept)


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
        return run(Command(("git", *words), cwd=folder), environment)

    # What its maker ignores everywhere, such as wheels, belongs into this one.
    for words in (("init", "--quiet", "--initial-branch=main"), ("add", "--force", "--all")):
        done = git(*words)
        if done.failed:
            told = f"git {words[0]}: {done.last_line}"
            raise StepFailedError(told, hint="nothing was made; mend that and run this again")
    if git("var", "GIT_AUTHOR_IDENT").failed or git("var", "GIT_COMMITTER_IDENT").failed:
        return "git knows nobody to commit as"
    done = git("commit", "--quiet", "--message", message)
    return f"git commit: {done.last_line}" if done.failed else ""
