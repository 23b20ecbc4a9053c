"""``trainwheel hand-over``: all that a job without a checkout needs to publish a wheel.

It comes from two jobs. One builds the wheel, and runs the code of the model and of its packages.
What publishes it, beside the password, is made by another, which runs none of that.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from trainwheel.cli.opening import open_here
from trainwheel.engine.layout import Layout
from trainwheel.engine.workspace import Workspace
from trainwheel.errors import ConfigurationError, StepFailedError
from trainwheel.requirements.lockfile import render_requirements, requirements
from trainwheel.requirements.pylock import pylock_path
from trainwheel.requirements.setup_py import read_distribution_name
from trainwheel.steps.shared.release import read_release
from trainwheel.system.console import Console
from trainwheel.system.digest import digest_file
from trainwheel.system.files import list_files
from trainwheel.wheel.own import write_own_wheel
from trainwheel.wheel.proof import proof_path
from trainwheel.wheel.sbom import bill_path

__all__ = ["add_hand_over", "seal"]

_CATEGORIES = ("dev-packages", "upload")
"""What the command needs to publish: the task runner's packages, and those that upload."""

_SUMS = "SHA256SUMS"
_UNCHANGED = "unchanged"
"""What is printed in place of a digest; nothing at all would look like an output that was lost."""


def add_hand_over(parser: argparse.ArgumentParser) -> None:
    """Give a parser the arguments of ``hand-over``."""
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where to; new or empty")
    parser.add_argument(
        "--command", action="store_true", help="what publishes, instead of what was packaged"
    )
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> None:
    folder, run = arguments.folder, open_here()
    if folder.exists() and any(folder.iterdir()):
        message = f"{folder} is not empty"
        raise ConfigurationError(message, hint="name a new folder")
    if arguments.command:
        hand_over_command(run.workspace, folder)
    elif not hand_over_wheel(run.workspace.layout, folder):
        # What is printed is a word for a program.
        console = Console(run.environment, sys.stderr)
        console.notice("nothing to release, so nothing is handed over")
        run.console.line(_UNCHANGED)
        return
    run.console.line(seal(folder))


def hand_over_wheel(layout: Layout, folder: Path) -> bool:
    """Copy the proved wheel, its proof, lock and bill; return whether there is one.

    Raises:
        StepFailedError: Nothing was packaged, or a wheel has lost its proof; nothing is copied.
    """
    build = layout.build
    if not read_release(build / "version.json").releases:
        return False
    wheels = sorted((build / "dist").glob("*.whl"))
    if not wheels:
        message = "no wheel has been packaged here"
        raise StepFailedError(message, hint="package it: make package.model")
    for wheel in wheels:
        if not proof_path(wheel).is_file():
            message = f"{proof_path(wheel).name} is not beside {wheel.name}"
            raise StepFailedError(message, hint="package it again: make package.model")
    folder.mkdir(parents=True, exist_ok=True)
    # Each by its name: other files there may contain rows of the data, and stay.
    for wheel in wheels:
        for path in (wheel, proof_path(wheel), pylock_path(wheel), bill_path(wheel)):
            if path.is_file():
                shutil.copy2(path, folder)
    return True


def hand_over_command(workspace: Workspace, folder: Path) -> None:
    """Write what publishes: the library's wheel, what it needs by digest, and the model's name.

    Args:
        workspace: The repository, of which nothing is run.
        folder: Where to.
    """
    lines = render_requirements(requirements(workspace.lock, *_CATEGORIES))
    name = read_distribution_name(workspace.read_setup_py())
    # What can be wrong in the repository was read above: no folder is left half-made.
    write_own_wheel(folder)
    (folder / "requirements.txt").write_text(lines, encoding="utf-8")
    (folder / "name.txt").write_text(f"{name}\n", encoding="utf-8")


def seal(folder: Path) -> str:
    """List a folder's files as `sha256sum --check` reads them, and return the list's own digest.

    One digest is what a job hands over: GitHub drops an output that holds the value of a secret,
    and a name of a file may well hold that of a user.
    """
    lines = [f"{digest_file(p)}  {p.relative_to(folder).as_posix()}\n" for p in list_files(folder)]
    sums = folder / _SUMS
    sums.write_text("".join(lines), encoding="utf-8")
    return digest_file(sums)
