"""Repositories that ``trainwheel init`` made, and workflows that run in them on this machine."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from integration.environments import install_into, locked_for_extra
from integration.test_init import run, variables_of
from integration.tiny import ROOT, Run
from trainwheel.install.environments import Installer
from trainwheel.system.digest import digest_file
from trainwheel.system.environ import Environment
from trainwheel.wheel.own import write_own_wheel

__all__ = ["Repository", "Service", "make_repository"]

STAND_INS = Path(__file__).with_name("stand_ins")
WORKFLOWS = ROOT / ".github" / "workflows"
ACT = Path(sys.executable).with_name("act")
INSTEAD = {
    "actions/setup-python": "nothing",
    "actions/attest-build-provenance": "attest",
    "actions/cache": "cache",
    "actions/upload-artifact": "upload-artifact",
    "actions/download-artifact": "download-artifact",
}
TAG = "v0.2.0"
TOLD: Mapping[str, object] = {
    "push": {"ref": f"refs/tags/{TAG}"},
    "release": {"release": {"tag_name": TAG}},
    "pull_request": {"number": 1},
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
        self.commit()

    def commit(self) -> None:
        """Commit all that is there."""
        assert self.run("git", "add", "--all").code == 0
        assert self.run("git", "commit", "--quiet", "--message", "Edit").code == 0


@dataclass(frozen=True)
class Service:
    """A service that runs the workflows of a repository, one after the other.

    Args:
        repository: Whose.
        folder: Keeps what a run hands over, each in a folder of its own.
        secrets: Of the repository and of its environment.
        variables: Configured for the repository.
        environment: What every step sees.
    """

    repository: Repository
    folder: Path
    secrets: Mapping[str, str]
    variables: Mapping[str, str]
    environment: Mapping[str, str]

    def run(self, event: str, workflow: str, number: int, *words: str) -> Run:
        """Run a workflow for an event; secrets in its log are not masked."""
        kept = self.kept(number)
        kept.mkdir(parents=True)
        path = self.folder / f"{number}.json"
        path.write_text(json.dumps(TOLD.get(event, {})))
        texts = "".join(file.read_text("utf-8") for file in sorted(WORKFLOWS.iterdir()))
        pins = dict(re.findall(r"uses: (actions/[\w-]+)(?:/\w+)?@(\w+)", texts))
        argv = [str(ACT), event, "--workflows", f".github/workflows/{workflow}"]
        argv += ["--eventpath", str(path), "--insecure-secrets", "--no-cache-server"]
        argv += ["--platform", "ubuntu-24.04=-self-hosted", "--pull=false", "--action-offline-mode"]
        told = {
            "--secret": self.secrets,
            "--var": self.variables,
            "--env": {
                **self.environment,
                "STAND_INS": str(kept),
                "KEPT_RESULTS": str(self.folder / "results"),
                "GITHUB_RUN_NUMBER": str(number),
            },
            "--local-repository": {
                f"{name}@{pins[name]}": str(STAND_INS / folder) for name, folder in INSTEAD.items()
            },
        }
        for flag, values in told.items():
            argv += [word for name, value in values.items() for word in (flag, f"{name}={value}")]
        done = self.repository.run(*argv, *words)
        (self.folder / f"{number}.log").write_text(done.output)
        return done

    def kept(self, number: int) -> Path:
        """Return the folder of what a run handed over."""
        return self.folder / str(number)


@contextmanager
def installed(folder: Path, variables: Mapping[str, str], *beside: str) -> Iterator[str]:
    """Yield the Python of an environment that holds the library's wheel, and not this checkout.

    Args:
        folder: For the environment.
        variables: Of the installer.
        beside: What else to install there.
    """
    wheel = write_own_wheel(folder / "wheels")
    needed = locked_for_extra("init")
    alone = f"trainwheel @ {wheel.as_uri()} --hash=sha256:{digest_file(wheel)}"
    python = Installer(Environment(dict(variables))).ensure(folder / "env", needed, alone=alone)
    install_into(python, *beside)
    yield str(python)


def make_repository(folder: Path, name: str, *words: str, beside: Sequence[str] = ()) -> Repository:
    """Make a repository with the library's wheel, as someone whose git ignores wheels."""
    variables = variables_of(folder / "home")
    ignored = folder / "home" / "ignored"
    ignored.write_text("*.whl\nwheels/\n")
    with (folder / "home" / ".gitconfig").open("a") as stream:
        stream.write(f"[core]\nexcludesFile = {ignored}\n")
    # An environment of its own, as on a machine that never saw this checkout.
    variables.pop("PYTHONPATH", None)
    is_there = (folder / name).is_dir()
    where, directory = (folder / name, ".") if is_there else (folder, name)
    with installed(folder, variables, *beside) as python:
        argv = (python, "-m", "trainwheel", "init", directory, *words)
        made = run(where, *argv, variables=variables)
    assert made.code == 0, made.output
    assert sorted(p.name for p in folder.iterdir()) == sorted(["env", "home", name, "wheels"])
    kept = {key: value for key, value in variables.items() if not key.startswith("PYTHON")}
    return Repository(folder / name, kept)
