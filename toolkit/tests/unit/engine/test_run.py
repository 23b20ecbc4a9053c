"""What the steps of one run share, and what another configuration changes of it."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from trainwheel.engine.run import Run
from trainwheel.system.secrets import Secret
from unit.recording_tools import RecordingTools
from unit.repository import PYPROJECT, open_here, write

TEAM = """
[tool.trainwheel.index.team]
url = "https://team.example.com/"
password-env = "TEAM_PASSWORD"
username-env = "TEAM_USER"
read-password-env = "TEAM_READ_PASSWORD"
read-username-env = "TEAM_READER"
"""


@pytest.fixture
def run(root: Path) -> Run:
    """A run in it."""
    return open_here(root, tools=RecordingTools())


@pytest.mark.parametrize("answer", ["yes", None, ""])
def test_a_question_is_asked_once_whatever_the_answer(run: Run, answer: object) -> None:
    answers = iter([answer, "another", "a third"])

    def ask() -> object:
        return next(answers)

    assert run.once(("index", None), ask) == replace(run).once(("index", None), ask) == answer
    assert run.once(("index", "team"), ask) == "another"


def test_a_question_without_an_answer_is_asked_again_and_runs_share_no_answers(root: Path) -> None:
    first, second = open_here(root), open_here(root)
    with pytest.raises(ZeroDivisionError):
        first.once("question", lambda: 1 // 0)

    assert first.once("question", lambda: 1) == 1
    assert second.once("question", lambda: 2) == 2
    first.made.add("train")
    assert second.made == set()


def test_another_configuration_reaches_the_workspace_and_the_tools(root: Path) -> None:
    run = open_here(root)
    other = run.under(replace(run.workspace.config, engine="dask"))

    assert run.workspace.config.engine == "local"
    assert other.workspace.config.engine == "dask"
    assert getattr(other.tools, "workspace", None) is other.workspace
    assert other.workspace.layout == run.workspace.layout
    assert other.made is run.made


@pytest.mark.parametrize(("variables", "passwords"), [
    ({}, set()), ({"NEXUS_PASSWORD": "pass"}, {"pass"}), ({"NEXUS_PASSWORD": "pas"}, set()),
    ({"NEXUS_READ_PASSWORD": "reads"}, {"reads"}),
    ({"TEAM_PASSWORD": "sends", "TEAM_READ_PASSWORD": "reads"}, {"sends", "reads"}),
    ({"STORE_KEY": "store", "OTHER_KEY": "other"}, {"store"}),
    ({"TEAM_USER": "me", "TEAM_READER": "me"}, set()),
    ({"TEAM_PASSWORD": " with spaces "}, {" with spaces "}),
])  # fmt: skip
def test_every_password_that_this_run_has_is_known_to_it(
    root: Path, variables: dict[str, str], passwords: set[str]
) -> None:
    write(root, "pyproject.toml", f'{PYPROJECT}secrets.data = ["STORE_KEY"]\n{TEAM}')

    assert set(open_here(root, variables).passwords()) == {*map(Secret, passwords)}


def test_a_password_that_a_command_printed_is_one_too(root: Path) -> None:
    command = f"token-command = '''{sys.executable} -c \"print('t0ken')\"'''"
    text = TEAM.replace('password-env = "TEAM_PASSWORD"', command, 1)
    write(root, "pyproject.toml", PYPROJECT + text)
    run = open_here(root)
    assert run.passwords() == ()

    run.tokens(run.workspace.config.indexes["team"])

    assert run.passwords() == (Secret("t0ken"),)


def test_a_run_shows_no_answer_and_no_password(root: Path) -> None:
    run = open_here(root, {"NEXUS_PASSWORD": "s3cret"})
    run.once("question", lambda: "s3cret")

    assert "s3cret" not in repr(run)
