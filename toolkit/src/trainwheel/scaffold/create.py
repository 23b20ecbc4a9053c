"""Makes a new model repository: rendered, locked and committed, as a whole or not at all."""

from __future__ import annotations

import os
import re
import secrets
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from trainwheel.errors import ConfigurationError, StepFailedError
from trainwheel.requirements.lockfile import parse_lockfile
from trainwheel.scaffold.names import name_of
from trainwheel.scaffold.rendering import render
from trainwheel.system.console import Console
from trainwheel.system.environ import Environment, SecretClass
from trainwheel.system.first_commit import commit_all, without_repository
from trainwheel.system.process import Command, run
from trainwheel.wheel.own import write_own_wheel

__all__ = ["check_place", "create"]

_READ = frozenset({SecretClass.READ})
_ABORTED = re.compile(
    r"aborted: (?:\w+: )?(?P<why>.*?)(?:; Pipfile\.lock is as it was)?(?: \(took .*)?$",
    re.MULTILINE,
)
_MADE = (".nox", ".trainwheel", "build", "__pycache__")
"""What the sessions leave behind that is of this machine."""


def check_place(folder: Path) -> None:
    """Check that a repository can be made there.

    Raises:
        ConfigurationError: Something is there already, or the folder above cannot be written to.
    """
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        message = f"{folder} is there already"
        raise ConfigurationError(message, hint="name a new folder")
    if folder.is_dir() and any(folder.iterdir()):
        message = f"{folder} is there already, and not empty"
        raise ConfigurationError(message, hint="name a new folder")


@dataclass(frozen=True)
class _Workplace:
    """Where the repository stands while it is made.

    Args:
        folder: The repository to be.
        environment: The variables of this run.
        console: Where people are told.
    """

    folder: Path
    environment: Environment
    console: Console

    def nox(self, session: str) -> None:
        """Run a session of the repository with the Nox that is installed beside this command."""
        argv = (sys.executable, "-P", "-m", "nox", "-s", session)
        command = Command(argv, cwd=self.folder, secrets=_READ)
        completed = run(command, self.environment)
        if completed.failed:
            told = _ABORTED.search(completed.output)
            message = f"nox -s {session}: {told['why'] if told else completed.last_line}"
            raise StepFailedError(message, hint="nothing was made; mend that and run this again")


def create(
    folder: Path,
    told: Mapping[str, object],
    environment: Environment,
    console: Console,
    *,
    asks: bool,
) -> None:
    """Make a model repository in ``folder`` whose `make upload.model` and `make check` pass.

    It is made beside its place and moved there last of all: until then, an end of whatever kind
    leaves nothing.

    Args:
        folder: Where to; new or empty.
        told: The answers that were given, by their names in the template.
        environment: The variables of this run.
        console: Where people are told.
        asks: Whether to ask for the other answers at the terminal.

    Raises:
        ConfigurationError: It cannot be made there, or there is no git.
        StepFailedError: The packages cannot be locked.
    """
    check_place(folder)
    shown = shlex.quote(os.path.relpath(folder))
    if shutil.which("git", path=environment.get("PATH")) is None:
        message = "git is not installed, and a model repository is one of git"
        raise ConfigurationError(message, hint="install git")
    with _scratch_beside(folder) as scratch:
        place = _Workplace(scratch / folder.name, without_repository(environment), console)
        answers = _fill(place, told, asks=asks)
        subject = f"Start {answers['name']} from trainwheel"
        problem = commit_all(place.folder, subject, place.environment)
        # An empty folder gives way, though it be the current one.
        place.folder.rename(folder)
    console.outcome("init", f"{answers['name']} in {shown}")
    if problem:
        console.notice(f"{problem}, so nothing is committed; commit it yourself")
    console.command("next:     ", f"cd {shown} && make upload.model && make check")


def _fill(place: _Workplace, told: Mapping[str, object], *, asks: bool) -> dict[str, Any]:
    """Write the files of the repository, lock it, and return the answers."""
    wheel = write_own_wheel(place.folder / "wheels")
    known = {**told, "wheel": wheel.name, "folder_name": name_of(place.folder.name)}
    answers = render(place.folder, known, asks=asks)
    # A wheel may have lost this on its way.
    (place.folder / "bootstrap.py").chmod(0o755)
    place.console.line("locking the packages, which takes a minute")
    place.nox("lock")
    _check_is_free(place.folder, answers)
    place.nox("sync")
    for name in _MADE:
        for made in (place.folder / name, *place.folder.rglob(name)):
            shutil.rmtree(made, ignore_errors=True)
    return answers


@contextmanager
def _scratch_beside(folder: Path) -> Iterator[Path]:
    """Yield a folder on the same file system, so that the move at the end is one rename."""
    above = folder.parent
    missing = [path for path in (above, *above.parents) if not path.exists()]
    # Named before it is made, so that nothing can come between.
    scratch = above / f".trainwheel-init-{secrets.token_hex(8)}"
    try:
        _make_scratch(scratch)
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        for path in missing:
            # What was made above it goes as well, unless the repository is there.
            with suppress(OSError):
                path.rmdir()


def _make_scratch(scratch: Path) -> None:
    try:
        scratch.parent.mkdir(parents=True, exist_ok=True)
        scratch.mkdir(mode=0o700)
    except OSError as error:
        message = f"{scratch.parent} cannot be written to: {error.strerror}"
        raise ConfigurationError(message, hint="name a folder of your own") from None


def _check_is_free(folder: Path, answers: Mapping[str, Any]) -> None:
    """Check that the model is not called like a package that it needs."""
    lock = parse_lockfile((folder / "Pipfile.lock").read_text(encoding="utf-8"))
    names = {package.name for packages in lock.categories.values() for package in packages}
    if canonicalize_name(answers["name"]) in names:
        message = f"--name {answers['name']} is the name of a package that the model needs"
        raise ConfigurationError(message, hint="choose another name")
