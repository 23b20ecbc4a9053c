"""A commit with the CI files of this repository, and machines of services that check it out."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from integration.gitlab import AFTER
from integration.jobs import lock_tools
from integration.tiny import ROOT, commit_all, make_tiny

__all__ = ["Machine", "machine_of", "make_commit"]

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


@dataclass(frozen=True)
class Machine:
    """A machine of a service: a workspace with the commit, and its own surroundings."""

    workspace: Path
    variables: Mapping[str, str]

    @property
    def folder(self) -> Path:
        """What is this machine's alone."""
        return self.workspace.parent


def make_commit(folder: Path, include: str) -> Path:
    """Make a repository whose task runner is the library under test.

    Args:
        folder: Gets it.
        include: Its ``.gitlab-ci.yml``.
    """
    project = make_tiny(folder / "tiny", folder / "environments")
    lock_tools(project)
    project.write(".gitignore", f"{project.read('.gitignore')}.venv/\n.nox/\n")
    project.write("bootstrap.py", BOOTSTRAP)
    project.write("toolkit/pyproject.toml", "")
    for name in ("Makefile", "Jenkinsfile"):
        shutil.copy(ROOT / name, project.root)
    project.write(".gitlab-ci.yml", include)
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
