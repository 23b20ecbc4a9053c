"""A new model repository on GitLab: its jobs run in their order, and hand over what they keep."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from integration.gitlab import Pipelines, install_runner, name_python
from integration.reader import READER, admit_reader
from integration.repositories import make_repository
from integration.tiny import RealIndex, serve_index

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(1500)]

RELEASE = {"model-check", "model-build", "model-command", "model-publish", "model-verify"}


def pipelines_of(folder: Path, index: RealIndex, address: str) -> Pipelines:
    """Make a repository, and let GitLab know the index and who may add to it and read it."""
    repository = make_repository(folder, "a new model", "--ci", "gitlab")
    version = name_python(folder / "pythons")
    repository.edit(
        ".gitlab-ci.yml", "publish: true", f'publish: true\n      python-version: "{version}"'
    )
    path = f"{folder / 'pythons'}:{repository.variables['PATH']}"
    repository = replace(repository, variables={**repository.variables, "PATH": path})
    assert repository.run("git", "branch", "--move", "main").code == 0
    origin = ("git", "remote", "add", "origin", "git@gitlab.example.invalid:models/a-new-model.git")
    assert repository.run(*origin).code == 0
    variables = {
        "NEXUS_LOCAL_REPO_URL": {"*": address},
        "NEXUS_USERNAME": {"release": index.username},
        "NEXUS_PASSWORD": {"release": index.password},
        "NEXUS_READ_USERNAME": {"*": READER[0]},
        "NEXUS_READ_PASSWORD": {"*": READER[1]},
    }
    return Pipelines(repository, install_runner(folder / "npm"), variables)


def test_a_schedule_releases_and_a_merge_request_shows_its_report(tmp_path: Path) -> None:
    with (
        serve_index(tmp_path / "models", protect_reads=True) as index,
        admit_reader(index) as address,
    ):
        gitlab = pipelines_of(tmp_path, index, address)

        asked = gitlab.run("merge_request_event", 6)

        assert asked.code == 0, asked.output
        assert index.published() == []
        print(asked.output)

        released = gitlab.run("schedule", 7)
        print(released.output)

        assert released.code == 0, released.output
        assert index.published() == ["0.1.7"]
        again = gitlab.run("schedule", 8)
        print(again.output)
        assert index.published() == ["0.1.7"]
