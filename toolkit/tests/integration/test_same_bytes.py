"""One commit, released by the scripts of each CI service, is the same bytes on the index."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from integration.gitlab import AFTER, CAN_RUN, Pipelines, install_runner
from integration.jobs import JenkinsJob, Job, lock_tools
from integration.repositories import Repository
from integration.test_ci_planted import credentials_of
from integration.tiny import ROOT, RealIndex, commit_all, make_tiny, serve_index
from trainwheel.system.digest import digest_file

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(900)]

VERSION = "1.2.0"
# Makes what the scripts start out of the library under test, in place of what is locked.
BOOTSTRAP = """\
import sys
from pathlib import Path

root = Path(__file__).resolve().parent
for name, words in {"python": "", "trainwheel": "-P -m trainwheel"}.items():
    path = root / ".venv" / "bin" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!/bin/sh\\nexec {sys.executable} %s "$@"\\n' % words)
    path.chmod(0o755)
(root / ".venv" / ".trainwheel-stamp").write_text(f"{root}\\n")
"""
# Includes the component as it is, for the Python that the workflow of GitHub has here too.
INCLUDE = f"""\
include:
  - local: templates/model.yml
    inputs: {{publish: true, check: false, python-version: "3.11", version: "{VERSION}"}}
"""


@dataclass(frozen=True)
class Machine:
    """A machine of a service: a workspace with the commit, and its own surroundings."""

    workspace: Path
    variables: Mapping[str, str]

    @property
    def folder(self) -> Path:
        """What is this machine's alone."""
        return self.workspace.parent


@pytest.fixture(scope="module")
def commit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with the CI files of this one, whose task runner is the library under test."""
    folder = tmp_path_factory.mktemp("commit")
    project = make_tiny(folder / "tiny", folder / "environments")
    lock_tools(project)
    project.write(".gitignore", f"{project.read('.gitignore')}.venv/\n.nox/\n")
    project.write("bootstrap.py", BOOTSTRAP)
    project.write("toolkit/pyproject.toml", "")
    for name in ("Makefile", "Jenkinsfile"):
        shutil.copy(ROOT / name, project.root)
    project.write(".gitlab-ci.yml", INCLUDE)
    component = (ROOT / "templates" / "model.yml").read_text(encoding="utf-8")
    assert AFTER in component
    project.write("templates/model.yml", component.replace(AFTER, ""))
    commit_all(project)
    return project.root


def machine_of(commit: Path, folder: Path, time_zone: str, **variables: str) -> Machine:
    """Return a machine that has checked the commit out and has nothing else."""
    workspace = folder / "work space" / "of it"
    subprocess.run(["git", "clone", "--quiet", commit, workspace], check=True)
    (workspace.parent / "home").mkdir()
    home = {"HOME": str(workspace.parent / "home"), "TZ": time_zone}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    # What is downloaded is looked up by digest, and is the one thing that machines share.
    kept = {"UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR") or str(Path.home() / ".cache" / "uv")}
    kept |= {name: os.environ[name] for name in os.environ if name.startswith(("PIP_", "SSL_"))}
    return Machine(workspace, {"PATH": path, "CI": "true", **home, **kept, **variables})


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
