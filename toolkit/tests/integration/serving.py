"""The service of examples/serve, and a gunicorn that runs it."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from integration.tiny import BOUND, ROOT, TESTS, Run, clean_variables, run_to_end
from trainwheel.install.environments import Installer
from trainwheel.requirements.lockfile import parse_lockfile, render_requirements, requirements
from trainwheel.system.environ import read_environment

__all__ = ["COMMANDS", "SOURCE", "Example", "Gunicorn", "make_example", "start_gunicorn"]

SOURCE = ROOT / "examples" / "serve"
_PAGE = (TESTS.parent / "docs" / "how-to" / "serve.md").read_text(encoding="utf-8")
_BLOCKS = re.findall(r"```shell\n(.*?)```", _PAGE, re.DOTALL)
COMMANDS = tuple(line for block in _BLOCKS for line in block.splitlines())
"""What the page tells its reader to type."""


@dataclass(frozen=True)
class Example:
    """A copy of the example, and an environment with what it needs and the reference model.

    Args:
        folder: Holds both, as `serve` and `env`.
    """

    folder: Path

    @property
    def variables(self) -> dict[str, str]:
        """What is seen where the environment is active."""
        variables = clean_variables()
        variables.pop("PYTHONPATH", None)
        return {**variables, "PATH": f"{self.folder / 'env/bin'}:{variables['PATH']}"}

    def run(self, command: str, **more: str) -> Run:
        """Run a command of the page."""
        return run_to_end(shlex.split(command), self.folder / "serve", {**self.variables, **more})

    def test(self, folder: Path, wheel: Path, package: str, name: str) -> Run:
        """Test it for another model in a folder of its own; its import alone is another.

        Args:
            folder: Is made.
            wheel: Of the model.
            package: Whose class is imported.
            name: Of that class.
        """
        shutil.copytree(SOURCE, folder / "serve")
        (folder / "env").symlink_to(self.folder / "env")
        app = folder / "serve" / "app.py"
        text = app.read_text(encoding="utf-8").replace("oncology_model", package)
        app.write_text(text.replace("Classifier as Model", f"{name} as Model"), encoding="utf-8")
        other = Example(folder)
        words = ("pip", "install", "--quiet", "--no-deps", "--target", folder / "model", wheel)
        installed = other.run(shlex.join(map(str, words)))
        assert installed.code == 0, installed.output
        return other.run("pytest", PYTHONPATH=str(folder / "model"))


def make_example(folder: Path, wheel: Path) -> None:
    """Make the environment as the page says: pip gets the model's wheel for its name."""
    lock = parse_lockfile((ROOT / "Pipfile.lock").read_text(encoding="utf-8"))
    python = Installer(read_environment()).ensure(
        folder / "env", render_requirements(requirements(lock, "packages"))
    )
    pip = python.with_name("pip")
    pip.write_text(f'#!/bin/sh\nexec {sys.executable} -P -m pip --python {python} "$@"\n')
    pip.chmod(0o755)
    shutil.copytree(SOURCE, folder / "serve")
    (folder / "model.txt").write_text(f"oncology-model @ {wheel.as_uri()}\n")
    for command in COMMANDS:
        if command.startswith("pip "):
            run = Example(folder).run(command, PIP_CONSTRAINT=str(folder / "model.txt"))
            assert run.code == 0, run.output


@dataclass(frozen=True)
class Gunicorn:
    """A gunicorn that runs.

    Args:
        process: The first of its processes.
        log: What it writes.
    """

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def address(self) -> str:
        """Where it answers."""
        (address,) = re.findall(r"Listening at: (\S+)", self.log.read_text())
        return str(address)

    def workers(self) -> set[int]:
        """List its workers."""
        pid = self.process.pid
        return {int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}

    def wait_until(self, is_so: Callable[[], object]) -> None:
        """Wait, but not for ever, and not for what has ended."""
        end = time.monotonic() + BOUND
        while not is_so():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.02)

    def post(self, path: str, content: object) -> requests.Response:
        """Send JSON by a connection of its own."""
        return requests.post(f"{self.address}{path}", json=content, timeout=BOUND)


@contextmanager
def start_gunicorn(example: Example, log: Path) -> Iterator[Gunicorn]:
    """Run it by the page's command, with two workers and at an address that the system chooses."""
    assert "gunicorn" in COMMANDS
    variables = {**example.variables, "BIND": "127.0.0.1:0", "WEB_CONCURRENCY": "2"}
    with log.open("wb") as stream, subprocess.Popen(
        ["gunicorn"], cwd=example.folder / "serve", env=variables, stdout=stream, stderr=stream
    ) as process:  # fmt: skip
        try:
            gunicorn = Gunicorn(process, log)
            gunicorn.wait_until(lambda: log.read_text().count("startup complete") == 2)
            yield gunicorn
        finally:
            process.terminate()
