"""GitLab's jobs on this machine: gitlab-ci-local runs them, each in a folder of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from integration.repositories import Repository
from integration.tiny import Run

__all__ = ["AFTER", "CAN_RUN", "Pipelines", "install_runner"]

# gitlab-ci-local copies files by rsync, and npm has a Node for it on Linux.
CAN_RUN = bool(sys.platform == "linux" and shutil.which("npm") and shutil.which("rsync"))
# gitlab-ci-local copies the checkout anew before an after_script: what the script made is gone.
AFTER = '  after_script:\n    - cd "$MODEL_FOLDER"\n'

PROJECT = Path(__file__).with_name("gitlab_ci_local")
BRANCH = {"CI_COMMIT_BRANCH": "main", "CI_COMMIT_REF_PROTECTED": "true"}
REQUEST = {"CI_COMMIT_REF_PROTECTED": "false", "CI_MERGE_REQUEST_IID": "1"}


def install_runner(folder: Path) -> tuple[str, str]:
    """Install gitlab-ci-local by its lock, with a Node that is new enough; return its command."""
    shutil.copytree(PROJECT, folder)
    subprocess.run(
        ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(folder)),
        check=True, capture_output=True, timeout=300,
    )  # fmt: skip
    (node,) = (folder / "node_modules").glob("node-*/bin/node")
    return str(node), str(folder / "node_modules" / "gitlab-ci-local" / "dist" / "index.js")


@dataclass(frozen=True)
class Pipelines:
    """The pipelines of a repository, one after the other.

    Args:
        repository: Whose.
        command: Of the runner.
        variables: Configured for the project: name → the scope of environments → value.
    """

    repository: Repository
    command: tuple[str, str]
    variables: Mapping[str, Mapping[str, str]]

    def run(self, source: str, number: int, *words: str, **more: str) -> Run:
        """Run the pipeline that has a source and a number, or list its jobs."""
        home = self.repository.root.parent / "gitlab"
        home.mkdir(exist_ok=True)
        configured = {name: {"values": values} for name, values in self.variables.items()}
        (home / "variables.json").write_text(json.dumps(configured))
        told = {"CI_PIPELINE_SOURCE": source, "CI_PIPELINE_IID": str(number)}
        told |= REQUEST if source == "merge_request_event" else BRANCH
        told |= {"CI_DEFAULT_BRANCH": "main", **more}
        argv = [*self.command, "--force-shell-executor", "--shell-isolation", "--color=false"]
        argv += ["--variables-file", os.path.relpath(home / "variables.json", self.repository.root)]
        argv += ["--state-dir", os.path.relpath(self.state(number), self.repository.root)]
        # GitLab takes a list of tags that is empty; its schema does not.
        argv += ["--ignore-schema-paths", "#/definitions/tags/minItems"]
        argv += [word for name, value in told.items() for word in ("--variable", f"{name}={value}")]
        if "CI_COMMIT_BRANCH" not in told or "CI_COMMIT_TAG" in told:
            argv += ["--unset-variable", "CI_COMMIT_BRANCH"]
        return self.repository.run(*argv, *words)

    def state(self, number: int) -> Path:
        """Return the folder of what a pipeline keeps."""
        return self.repository.root.parent / "gitlab" / str(number)
