"""A model repository on GitLab: its jobs run in their order, and hand over what they keep."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from integration.gitlab import CAN_RUN, Pipelines, install_runner
from integration.machines import machine_of, make_commit
from integration.reader import READER, admit_reader
from integration.repositories import Repository
from integration.tiny import RealIndex, serve_index

pytestmark = [
    pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(1500),
    pytest.mark.skipif(not CAN_RUN, reason="npm or rsync is not installed"),
]  # fmt: skip

RELEASE = {"model-check", "model-build", "model-command", "model-publish", "model-verify"}


# The component as it is; what `init` writes beside it is that of this repository.
INCLUDE = """\
include:
  - local: templates/model.yml
    inputs:
      publish: true
      python-version: "{version}"
"""


def pipelines_of(folder: Path, index: RealIndex, address: str) -> Pipelines:
    """Let GitLab know a repository, its index, and who may add to it and read it."""
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    commit = make_commit(folder / "commit", INCLUDE.format(version=version))
    machine = machine_of(commit, folder / "gitlab", "UTC")
    repository = Repository(machine.workspace, machine.variables)
    assert repository.run("git", "branch", "--move", "main").code == 0
    origin = "git@gitlab.example.invalid:models/a-new-model.git"
    assert repository.run("git", "remote", "set-url", "origin", origin).code == 0
    for name, value in (("user.name", "Tester"), ("user.email", "tester@example.invalid")):
        assert repository.run("git", "config", name, value).code == 0
    variables = {
        "NEXUS_LOCAL_REPO_URL": {"*": address}, "NEXUS_USERNAME": {"release": index.username},
        "NEXUS_PASSWORD": {"release": index.password}, "NEXUS_READ_USERNAME": {"*": READER[0]},
        "NEXUS_READ_PASSWORD": {"*": READER[1]},
    }  # fmt: skip
    return Pipelines(repository, install_runner(folder / "npm"), variables)


def jobs(pipelines: Pipelines, source: str, **more: str) -> set[str]:
    """Return the component's jobs that a pipeline would run."""
    listed = pipelines.run(source, 1, "--list-csv", **more)
    assert listed.code == 0, listed.output
    return set(re.findall(r"^(model-[\w-]+);", listed.output, re.MULTILINE))


def assert_only_releases_release(gitlab: Pipelines) -> None:
    """A push and a merge request release nothing, whatever branch; a tag and the default one do."""
    elsewhere = {"CI_COMMIT_BRANCH": "topic"}
    assert jobs(gitlab, "push") == jobs(gitlab, "schedule", **elsewhere) == {"model-build"}
    assert jobs(gitlab, "merge_request_event") == {"model-build", "model-report"}
    assert jobs(gitlab, "web") == jobs(gitlab, "api") == jobs(gitlab, "schedule") == RELEASE
    assert jobs(gitlab, "push", CI_COMMIT_TAG="v1.2.0") == RELEASE
    assert jobs(gitlab, "push", CI_COMMIT_TAG="of-old") == {"model-build"}


def assert_shown_and_not_published(gitlab: Pipelines, index: RealIndex) -> None:
    """A merge request keeps its report, its metrics and its coverage, and publishes nothing."""
    asked = gitlab.run("merge_request_event", 6, "--needs", "model-report")

    assert asked.code == 0, asked.output
    assert index.published() == []
    kept = gitlab.state(6) / "artifacts"
    assert [path.name for path in (kept / "model-report").rglob("*.html")] == ["report.html"]
    assert re.search(r"Coverage of the lines: \d+\.\d%", asked.output)
    # gitlab-ci-local exports no report of metrics: it lies where the job wrote it.
    workspace = gitlab.state(6) / "builds" / "model-build"
    metrics = (workspace / "build" / "metrics.txt").read_text().splitlines()
    assert metrics[-1] == "# EOF"
    assert [line for line in metrics if line.startswith("accuracy ")]
    assert not list(kept.rglob("holdout.jsonl"))


def test_a_schedule_releases_and_a_merge_request_shows_its_report(tmp_path: Path) -> None:
    with (
        serve_index(tmp_path / "models", protect_reads=True) as index,
        admit_reader(index) as address,
    ):
        gitlab = pipelines_of(tmp_path, index, address)
        assert_only_releases_release(gitlab)
        assert_shown_and_not_published(gitlab, index)

        released = gitlab.run("schedule", 7)

        assert released.code == 0, released.output
        assert index.published() == ["0.1.7"]
        assert "golden predictions" in released.output
        again = gitlab.run("schedule", 8)
        assert again.code == 0, again.output
        assert again.output.count("nothing to release") >= 2, again.output
        assert index.published() == ["0.1.7"]
        assert_wrong_password_costs_no_training(gitlab)
        assert_two_includes_share_no_job(gitlab)


def assert_two_includes_share_no_job(gitlab: Pipelines) -> None:
    """Each model of a repository has jobs of its own; a folder without its slash is refused."""
    inputs = "publish: true, working-directory: models/a/, suffix: -a"
    include = f"include:\n  - local: templates/model.yml\n    inputs: {{{inputs}}}\n"
    gitlab.repository.edit(".gitlab-ci.yml", "include:\n", include)
    assert jobs(gitlab, "web") == RELEASE | {f"{name}-a" for name in RELEASE}
    gitlab.repository.edit(".gitlab-ci.yml", "models/a/", "models/a")
    listed = gitlab.run("web", 1, "--list")
    assert listed.code != 0
    assert "`working-directory` input: `models/a` does not match" in listed.output


def assert_wrong_password_costs_no_training(gitlab: Pipelines) -> None:
    """The first job fails, and nothing is built."""
    wrong = {**gitlab.variables, "NEXUS_PASSWORD": {"release": "wr0ng-Token-Of-This-Test"}}

    failed = replace(gitlab, variables=wrong).run("schedule", 9, "--needs", "model-publish")

    assert failed.code != 0
    assert "wr0ng-Token-Of-This-Test" not in failed.output
    assert not (gitlab.state(9) / "builds" / "model-build").exists()
