"""A project whose training, tests, evaluation and documentation can be held up, each by a file."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from integration.tiny import BOUND, LEARNER, Run, TinyProject, lock_for, wait_for

__all__ = ["CLASSIFIER", "TRAINING", "Beside", "make_beside"]

TRAINING = "model/tiny_training/__main__.py"
CLASSIFIER = "model/tiny_model/classifier.py"
HOLDING = '''\
"""Stamps when a step is at work, and holds it up, fails it or makes it deaf, each by a file."""

import os
import signal
import time
from pathlib import Path

_FOLDER = Path(__file__).parents[2] / "steps"


def hold(step):
    _stamp(f"{step} begins {os.getpriority(os.PRIO_PROCESS, 0)}")
    if (_FOLDER / f"deaf-{step}").exists():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if (_FOLDER / f"hold-{step}").exists():
        held = (_FOLDER / f"hold-{step}").rename(_FOLDER / f"held-{step}")
        while held.exists():
            time.sleep(0.01)
    if (_FOLDER / f"fail-{step}").exists():
        raise SystemExit(f"{step} is to fail")
    _stamp(f"{step} ends")


def _stamp(line):
    descriptor = os.open(_FOLDER / "stamps", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, f"{line}\\n".encode())
    os.close(descriptor)
'''
ASKED = """\
import importlib.util
import sys

# Only evaluation asks it there; where the wheel is installed there is nothing that holds it up.
if any("/evaluate-" in word for word in sys.argv) and importlib.util.find_spec("holding"):
    from holding import hold

    hold("evaluate")
"""
HELD = """\
from holding import hold


def test_holds():
    hold("test")
"""
SITE = '''\
"""Stands in for Sphinx, which takes seconds to do as little: writes a page."""

import sys
from pathlib import Path

from holding import hold

hold("doc")
Path(sys.argv[-1]).mkdir()
Path(sys.argv[-1], "index.html").write_text("<h1>Tiny</h1>")
'''


@dataclass(frozen=True)
class Beside:
    """A project and the folder of the files by which its steps are held up.

    Args:
        project: The project.
    """

    project: TinyProject

    @property
    def folder(self) -> Path:
        """Where those files stand."""
        return self.project.root.parent / "steps"

    def ask(self, *names: str) -> None:
        """Ask for something, such as ``hold-test`` or ``fail-doc``."""
        for name in names:
            (self.folder / name).touch()

    def start(self, session: str, *held: str) -> subprocess.Popen[str]:
        """Start a session and return its process once all of these steps are held up."""
        self.ask(*(f"hold-{step}" for step in held))
        process = self.project.start(*self.project.argv(session, "--", "--jobs", "2"))
        for step in held:
            wait_for((self.folder / f"held-{step}").exists, process)
        return process

    def let_go(self, *steps: str) -> None:
        """Let steps go on."""
        for step in steps:
            (self.folder / f"held-{step}").unlink()

    def end(self, process: subprocess.Popen[str]) -> Run:
        """Return how a session ended."""
        output, _ = process.communicate(timeout=BOUND)
        for path in self.folder.glob("he*"):
            path.unlink()
        return Run(process.returncode, output)

    def stamps(self) -> list[str]:
        """Return which step began or ended, in order, since this was asked last."""
        path = self.folder / "stamps"
        lines = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return lines


def make_beside(project: TinyProject) -> TinyProject:
    """Let the steps of a project with held-out rows be held up."""
    (project.root.parent / "steps").mkdir()
    pipfile = LEARNER.replace("[train]", "[doc]\n\n[train]")
    project.write("Pipfile", pipfile)
    project.write("Pipfile.lock", lock_for(pipfile))
    project.write("docs/conf.py", "")
    project.write("model/holding.py", HOLDING)
    project.write("model/sphinx.py", SITE)
    project.write("tests/test_holding.py", HELD)
    project.write(CLASSIFIER, f"{project.read(CLASSIFIER)}\n\n{ASKED}")
    text = project.read(TRAINING)
    project.write(TRAINING, f'{text}\nfrom holding import hold\n\nhold("train")\n')
    return project
