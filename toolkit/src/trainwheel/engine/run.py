"""One run of this process: the repository, its tools, the screen, and what was asked for."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar, cast

from trainwheel.engine.layout import Layout
from trainwheel.engine.tools import StepEnvironments, Tools
from trainwheel.engine.workspace import Workspace
from trainwheel.errors import ConfigurationError
from trainwheel.index.tokens import TokenSource
from trainwheel.settings.config import Config, IndexSettings, parse_config
from trainwheel.system.console import Console
from trainwheel.system.environ import NEXUS_VARIABLES, Environment, SecretClass
from trainwheel.system.files import read_text

__all__ = ["Options", "Run", "open_run", "secret_classes"]

_T = TypeVar("_T")


@dataclass(frozen=True)
class Options:
    """What stands after ``--``.

    Args:
        values: Flag without its dashes → value; an empty text for a switch.
        names: The words that are not flags.
    """

    values: dict[str, str] = field(default_factory=dict)
    names: tuple[str, ...] = ()

    def get(self, name: str) -> str | None:
        """Return a flag's value, None where it was not given."""
        return self.values.get(name)

    def has(self, name: str) -> bool:
        """Return whether a switch was given."""
        return name in self.values


@dataclass(frozen=True)
class Run:
    """What the steps of one run share.

    Args:
        workspace: The model repository.
        tools: Runs commands in the environments of steps.
        console: Where people are told.
        tokens: The passwords that commands print.
        options: What stands after ``--``.
        steps: The names of all steps of this run.
        named: The names of those that were asked for, without what they need.
        registered: The names of all steps that the noxfile has.
        queue: Lets a step run after those of this run.
        made: The names of the steps that had something to do in this run.
    """

    workspace: Workspace
    tools: Tools
    console: Console
    tokens: TokenSource
    options: Options = field(default_factory=Options)
    steps: frozenset[str] = frozenset()
    named: frozenset[str] = frozenset()
    registered: frozenset[str] = frozenset()
    queue: Callable[[str], None] = field(default=lambda _: None)
    made: set[str] = field(default_factory=set)
    _answers: dict[Hashable, object] = field(default_factory=dict, repr=False)

    @property
    def environment(self) -> Environment:
        """The variables of this run."""
        return self.workspace.environment

    def is_forced(self, step: str) -> bool:
        """Return whether a step is to run even if nothing has changed."""
        return step in self.named and self.options.has("force")

    def once(self, question: Hashable, ask: Callable[[], _T]) -> _T:
        """Return the answer to a question that is asked at most once a run."""
        if question not in self._answers:
            self._answers[question] = ask()
        return cast("_T", self._answers[question])

    def under(self, config: Config) -> Run:
        """Return this run as it would be with another configuration."""
        workspace = replace(self.workspace, config=config)
        return replace(self, workspace=workspace, tools=self.tools.at(workspace))

    def passwords(self) -> tuple[str, ...]:
        """Return the values of the passwords of indexes, as far as this run has them."""
        config = self.workspace.config
        names = {NEXUS_VARIABLES[-1], *config.data_secrets}
        for index in config.indexes.values():
            names |= {index.password_env, index.read_password_env}
        given = (self.environment.secret(name) for name in sorted(names) if name)
        secrets = (*(secret for secret in given if secret is not None), *self.tokens.minted)
        return tuple(secret.reveal() for secret in secrets)


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
    known = replace(environment, classes=secret_classes(config.indexes, config.data_secrets))
    console, tokens = Console(known), TokenSource(known)
    # What fetches the data, or trains on it, may print what it was given.
    console.hide(*(known.secret(name) for name in config.data_secrets if known.get(name)))
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


def _tightened(config: Config, environment: Environment) -> Config:
    """Return the configuration with what this run demands: more of the gate, never less."""
    asked = environment.baseline_asked
    if asked not in {None, "required", "optional"}:
        message = f"TRAINWHEEL_GATE_BASELINE is {asked!r}"
        raise ConfigurationError(message, hint="set it to required, or to nothing")
    if asked != "required":
        return config
    return replace(config, gate=replace(config.gate, baseline="required"))
