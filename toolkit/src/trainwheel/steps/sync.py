"""Write the locked requirements into the file that lists them."""

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
    """Bring the file up to date; with ``--check`` print the difference and write nothing."""
    sync(run, engine=run.options.get("engine"), check=run.options.has("check"))


def sync(run: Run, *, engine: str | None = None, check: bool = False) -> None:
    """Bring the file that lists the requirements up to date, or say that it is not.

    Raises:
        StepFailedError: It is not, and nothing is to be written.
        ConfigurationError: It, the Pipfile or the lock cannot be used.
    """
    workspace, console = run.workspace, run.console
    edit, settings = choose_engine(engine, workspace.config.sync, run.tools.folder, run.environment)
    synced = examine(workspace.layout.root, settings, edit)
    settle(workspace.layout.root, synced, check=check, console=console, show=console)


def choose_engine(
    name: str | None, settings: SyncSettings, folder: Path, environment: Environment
) -> tuple[Engine | None, SyncSettings]:
    """Return what edits setup.py, None for ourselves, and the settings that it can follow.

    Args:
        name: One of `ENGINES`; None for the first.
        settings: What the project asks for.
        folder: Where the engine's environment is kept.
        environment: The variables of this run.

    Raises:
        ConfigurationError: No such engine.
    """
    if name not in {None, *ENGINES}:
        message = f"sync knows no engine {name!r}"
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
