"""Open the repository that a session or a command is run in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from trainwheel.engine.environments import StepEnvironments
from trainwheel.engine.layout import Layout
from trainwheel.engine.run import Run
from trainwheel.engine.workspace import Workspace
from trainwheel.errors import ConfigurationError
from trainwheel.index.address import AMBIGUOUS, is_ambiguous
from trainwheel.index.tokens import TokenSource
from trainwheel.settings.config import Config, parse_config
from trainwheel.settings.tables import IndexSettings
from trainwheel.steps import load_chain
from trainwheel.system.console import Console
from trainwheel.system.environ import Environment, read_environment
from trainwheel.system.files import read_text
from trainwheel.system.secrets import SecretClass

__all__ = ["open_here", "open_run", "secret_classes"]


def open_here(root: Path | None = None, environment: Environment | None = None) -> Run:
    """Return a run in the repository at ``root``, by default the present folder, that only looks.

    Raises:
        ConfigurationError: pyproject.toml is missing or wrong.
    """
    root, environment = root or Path.cwd(), environment or read_environment()
    run = open_run(root, root / ".nox", environment, load_chain().categories)
    return replace(run, workspace=replace(run.workspace, only_looks=True))


def open_run(
    root: Path,
    folder: Path,
    environment: Environment,
    categories: Callable[[str, Config], tuple[str, ...]],
    *,
    verbose: bool = False,
) -> Run:
    """Return a run in the model repository at ``root``.

    Args:
        root: The repository's folder.
        folder: Where the environments of its steps stand.
        environment: The variables of this process.
        categories: Returns the Pipfile categories of a step's environment.
        verbose: Whether the tools' own output is shown.

    Raises:
        ConfigurationError: pyproject.toml is missing or wrong.
    """
    text = read_text(root / "pyproject.toml")
    if text is None:
        message = f"{root} has no pyproject.toml"
        hint = "add one with a [tool.trainwheel] table"
        raise ConfigurationError(message, hint=hint)
    config = _tightened(parse_config(text), environment)
    classes = secret_classes(config.indexes, config.data_secrets)
    known = replace(environment, classes=classes, train_env=frozenset(config.train_env))
    _refuse_secrets(known, config.train_env)
    console, tokens = Console(known), TokenSource(known)
    workspace = Workspace(Layout.of(root, config), config, known)
    verbose = verbose or environment.is_verbose
    tools = StepEnvironments(workspace, console, folder, categories, tokens, verbose)
    return Run(workspace, tools, console, tokens)


def secret_classes(
    indexes: Mapping[str, IndexSettings], data: Sequence[str] = ()
) -> dict[str, SecretClass]:
    """Return the variables that hold configured secrets, and what each is for.

    One that is named for several purposes counts as the one that opens most.

    Args:
        indexes: The configured indexes by name.
        data: Variables with credentials of the data.
    """
    classes = dict.fromkeys(data, SecretClass.DATA)
    for settings in indexes.values():
        names = (settings.read_username_env, settings.read_password_env)
        classes |= dict.fromkeys(names, SecretClass.READ)
    for settings in indexes.values():
        opening = (settings.url_env, settings.username_env, settings.password_env)
        classes |= dict.fromkeys(opening, SecretClass.PUBLISH)
    classes.pop("", None)
    return classes


def _refuse_secrets(environment: Environment, names: Sequence[str]) -> None:
    """Refuse to hand a secret on to what runs the user's code, and one that cannot be hidden."""
    for name in environment.classes:
        value = environment.get(name)
        if environment.purpose(name) is SecretClass.DATA and value and is_ambiguous(value):
            message = f"{name} in tool.trainwheel.secrets.data {AMBIGUOUS}"
            hint = "choose a longer one, or take the name out where the value is not secret"
            raise ConfigurationError(message, hint=hint)
    for name in names:
        purpose = environment.purpose(name)
        if purpose is not None:
            is_data = purpose is SecretClass.DATA
            why = "is in tool.trainwheel.secrets.data" if is_data else "opens an index"
            message = f"tool.trainwheel.train.env names {name}, which {why}"
            hint = "name it in one of the two" if is_data else "omit it: no code of a model gets it"
            raise ConfigurationError(message, hint=hint)


def _tightened(config: Config, environment: Environment) -> Config:
    """Return the configuration with what this run demands: more of the gate, never less."""
    baseline = environment.get("TRAINWHEEL_GATE_BASELINE")
    if baseline not in {None, "required", "optional"}:
        message = f"TRAINWHEEL_GATE_BASELINE is {baseline!r}"
        raise ConfigurationError(message, hint="set it to required, or to nothing")
    if baseline != "required":
        return config
    return replace(config, gate=replace(config.gate, baseline="required"))
