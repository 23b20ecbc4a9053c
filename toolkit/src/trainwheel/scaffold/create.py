"""Makes a new model repository: rendered, locked and committed, as a whole or not at all."""

from __future__ import annotations

import os
import secrets
import shlex
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from trainwheel.errors import ConfigurationError, StepFailedError, TrainwheelError
from trainwheel.install.environments import uv_cache_or_fallback
from trainwheel.install.lock import lock
from trainwheel.requirements.lockfile import parse_lockfile
from trainwheel.scaffold.answers import Source
from trainwheel.scaffold.names import name_of
from trainwheel.scaffold.rendering import problem_of_author, render
from trainwheel.scaffold.table import copy_plainly
from trainwheel.scaffold.trial import gate_lines, try_out
from trainwheel.settings.config import parse_sync_settings
from trainwheel.steps.shared.synced import examine
from trainwheel.system.console import Console
from trainwheel.system.environ import Environment, read_environment
from trainwheel.system.git import commit_all, read_person, without_repository
from trainwheel.wheel.own import write_own_wheel

__all__ = ["Start", "check_place", "create"]

_NOTHING_MADE = "nothing was made; fix that and run this again"


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
class Start:
    """What a repository is made from.

    Args:
        answers: Those given so far, by their names in the template.
        asks: Whether to ask for the other answers at the terminal.
        source: The table that it is about, which ``table`` among the answers describes; or none.
    """

    answers: Mapping[str, object]
    asks: bool
    source: Source | None = None


def create(folder: Path, start: Start, environment: Environment, console: Console) -> None:
    """Make a model repository in ``folder`` whose `make upload.model` and `make check` pass.

    It is made beside its place and moved there last of all: if it ends earlier for any reason,
    nothing is left.

    Args:
        folder: Where to; new or empty.
        start: What it is made from.
        environment: The variables of this run.
        console: Prints the progress.

    Raises:
        ConfigurationError: It cannot be made there, or git is not installed.
        StepFailedError: The packages cannot be locked, or no model can be trained on the table.
    """
    check_place(folder)
    place = shlex.quote(os.path.relpath(folder))
    if shutil.which("git", path=environment.get("PATH")) is None:
        message = "git is not installed, and a model repository needs it"
        raise ConfigurationError(message, hint="install git")
    with _scratch_beside(folder) as scratch:
        uv_cache_or_fallback(environment, scratch / "uv-cache")
        root, environment = scratch / folder.name, without_repository(read_environment())
        author = read_person(scratch, environment)
        given = {"git_author": "" if problem_of_author(author) else author, **start.answers}
        answers = _render(root, given, asks=start.asks)
        console.line("locking the packages, which takes a minute")
        _lock(root, environment, str(answers["name"]))
        if start.source is not None:
            _set_gate(root, start.source, answers, environment, console)
        problem = commit_all(root, f"Start {answers['name']} from trainwheel", environment)
        # An empty folder gives way, though it be the current one.
        root.rename(folder)
    console.outcome("init", f"{answers['name']} in {place}")
    if problem:
        console.notice(f"{problem}, so nothing is committed; commit it yourself")
    console.command("next:     ", f"cd {place} && make upload.model && make check")


def _render(root: Path, answers: Mapping[str, object], *, asks: bool) -> dict[str, Any]:
    """Write the files of the repository and return the answers."""
    wheel = write_own_wheel(root / "wheels")
    more = {"wheel": wheel.name, "folder_name": name_of(root.name)}
    answers = render(root, {**answers, **more}, asks=asks)
    # An installed wheel may not have kept this mode.
    (root / "bootstrap.py").chmod(0o755)
    return answers


def _set_gate(
    root: Path,
    source: Source,
    answers: Mapping[str, Any],
    environment: Environment,
    console: Console,
) -> None:
    """Train once, and write down what the model then has to show and the table has to have."""
    console.line(f"training once on {source.name}, which sets the gate")
    table = answers["table"]
    trial = try_out(root, environment, source, table, str(answers["training"]))
    path = root / "pyproject.toml"
    head, mark, tail = path.read_text(encoding="utf-8").partition("[tool.trainwheel.gate]\n")
    lines = "".join(f"{line}\n" for line in gate_lines(trial))
    path.write_text(f"{head}{mark}{lines}{tail}", encoding="utf-8")
    if source.is_copied:
        (root / "data").mkdir()
        copy_plainly(source.path, source.layout, root / "data" / source.name)
    else:
        (root / "data-schema.json").write_text(trial.shape, encoding="utf-8")
    console.outcome("gate", f"{trial.metric} {trial.value:.3f} on {trial.rows} held-out rows")
    if trial.low <= trial.dummy:
        word = "may be" if trial.value > trial.dummy else "is"
        dummy = f"{trial.dummy:.3g}"
        console.notice(f"the model {word} no better than one that looks at no column, with {dummy}")


def _lock(root: Path, environment: Environment, name: str) -> None:
    """Lock the packages of the repository, and write them into the file that lists them."""
    try:
        lock(root, environment)
    except TrainwheelError as error:
        raise StepFailedError(error.message, hint=_NOTHING_MADE) from None
    _check_is_free(root, name)
    change = examine(root, parse_sync_settings((root / "pyproject.toml").read_text("utf-8")))
    (root / change.target).write_bytes(change.after)


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


def _check_is_free(folder: Path, name: str) -> None:
    """Check that the model is not called like a package that it needs."""
    lock = parse_lockfile((folder / "Pipfile.lock").read_text(encoding="utf-8"))
    names = {package.name for packages in lock.categories.values() for package in packages}
    if canonicalize_name(name) in names:
        message = f"--name {name} is the name of a package that the model needs"
        raise ConfigurationError(message, hint="choose another name")
