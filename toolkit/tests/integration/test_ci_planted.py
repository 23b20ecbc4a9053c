"""What a build left in a workspace sees no password, where another publishes from there."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from integration.jobs import JenkinsJob, Job, lock_tools, place_command
from integration.tiny import ROOT, RealIndex, TinyProject
from trainwheel.system.digest import digest_file

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(600)]

STEAL = "import os; f = open({!r}, 'a'); f.write(repr(dict(os.environ))); f.close()\n"
MODULES = (
    *("trainwheel", "twine", "requests", "urllib3", "nox", "uv", "keyring", "certifi", "pip"),
    *("packaging", "venv", "ensurepip", "runpy", "json", "argparse"),
    *("sitecustomize", "usercustomize"),
)
SETTINGS = {
    "pyproject.toml": '[tool.trainwheel]\npackage = "x"\n[tool.trainwheel.index.nexus]\n'
    'url = "http://127.0.0.1:9/"\n',
    ".pypirc": "[nexus]\nrepository = http://127.0.0.1:9/\n",
    "pip.conf": "[global]\nindex-url = http://127.0.0.1:9/\n",
    "setup.cfg": "[install]\nprefix = /nonexistent\n",
    "uv.toml": 'index-url = "http://127.0.0.1:9/"\n',
}


@dataclass(frozen=True)
class Plants:
    """What lies in a workspace for whoever comes next, and what it wrote."""

    folder: Path
    stolen: Path

    def lay(self) -> None:
        """Lay modules and packages, a path file, an environment and a wheel of another run."""
        text = STEAL.format(str(self.stolen))
        for name in MODULES:
            (self.folder / f"{name}.py").write_text(text)
            (self.folder / name).mkdir(exist_ok=True)
            for module in ("__init__.py", "__main__.py"):
                (self.folder / name / module).write_text(text)
        (self.folder / "planted.pth").write_text(f"{text}\n")
        python = self.folder / "env" / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.write_text(f"#!/bin/sh\nenv >> '{self.stolen}'\nexec {sys.executable} \"$@\"\n")
        python.chmod(0o755)
        for name in ("handed-over", "command"):
            (self.folder / name).mkdir(exist_ok=True)
            (self.folder / name / "old_model-0.1.0-py3-none-any.whl").write_text("old")

    def read(self) -> str:
        """Return what was written."""
        return self.stolen.read_text() if self.stolen.exists() else ""


def hand_over(project: TinyProject, tmp_path: Path) -> dict[str, Path]:
    """Return what the jobs before ``publish`` hand over, by the name of its artifact."""
    lock_tools(project)
    folders = {name: tmp_path / name for name in ("handed-over-py3.11", "command-py3.11")}
    for name, folder in folders.items():
        options = ("--command",) if name.startswith("command") else ()
        argv = (sys.executable, "-P", "-m", "trainwheel", "hand-over", *options, str(folder))
        done = project.run(*argv)
        assert done.code == 0, done.output
    return folders


def credentials_of(index: RealIndex) -> dict[str, str]:
    """Return what the service puts in for every job that opens an index."""
    values = {"inputs.python-version": "3.11", "inputs.index": "nexus"}
    values["vars.NEXUS_LOCAL_REPO_URL"] = index.url
    for kind in ("", "READ_"):
        values[f"secrets.NEXUS_{kind}USERNAME"] = index.username
        values[f"secrets.NEXUS_{kind}PASSWORD"] = index.password
    return values


def values_of(folders: Mapping[str, Path], index: RealIndex) -> dict[str, str]:
    """Return what the service puts in for the templates of ``publish`` and ``verify``."""
    built, command = (digest_file(folder / "SHA256SUMS") for folder in folders.values())
    digests = {"needs.build.outputs.digest": built, "needs.command.outputs.digest": command}
    return {**credentials_of(index), **digests}


def test_github_publishes_and_verifies_beside_what_an_earlier_job_left(
    published: TinyProject, shut_nexus: RealIndex, tmp_path: Path, runner: dict[str, str]
) -> None:
    artifacts = hand_over(published, tmp_path)
    plants = Plants(tmp_path / "workspace", tmp_path / "stolen")
    plants.folder.mkdir()
    plants.lay()
    for name, text in SETTINGS.items():
        (plants.folder / name).write_text(text)
    values = values_of(artifacts, shut_nexus)

    done = [
        Job(name, plants.folder, runner, values, artifacts).run() for name in ("publish", "verify")
    ]

    assert [one.code for one in done] == [0, 0], "".join(one.output for one in done)
    assert "published tiny-model 0.1.0" in done[0].output
    assert "golden predictions" in done[1].line("verify ")
    assert shut_nexus.published() == ["0.1.0"]
    assert plants.read() == ""


def test_jenkins_publishes_away_from_what_the_build_left(
    published: TinyProject, shut_nexus: RealIndex, tmp_path: Path, groovy: str
) -> None:
    artifacts = hand_over(published, tmp_path)
    kept = tmp_path / "kept" / "command"
    shutil.copytree(artifacts["command-py3.11"], kept / "build" / "command")
    (kept / "build" / "command" / "python.txt").write_text(f"{sys.executable}\n")
    shutil.copy(published.root / "pyproject.toml", kept)
    place_command(published.root)
    shutil.copy(ROOT / "Jenkinsfile", published.root)
    plants = Plants(published.root, tmp_path / "stolen")
    plants.lay()
    credentials = {"nexus": (shut_nexus.username, shut_nexus.password)}
    agent = {**published.variables, "NEXUS_LOCAL_REPO_URL": shut_nexus.url}

    build = {"BUILD_NUMBER": "1"}
    job = JenkinsJob(groovy, published.root, agent, credentials, kept.parent, build)
    done = [run for _, run in job.run("upload.model")]

    assert [one.code for one in done] == [0, 0, 0, 0], "".join(one.output for one in done)
    assert "golden predictions" in done[-1].line("verify   ")
    assert "published tiny-model 0.1.0" in done[-1].output
    assert shut_nexus.password not in "".join(one.output for one in done)
    assert shut_nexus.published() == ["0.1.0"]
    assert plants.read() == ""
