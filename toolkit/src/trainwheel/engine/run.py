"""One run of this process: the repository, its tools, the console, and the request."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable
from dataclasses import dataclass, field, replace
from typing import TypeVar, cast

from trainwheel.engine.chain import Step
from trainwheel.engine.tools import Tools
from trainwheel.engine.workspace import Workspace
from trainwheel.errors import ConfigurationError
from trainwheel.index.target import NEXUS_READ_VARIABLES
from trainwheel.index.tokens import TokenSource
from trainwheel.settings.config import Config
from trainwheel.system.console import Console
from trainwheel.system.environ import NEXUS_VARIABLES, Environment
from trainwheel.system.process import cores
from trainwheel.system.secrets import SHORTEST, Secret
from trainwheel.system.turns import OneByOne

__all__ = ["Options", "Others", "Run", "TooEarlyError"]

_T = TypeVar("_T")


@dataclass(frozen=True)
class Options:
    """The arguments after ``--``.

    Args:
        values: Flag without its dashes → value; an empty text for a switch.
        names: The arguments that are not flags.
    """

    values: dict[str, str] = field(default_factory=dict)
    names: tuple[str, ...] = ()

    def get(self, name: str) -> str | None:
        """Return a flag's value; None where the flag was not given."""
        return self.values.get(name)

    def has(self, name: str) -> bool:
        """Return whether a switch was given."""
        return name in self.values


class TooEarlyError(Exception):
    """A step read results of steps that had not ended when it began; it has to run after them.

    Args:
        steps: Their names.
    """

    def __init__(self, steps: frozenset[str]) -> None:
        super().__init__()
        self.steps = steps


class Others:
    """What a step can know and want of the others in its run; here there are none."""

    def add(self, goals: Iterable[str]) -> None:
        """Let steps run too, with what they need."""

    def begins(self, name: str) -> None:
        """Note that a step has something to do, so that those after it are likely to."""

    def settle(self, name: str) -> Collection[Step]:
        """Wait until what a step awaits has succeeded, and return it; see `Step.awaits`."""
        del name
        return ()

    def unfinished(self, name: str) -> Collection[Step]:
        """Return the steps that had not ended when a step began, of those before it."""
        del name
        return ()


@dataclass(frozen=True)
class Run:
    """What the steps of one run share.

    Args:
        workspace: The model repository.
        tools: Runs commands in the environments of steps.
        console: Prints messages.
        tokens: The passwords that commands print.
        options: The arguments after ``--``.
        steps: The names of all steps of this run.
        named: The names of the steps on the command line, without those that they need.
        registered: The names of all steps in the noxfile.
        others: The steps beside each one.
        is_stale: Returns whether a step has to run.
        made: The names of the steps that were not up to date in this run.
    """

    workspace: Workspace
    tools: Tools
    console: Console
    tokens: TokenSource
    options: Options = field(default_factory=Options)
    steps: frozenset[str] = frozenset()
    named: frozenset[str] = frozenset()
    registered: frozenset[str] = frozenset()
    others: Others = field(default_factory=Others)
    is_stale: Callable[[str], bool] = field(default=lambda _: True)
    made: set[str] = field(default_factory=set)
    _answers: dict[Hashable, object] = field(default_factory=dict, repr=False)
    _asking: OneByOne = field(default_factory=OneByOne, repr=False)

    @property
    def environment(self) -> Environment:
        """The variables of this run."""
        return self.workspace.environment

    @property
    def jobs(self) -> int:
        """How many steps may run beside each other: by default one for each core.

        Raises:
            ConfigurationError: ``--jobs`` is not a number from 1 on.
        """
        given = self.options.get("jobs")
        if given is None:
            return self.workspace.config.jobs or cores()
        if not (given.isascii() and given.isdigit() and int(given)):
            message = f"--jobs {given} is not a whole number from 1 on"
            raise ConfigurationError(message, hint="use --jobs 1 for one step after the other")
        return int(given)

    def is_forced(self, step: str) -> bool:
        """Return whether a step has to run even if nothing has changed."""
        return step in self.named and self.options.has("force")

    def once(self, question: Hashable, ask: Callable[[], _T]) -> _T:
        """Return the answer to a question that is asked at most once in a run."""
        with self._asking.at(question):
            if question not in self._answers:
                self._answers[question] = ask()
        return cast("_T", self._answers[question])

    def under(self, config: Config) -> Run:
        """Return this run with another configuration."""
        workspace = replace(self.workspace, config=config)
        return replace(self, workspace=workspace, tools=self.tools.at(workspace))

    def passwords(self) -> tuple[Secret, ...]:
        """Return the passwords of indexes and the secrets of the data that this run has.

        One that is shorter than `SHORTEST` is passed over: hidden, it would spoil what is printed.
        """
        config = self.workspace.config
        names = {NEXUS_VARIABLES[-1], NEXUS_READ_VARIABLES[-1], *config.data_secrets}
        for index in config.indexes.values():
            names |= {index.password_env, index.read_password_env}
        variables = self.environment.variables
        long = (name for name in sorted(names) if len(variables.get(name, "")) >= SHORTEST)
        given = map(self.environment.secret, long)
        return (*(secret for secret in given if secret is not None), *self.tokens.minted)
