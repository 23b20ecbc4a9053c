"""Write the locked requirements into the file that declares them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from trainwheel.engine.chain import VERBOSE, WAIT, Flag, Step
from trainwheel.engine.run import Run
from trainwheel.errors import ConfigurationError
from trainwheel.install.pipenv_setup import PipenvSetup
from trainwheel.requirements.pins import SyncSettings
from trainwheel.steps.shared.synced import Builder, Engine, check_built, examine, settle
from trainwheel.system.environ import Environment

__all__ = ["ENGINES", "STEP", "builder_of", "choose_engine", "require_check", "sync"]

CHECK = Flag("--check", "print the difference and write nothing")
BUILT = Flag("--built", "with --check: ask the build back end, and compare what it would build")
ENGINE = Flag("--engine", "what edits setup.py: trainwheel, or the real pipenv-setup", "NAME")
ENGINES = ("trainwheel", "pipenv-setup")


def _run(run: Run) -> None:
    """Update the file; with ``--check`` print the difference and write nothing."""
    check, engine = run.options.has("check"), run.options.get("engine")
    if run.options.has("built"):
        require_check(check=check, engine=engine)
        root, settings = run.workspace.layout.root, run.workspace.config.sync
        check_built(root, settings, builder_of(run), console=run.console, show=run.console)
        return
    sync(run, engine=engine, check=check)


def require_check(*, check: bool, engine: str | None) -> None:
    """Check that nothing is to be written where the back end is asked.

    Raises:
        ConfigurationError: ``--built`` without ``--check``, or with another engine.
    """
    if not check or engine not in {None, ENGINES[0]}:
        message = "--built compares and writes nothing"
        raise ConfigurationError(message, hint="use it with --check, and without --engine")


def builder_of(run: Run) -> Builder:
    """Return the environment of a model repository in which its wheel is built."""
    return Builder(
        "the environment package",
        "add it to [package] of the Pipfile and run `nox -s lock`",
        lambda argv: run.tools.run("package", argv, what="the build back end"),
    )


def sync(run: Run, *, engine: str | None = None, check: bool = False) -> None:
    """Write the requirements into the file that declares them, or check that they are there.

    Raises:
        StepFailedError: With ``check``, the file is out of date.
        ConfigurationError: The file, the Pipfile or the lock cannot be used.
    """
    workspace, console = run.workspace, run.console
    edit, settings = choose_engine(engine, workspace.config.sync, run.tools.folder, run.environment)
    state = examine(workspace.layout.root, settings, edit)
    settle(workspace.layout.root, state, check=check, console=console, show=console)


def choose_engine(
    name: str | None, settings: SyncSettings, folder: Path, environment: Environment
) -> tuple[Engine | None, SyncSettings]:
    """Return the engine that edits setup.py, None for our own, and the settings that it supports.

    Args:
        name: One of `ENGINES`; None for the first.
        settings: What the project asks for.
        folder: Where the engine's environment is kept.
        environment: The variables of this run.

    Raises:
        ConfigurationError: There is no engine of this name.
    """
    if name not in {None, *ENGINES}:
        message = f"{name!r} is not an engine of sync"
        raise ConfigurationError(message, hint=f"use one of {', '.join(ENGINES)}")
    if name != "pipenv-setup":
        return None, settings
    pins = settings.pins if settings.pins == "declared" else "locked"
    return PipenvSetup(folder / name, environment), replace(settings, pins=pins)


STEP = Step(
    name="sync",
    target="sync",
    help="Write the locked requirements into setup.py",
    run=_run,
    flags=(CHECK, BUILT, ENGINE, WAIT, VERBOSE),
)
