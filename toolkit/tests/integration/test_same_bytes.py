"""One commit, released by the scripts of each CI service, is the same bytes on the index."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from integration.gitlab import CAN_RUN, Pipelines, install_runner
from integration.jobs import JenkinsJob, Job
from integration.machines import Machine, machine_of, make_commit
from integration.repositories import Repository
from integration.test_ci_planted import credentials_of
from integration.tiny import RealIndex, serve_index
from trainwheel.system.digest import digest_file

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(900)]

VERSION = "1.2.0"
# Includes the component as it is, for the Python that the workflow of GitHub has here too.
INCLUDE = f"""\
include:
  - local: templates/model.yml
    inputs: {{publish: true, check: false, python-version: "3.11", version: "{VERSION}"}}
"""


@pytest.fixture(scope="module")
def commit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with the CI files of this one, whose task runner is the library under test."""
    return make_commit(tmp_path_factory.mktemp("commit"), INCLUDE)


def release_by_github(commit: Path, folder: Path, index: RealIndex, _: str) -> None:
    machine = machine_of(commit, folder, "UTC", GITHUB_STEP_SUMMARY=os.devnull)
    machine = Machine(machine.workspace, {**machine.variables, "RUNNER_TEMP": str(machine.folder)})
    values = {**credentials_of(index), "inputs.version": VERSION}
    artifacts = {}
    collect = "Collect what is handed over"
    jobs = {
        "build": ("handed-over", "Document, train, test, version and package"),
        "command": ("command", "Install the task runner, and nothing of the model"),
    }
    for name, (made, make) in jobs.items():
        done = Job(name, machine.workspace, machine.variables, values).run(make, collect)
        assert done.code == 0, done.output
        folder_made = artifacts[f"{made}-py3.11"] = machine.workspace / made
        values[f"needs.{name}.outputs.digest"] = digest_file(folder_made / "SHA256SUMS")
    elsewhere = machine_of(commit, folder / "publishing", "UTC", GITHUB_STEP_SUMMARY=os.devnull)
    done = Job("publish", elsewhere.workspace, elsewhere.variables, values, artifacts).run()
    assert done.code == 0, done.output


def release_by_jenkins(commit: Path, folder: Path, index: RealIndex, groovy: str) -> None:
    variables = {"NEXUS_LOCAL_REPO_URL": index.url, "TRAINWHEEL_VERSION": VERSION}
    machine = machine_of(commit, folder, "Asia/Tokyo", **variables)
    build = {"BUILD_NUMBER": "17", "JENKINS_URL": "http://127.0.0.1/"}
    credentials = {"nexus": (index.username, index.password)}
    kept = machine.folder / "kept"
    job = JenkinsJob(groovy, machine.workspace, machine.variables, credentials, kept, build)
    # This project has no documentation.
    targets = ("version.model", "prove.model", "package.model", "upload.model")
    for stage in ("install", "command", "train", "test", *targets):
        for _, done in job.run(stage):
            assert done.code == 0, done.output


def release_by_gitlab(commit: Path, folder: Path, index: RealIndex, _: str) -> None:
    machine = machine_of(commit, folder, "America/New_York")
    repository = Repository(machine.workspace, machine.variables)
    assert repository.run("git", "branch", "--move", "main").code == 0
    origin = "git@gitlab.example.invalid:models/tiny.git"
    assert repository.run("git", "remote", "set-url", "origin", origin).code == 0
    variables = {name: {"release": value} for name, value in index.variables.items()}
    pipelines = Pipelines(repository, install_runner(machine.folder / "npm"), variables)
    done = pipelines.run("schedule", 17, "--needs", "model-publish")
    assert done.code == 0, done.output


SERVICES: dict[str, Callable[[Path, Path, RealIndex, str], None]] = {
    "github": release_by_github,
    **({"gitlab": release_by_gitlab} if CAN_RUN else {}),
    "jenkins": release_by_jenkins,
}


def test_one_commit_is_the_same_wheel_from_every_service(
    commit: Path, tmp_path: Path, groovy: str
) -> None:
    arrived = {}
    for name, release in SERVICES.items():
        with serve_index(tmp_path / f"index-{name}") as index:
            release(commit, tmp_path / name, index, groovy)
        (wheel,) = index.folder.glob("*.whl")
        arrived[name] = (wheel.name, digest_file(wheel))

    assert len(set(arrived.values())) == 1, arrived
    assert f"-{VERSION}-" in arrived["github"][0]
