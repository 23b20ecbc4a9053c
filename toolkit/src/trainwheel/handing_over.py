"""``trainwheel hand-over``: all that a job without a checkout needs to publish a wheel."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from trainwheel.console import Console
from trainwheel.digests import digest_file
from trainwheel.environ import read_environment
from trainwheel.errors import ConfigurationError, StepFailedError
from trainwheel.files import list_files
from trainwheel.lockfile import render_requirements, requirements
from trainwheel.own_wheel import write_own_wheel
from trainwheel.project import Project, open_project
from trainwheel.releasing import read_release

__all__ = ["add_hand_over", "hand_over"]

_CATEGORIES = ("dev-packages", "upload")
"""What the command needs to publish: the task runner's packages, and those that upload."""


def add_hand_over(parser: argparse.ArgumentParser) -> None:
    """Give a parser the arguments of ``hand-over``."""
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where to; new or empty")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> None:
    root = Path.cwd()
    project = open_project(root, root / ".nox", read_environment())
    folder = arguments.folder
    if not hand_over(project, folder):
        # What is printed is a list for a program.
        console = Console(project.environment, sys.stderr)
        console.notice("nothing to release, so nothing is handed over")
        return
    for path in list_files(folder):
        # As `sha256sum --check` reads it.
        project.console.line(f"{digest_file(path)}  {path.relative_to(folder).as_posix()}")


def hand_over(project: Project, folder: Path) -> bool:
    """Copy the proved wheel and what publishes it; return whether there is one.

    Args:
        project: The repository.
        folder: Gets ``dist`` with the wheel and its proof, and ``toolkit`` with the library's own
            wheel and the requirements of it, each with digests.

    Raises:
        ConfigurationError: The folder has something in it.
        StepFailedError: Nothing was packaged.
    """
    build = project.root / "build"
    if not read_release(build / "version.json").releases:
        return False
    dist = build / "dist"
    if not any(dist.glob("*.whl")):
        message = "no wheel has been packaged here"
        raise StepFailedError(message, hint="package it: make package.model")
    if folder.exists() and any(folder.iterdir()):
        message = f"{folder} is not empty"
        raise ConfigurationError(message, hint="name a new folder")
    shutil.copytree(dist, folder / "dist", dirs_exist_ok=True)
    write_own_wheel(folder / "toolkit")
    listed = render_requirements(requirements(project.lock, *_CATEGORIES))
    (folder / "toolkit" / "requirements.txt").write_text(listed, encoding="utf-8")
    return True
