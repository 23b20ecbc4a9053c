"""Copies of tests/projects/tiny, and real indexes, to run the real chain on."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import trainwheel
from trainwheel.requirements.freshness import stamp_lock
from trainwheel.requirements.pipfile import parse_pipfile

TESTS = Path(__file__).parents[1]
ROOT = TESTS.parents[1]
SERVER = Path(trainwheel.__file__).with_name("guest") / "index_server.py"

PIPFILE = """\
[packages]
joblib = "*"

[train]

[test]
pytest = "*"
pytest-cov = "*"

[package]
build = "*"
check-wheel-contents = "*"
setuptools = "*"
twine = "*"

[upload]
twine = "*"
pypiserver = "*"
"""

LEARNER = PIPFILE.replace("[train]\n", '[data]\n\n[train]\nnumpy = "*"\n')
"""The same, for a model that is measured on held-out rows."""

# Nothing here waits longer than this for something that should happen.
BOUND = 120.0

_OWN_VARIABLES = ("NEXUS_", "TRAINWHEEL_", "TWINE_", "BUILD_NUMBER", "GITHUB_", "JENKINS_")
_MADE = (
    "model/tiny_model/artefact/model.joblib", "build/train", "build/test", "build/version.json",
    "build/dist",
)  # fmt: skip
# Handed on to all that a run starts, training too, as every name of the locale is.
_MARK = "LC_TINY_MARK"


@dataclass(frozen=True)
class Run:
    """How a command ended."""

    code: int
    output: str

    def line(self, start: str) -> str:
        """Return the one line that holds this kind of message."""
        lines = [line for line in self.output.splitlines() if start in line]
        assert len(lines) == 1, self.output
        return lines[0]

    def error(self, kind: str) -> str:
        """Return the one line that says what was wrong, with no traceback beside it."""
        assert self.code != 0, self.output
        assert "Traceback" not in self.output, self.output
        return self.line(f"{kind}: ")

    @property
    def has_trained(self) -> bool:
        """Whether training got as far as a line of its own, be it that nothing changed."""
        return any(line.startswith("train ") for line in self.output.splitlines())


@dataclass(frozen=True)
class TinyProject:
    """A copy of tests/projects/tiny that real tools are run on."""

    root: Path
    envdir: Path
    variables: Mapping[str, str]

    def nox(self, *words: str, **variables: str) -> Run:
        """Run Nox sessions to their end, with more variables."""
        return self.run(*self.argv(*words), **variables)

    def argv(self, *words: str) -> tuple[str, ...]:
        """Return the command line of Nox sessions, and of options behind ``--``."""
        return (sys.executable, "-P", "-m", "nox", "--envdir", str(self.envdir), "-s", *words)

    def run(self, *argv: str, **variables: str) -> Run:
        """Run a command in the project's folder to its end."""
        return run_to_end(argv, self.root, {**self.variables, **variables})

    def start(self, *argv: str, **variables: str) -> subprocess.Popen[str]:
        """Start a command in the project's folder whose processes `survivors` can find."""
        return subprocess.Popen(
            argv, cwd=self.root, env={**self.variables, **self.mark, **variables},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    @property
    def mark(self) -> dict[str, str]:
        """The variable by which `survivors` finds the processes that have it."""
        return {_MARK: str(self.root)}

    def survivors(self) -> list[int]:
        """Return the processes of `start` and their descendants that still run."""
        mark = f"{_MARK}={self.root}".encode()
        return [int(path.name) for path in Path("/proc").glob("[0-9]*") if _has(path, mark)]

    def with_variables(self, **variables: str) -> TinyProject:
        """Return the same project, run with more variables from now on."""
        return replace(self, variables={**self.variables, **variables})

    def without(self, *names: str) -> TinyProject:
        """Return the same project, run without some variables from now on."""
        return replace(self, variables={k: v for k, v in self.variables.items() if k not in names})

    def write(self, name: str, text: str) -> None:
        """Write a file of the project."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def replace(self, name: str, old: str, new: str) -> None:
        """Replace text in a file of the project, where it must stand."""
        text = self.read(name)
        assert old in text
        self.write(name, text.replace(old, new))

    def read(self, name: str) -> str:
        """Return a file of the project."""
        return (self.root / name).read_text(encoding="utf-8")

    def configure(self, line: str) -> None:
        """Add a line to [tool.trainwheel]."""
        self.replace("pyproject.toml", "[tool.trainwheel]\n", f"[tool.trainwheel]\n{line}\n")

    @property
    def index(self) -> Path:
        """The folder of the embedded index."""
        return self.root / ".trainwheel" / "index"

    @property
    def wheel(self) -> Path:
        """The one wheel that was packaged."""
        (wheel,) = (self.root / "build" / "dist").glob("*.whl")
        return wheel

    def published(self) -> list[str]:
        """Return the versions of the wheels in the embedded index, lowest name first."""
        return versions(self.index)

    def made(self) -> list[str]:
        """Return which outputs of steps stand where a later step would take them."""
        scratch = self.root / "build" / ".trainwheel" / "tmp"
        left = [path.name for path in scratch.iterdir()] if scratch.is_dir() else []
        return [name for name in _MADE if (self.root / name).exists()] + left


@dataclass(frozen=True)
class RealIndex:
    """A running pypiserver.

    Args:
        folder: Its files.
        url: Where wheels are sent; ends in a slash.
        username: Who may upload.
        password: Unlike any other text, so that it can be searched for.
    """

    folder: Path
    url: str
    username: str
    password: str

    @property
    def variables(self) -> dict[str, str]:
        """The variables that open it."""
        return {
            "NEXUS_LOCAL_REPO_URL": self.url,
            "NEXUS_USERNAME": self.username,
            "NEXUS_PASSWORD": self.password,
        }

    def published(self) -> list[str]:
        """Return the versions of the wheels that it holds, lowest name first."""
        return versions(self.folder)


def run_to_end(
    argv: Sequence[str], folder: Path, variables: Mapping[str, str], timeout: float = 300.0
) -> Run:
    """Run a command in a folder, with these variables alone, for at most so many seconds."""
    completed = subprocess.run(
        argv, cwd=folder, env=variables, timeout=timeout, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    return Run(completed.returncode, completed.stdout + completed.stderr)


def versions(folder: Path) -> list[str]:
    """Return the versions of the wheels in a folder, lowest name first."""
    return sorted(path.name.split("-")[1] for path in folder.glob("*.whl"))


def make_tiny(root: Path, envdir: Path, pipfile: str = PIPFILE) -> TinyProject:
    """Copy the tiny project to ``root``, lock it, and commit it."""
    shutil.copytree(TESTS / "projects" / "tiny", root)
    (root / "Pipfile").write_text(pipfile, encoding="utf-8")
    (root / "Pipfile.lock").write_text(lock_for(pipfile), encoding="utf-8")
    (root / ".gitignore").write_text("build/\n.trainwheel/\nmodel/*/artefact/\n__pycache__/\n")
    project = TinyProject(root, envdir, clean_variables())
    commit_all(project)
    return project


def commit_all(project: TinyProject) -> None:
    """Commit all that a project holds."""
    identity = ("-c", "user.name=Tester", "-c", "user.email=tester@example.invalid")
    for words in (("init", "-q"), ("add", "-A"), (*identity, "commit", "-qm", "Start")):
        assert project.run("git", *words).code == 0


def copy_of(project: TinyProject, root: Path) -> TinyProject:
    """Copy a project with all that it made to ``root``."""
    shutil.copytree(project.root, root, symlinks=True)
    return replace(project, root=root)


def clear(project: TinyProject) -> TinyProject:
    """Remove all that a project has made, and return it."""
    for made in ("build", ".trainwheel", "model/tiny_model/artefact"):
        shutil.rmtree(project.root / made)
    return project


def lock_for(pipfile: str, *, data: str = "") -> str:
    """Return a lock for a Pipfile whose categories are those of this repository's lock.

    Args:
        pipfile: The Pipfile; training has numpy where it names that.
        data: The category of this repository's lock to take as [data].
    """
    document = json.loads((ROOT / "Pipfile.lock").read_text(encoding="utf-8"))
    default, names = document["sklearn"], ("_meta", "test", "package", "upload")
    locked = {name: document[name] for name in names} | {"develop": {}}
    locked["default"] = {name: default[name] for name in ("joblib", "cloudpickle")}
    locked["train"] = {name: default[name] for name in ("numpy",) if name in pipfile}
    locked |= {"data": document[data] if data else {}} if "[data]" in pipfile else {}
    locked |= {"doc": {}} if "[doc]" in pipfile else {}
    return stamp_lock(json.dumps(locked), parse_pipfile(pipfile))


@contextlib.contextmanager
def serve_index(
    folder: Path, *, protect_reads: bool = False, password: str = ""
) -> Iterator[RealIndex]:
    """Yield a real pypiserver on ``folder``."""
    index = RealIndex(folder, "", "ci-user", password or "s3cret-Token-Of-This-Test")
    options = ("--protect-reads",) if protect_reads else ()
    argv = (sys.executable, "-P", str(SERVER), str(folder), *options)
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{index.username}:{index.password}\n")
        process.stdin.flush()
        port = process.stdout.readline().strip()
        try:
            yield replace(index, url=f"http://127.0.0.1:{port}/")
        finally:
            process.send_signal(signal.SIGTERM)


def wait_for(happens: Callable[[], bool], process: subprocess.Popen[str] | None = None) -> None:
    """Wait until something happens, which must be before the process ends and soon."""
    deadline = time.monotonic() + BOUND
    while not happens():
        assert time.monotonic() < deadline, "it did not happen in time"
        assert process is None or process.poll() is None, "the process ended before"
        time.sleep(0.01)


def clean_variables() -> dict[str, str]:
    """Return this process's variables without those that would steer a run."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(_OWN_VARIABLES)}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    # Compiled once for all tests, and never beside a project's sources.
    return {"PYTHONPYCACHEPREFIX": str(Path(sys.prefix, "bytecode")), **kept, "NO_COLOR": "1"}


def _has(process: Path, mark: bytes) -> bool:
    # What a process that is gone, or not ours, had in its environment cannot be read.
    with contextlib.suppress(OSError):
        return mark in (process / "environ").read_bytes().split(b"\0")
    return False
