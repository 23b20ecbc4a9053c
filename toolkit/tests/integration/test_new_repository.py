"""A new model repository at work: by hand, in Jenkins' stages and in GitHub's workflows."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from integration.test_init import run, variables_of
from integration.tiny import ROOT, RealIndex, Run, serve_index, versions
from trainwheel.digests import digest_file
from trainwheel.environ import Environment
from trainwheel.environments import Installer
from trainwheel.lockfile import parse_lockfile, render_requirements, requirements
from trainwheel.own_wheel import write_own_wheel

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1500)]

STAND_INS = Path(__file__).with_name("stand_ins")
ACT = Path(sys.executable).with_name("act")
INSTEAD = {
    "actions/setup-python": "nothing",
    "actions/attest-build-provenance": "nothing",
    "actions/cache": "cache",
    "actions/upload-artifact": "upload-artifact",
    "actions/download-artifact": "download-artifact",
}


@dataclass(frozen=True)
class Repository:
    """A repository that ``trainwheel init`` made.

    Args:
        root: Its folder.
        variables: What its commands see.
    """

    root: Path
    variables: Mapping[str, str]

    def run(self, *argv: str, **more: str) -> Run:
        """Run a command in it."""
        return run(self.root, *argv, variables={**self.variables, **more})

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace text in a file, and commit."""
        path = self.root / name
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")
        assert self.run("git", "commit", "--quiet", "--all", "--message", "Edit").code == 0

    def act(self, event: str, workflow: str, secrets: Mapping[str, str], kept: Path) -> Run:
        """Run a workflow on this machine, as the service would for an event."""
        text = (ROOT / ".github" / "workflows" / "model.yml").read_text(encoding="utf-8")
        pins = dict(re.findall(r"uses: (actions/[\w-]+)(?:/\w+)?@(\w+)", text))
        path = kept.with_name(f"{kept.name}.json")
        told = {"push": {"ref": "refs/tags/v0.2.0"}, "pull_request": {"number": 1}}
        path.write_text(json.dumps(told.get(event, {})))
        argv = [str(ACT), event, "--workflows", f".github/workflows/{workflow}", "--job", "model"]
        argv += ["--eventpath", str(path), "--matrix", "python-version:3.13"]
        argv += ["--platform", "ubuntu-24.04=-self-hosted", "--pull=false", "--action-offline-mode"]
        argv += ["--no-cache-server", "--env", f"STAND_INS={kept}"]
        for name, folder in INSTEAD.items():
            argv += ["--local-repository", f"{name}@{pins[name]}={STAND_INS / folder}"]
        for name, value in secrets.items():
            argv += ["--secret", f"{name}={value}"]
        return self.run(*argv)


@contextmanager
def installed(folder: Path, variables: Mapping[str, str]) -> Iterator[str]:
    """Yield the Python of an environment that holds the library's wheel, and not this checkout."""
    lock = parse_lockfile((ROOT / "Pipfile.lock").read_text(encoding="utf-8"))
    wheel = write_own_wheel(folder / "wheels")
    needed = render_requirements(requirements(lock, "toolkit"))
    alone = f"trainwheel @ {wheel.as_uri()} --hash=sha256:{digest_file(wheel)}"
    python = Installer(Environment(dict(variables))).ensure(folder / "env", needed, alone=alone)
    yield str(python)


def make_repository(folder: Path, name: str, *words: str) -> Repository:
    """Make a repository with the library's wheel."""
    variables = variables_of(folder / "home")
    # An environment of its own, as on a machine that never saw this checkout.
    variables.pop("PYTHONPATH", None)
    is_there = (folder / name).is_dir()
    where, directory = (folder / name, ".") if is_there else (folder, name)
    with installed(folder, variables) as python:
        argv = (python, "-m", "trainwheel", "init", directory, *words)
        made = run(where, *argv, variables=variables)
    assert made.code == 0, made.output
    assert sorted(p.name for p in folder.iterdir()) == sorted(["env", "home", name, "wheels"])
    kept = {key: value for key, value in variables.items() if not key.startswith("PYTHON")}
    return Repository(folder / name, kept)


def release_by_hand(repository: Repository) -> None:
    """Type what the README tells, where nothing is configured."""
    published = repository.run("make", "upload.model")
    assert published.code == 0, published.output
    assert "golden predictions" in published.line("verify ")
    checked = repository.run("make", "check")
    assert checked.code == 0, checked.output
    assert "clean" in checked.line("lint ")
    assert versions(repository.root / ".trainwheel" / "index") == ["0.1.0"]
    status = repository.run("git", "status", "--porcelain")
    assert status.output == ""


def release_by_jenkins(repository: Repository, index: RealIndex) -> None:
    """Run the ``sh`` steps of the Jenkinsfile in their order, each with what it is given there."""
    text = (repository.root / "Jenkinsfile").read_text(encoding="utf-8")
    steps = re.findall(r"^\s*sh '([^']+)'", text, re.MULTILINE)
    assert steps[-1] == "make upload.model"
    job = {"BUILD_NUMBER": "3", "JENKINS_URL": "http://127.0.0.1/", "TRAINWHEEL_INDEX": "models"}
    secrets = {"MODELS_URL": index.url, "MODELS_USERNAME": index.username}
    secrets["MODELS_PASSWORD"] = index.password
    for step in steps:
        bound = secrets if step == steps[-1] else {}
        done = repository.run("sh", "-c", step, **job, **bound)
        assert done.code == 0, done.output
        assert index.password not in done.output
    assert index.published() == ["0.1.3"]
    logs = (repository.root / "build" / "log").iterdir()
    assert not [log for log in logs if index.password in log.read_text(encoding="utf-8")]


def release_by_github(repository: Repository, index: RealIndex, folder: Path) -> None:
    """Push a tag, and then send a pull request that would like to publish."""
    secrets = {"MODELS_URL": index.url}
    for kind in ("", "READ_"):
        secrets |= {f"MODELS_{kind}USERNAME": index.username}
        secrets |= {f"MODELS_{kind}PASSWORD": index.password}
    released = repository.act("push", "release.yml", secrets, folder / "kept")
    assert released.code == 0, released.output
    assert index.published() == ["0.1.3", "0.2.0"]
    assert index.password not in released.output
    handed = folder / "kept" / "handed-over-py3.13" / "dist"
    (wheel,) = handed.glob("*.whl")
    assert wheel.read_bytes() == (index.folder / wheel.name).read_bytes()
    assert "The gate says: **passed**" in released.output
    assert (folder / "kept" / "report-py3.13" / "report.html").is_file()

    listed = "".join(f"      {name}: ${{{{ secrets.{name} }}}}\n" for name in secrets)
    ci = repository.root / ".github" / "workflows" / "ci.yml"
    head, _, _ = ci.read_text(encoding="utf-8").partition("    secrets:\n")
    ci.write_text(f"{head}    secrets:\n{listed}", encoding="utf-8")
    evil = "with:\n      publish: true\n      version: 9.9.9\n"
    repository.edit(
        ".github/workflows/ci.yml", "with:\n      python-version", f"{evil}      python-version"
    )
    asked = repository.act("pull_request", "ci.yml", secrets, folder / "asked")
    assert asked.code == 0, asked.output
    assert "9.9.9" in asked.output
    assert index.published() == ["0.1.3", "0.2.0"]
    assert index.password not in asked.output


@pytest.mark.slow
def test_a_new_classifier_is_released_by_hand_by_jenkins_and_by_github(tmp_path: Path) -> None:
    words = ("--index-url-env", "MODELS_URL", "--ci", "github,jenkins")
    repository = make_repository(tmp_path, "a new model", *words)
    with serve_index(tmp_path / "models", protect_reads=True) as index:
        release_by_jenkins(repository, index)
        release_by_hand(repository)
        release_by_github(repository, index, tmp_path)


@pytest.mark.slow
def test_a_new_regression_is_released_by_hand(tmp_path: Path) -> None:
    (tmp_path / "risk").mkdir()  # empty, as a service clones what was just made
    words = ("--task", "regression", "--ci", "none", "--name", "risk-model")
    release_by_hand(make_repository(tmp_path, "risk", *words))


@pytest.mark.bench
@pytest.mark.parametrize("services", ["github", "jenkins", "github,jenkins", "none"])
@pytest.mark.parametrize("task", ["classification", "regression"])
def test_every_choice_is_released_by_hand(tmp_path: Path, task: str, services: str) -> None:
    words = ("--task", task, "--ci", services)
    release_by_hand(make_repository(tmp_path, "new", *words))
