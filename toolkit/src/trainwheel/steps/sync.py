"""Write the locked requirements into the file that declares them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from trainwheel.engine.chain import VERBOSE, WAIT, Flag, Step
from trainwheel.engine.run import Run
from trainwheel.errors import ConfigurationError
from trainwheel.install.pipenv_setup import PipenvSetup
from trainwheel.requirements.pins import SyncSettings
from trainwheel.steps.shared.synced import Engine, examine, settle
from trainwheel.system.environ import Environment

__all__ = ["ENGINES", "STEP", "choose_engine", "sync"]

CHECK = Flag("--check", "print the difference and write nothing")
ENGINE = Flag("--engine", "what edits setup.py: trainwheel, or the real pipenv-setup", "NAME")
ENGINES = ("trainwheel", "pipenv-setup")


def _run(run: Run) -> None:
    """Update the file; with ``--check`` print the difference and write nothing."""
    sync(run, engine=run.options.get("engine"), check=run.options.has("check"))


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
    flags=(CHECK, ENGINE, WAIT, VERBOSE),
)
