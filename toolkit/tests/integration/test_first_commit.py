"""The first commit of a new repository, with the git of people who have settings of their own."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from integration.test_init import variables_of
from trainwheel.errors import StepFailedError
from trainwheel.system.environ import Environment
from trainwheel.system.git import commit_all, without_repository

pytestmark = pytest.mark.integration

FILES = ("Jenkinsfile", "wheels/library-1-py3-none-any.whl", "Pipfile.lock")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What was rendered."""
    folder = tmp_path / "new"
    for name in FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    return variables_of(tmp_path / "home")


def settings(variables: Mapping[str, str], text: str) -> None:
    """Add to the settings of whoever runs this."""
    with (Path(variables["HOME"]) / ".gitconfig").open("a") as stream:
        stream.write(text)


def git(folder: Path, variables: Mapping[str, str], *words: str) -> str:
    argv = ("git", "-C", str(folder), *words)
    return subprocess.run(argv, env=variables, capture_output=True, text=True, check=True).stdout


def test_all_that_was_made_is_committed_whatever_is_ignored_elsewhere(
    folder: Path, variables: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "ignored").write_text("wheels/\n*.whl\n*.lock\n/Jenkinsfile\n")
    settings(variables, f"[core]\nexcludesFile = {tmp_path / 'ignored'}\n")

    assert commit_all(folder, "Start", Environment(variables)) == ""

    assert git(folder, variables, "ls-files").split() == sorted(FILES)
    assert git(folder, variables, "log", "--format=%s on %D") == "Start on HEAD -> main\n"


def test_whom_git_does_not_know_is_told_so(folder: Path, variables: dict[str, str]) -> None:
    (Path(variables["HOME"]) / ".gitconfig").write_text("[user]\nuseConfigOnly = true\n")

    told = commit_all(folder, "Start", Environment(variables))

    assert told == "git knows nobody to commit as"
    assert "Jenkinsfile" in git(folder, variables, "ls-files")


def test_what_git_does_not_do_is_told_by_its_cause(
    folder: Path, variables: dict[str, str], tmp_path: Path
) -> None:
    hook = tmp_path / "hooks" / "pre-commit"
    hook.parent.mkdir()
    hook.write_text("#!/bin/sh\necho no ticket in the message >&2\nexit 1\n")
    hook.chmod(0o755)
    settings(variables, f"[core]\nhooksPath = {hook.parent}\n")

    told = commit_all(folder, "Start", Environment(variables))
    assert told == "git commit: no ticket in the message"

    settings(variables, "[init\n")
    with pytest.raises(StepFailedError, match="git init: fatal: bad config line"):
        commit_all(folder, "Start", Environment(variables))


def test_another_repository_that_the_caller_works_on_is_left_alone(
    folder: Path, variables: dict[str, str], tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    git(other, variables, "init", "--quiet")
    steered = {"GIT_DIR": str(other / ".git"), "GIT_INDEX_FILE": str(other / "index")}
    environment = Environment({**variables, **steered, "GIT_WORK_TREE": str(other)})

    assert commit_all(folder, "Start", without_repository(environment)) == ""

    assert git(folder, variables, "ls-files").split() == sorted(FILES)
    assert git(other, variables, "status", "--porcelain") == ""
