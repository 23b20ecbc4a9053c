"""One run of this process: the repository, its tools, the screen, and what was asked for."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from typing import TypeVar, cast

from trainwheel.engine.tools import Tools
from trainwheel.engine.workspace import Workspace
from trainwheel.index.target import NEXUS_READ_VARIABLES
from trainwheel.index.tokens import TokenSource
from trainwheel.settings.config import Config
from trainwheel.system.console import Console
from trainwheel.system.environ import NEXUS_VARIABLES, Environment

__all__ = ["Options", "Run"]

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
        is_stale: Returns whether a step has something to do.
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
    is_stale: Callable[[str], bool] = field(default=lambda _: True)
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
        names = {NEXUS_VARIABLES[-1], NEXUS_READ_VARIABLES[-1], *config.data_secrets}
        for index in config.indexes.values():
            names |= {index.password_env, index.read_password_env}
        given = (self.environment.secret(name) for name in sorted(names) if name)
        secrets = (*(secret for secret in given if secret is not None), *self.tokens.minted)
        return tuple(secret.reveal() for secret in secrets)
