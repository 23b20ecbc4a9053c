"""The environments of steps: one for each step in Nox's folder, installed from the lock."""

from __future__ import annotations

import contextlib
import functools
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path

from trainwheel.engine.tools import Tools
from trainwheel.engine.workspace import Workspace
from trainwheel.errors import StepFailedError
from trainwheel.index.tokens import TokenSource
from trainwheel.install.bytecode import Bytecode
from trainwheel.install.environments import Installer, MachineSettings, user_cache
from trainwheel.install.routing import Routing, routing_of
from trainwheel.install.stamp import Seen, changes_in, sum_up
from trainwheel.settings.config import Config
from trainwheel.system.command import Command, Completed
from trainwheel.system.console import Console
from trainwheel.system.process import run
from trainwheel.system.progress import PROGRESS
from trainwheel.system.secrets import SecretClass

__all__ = ["StepEnvironments"]

_TAIL = 30
_OPEN = frozenset({"data", "lint"})
"""Steps whose tools see all of the shell but its secrets: they fetch data, and what checks code."""


@dataclass(frozen=True)
class StepEnvironments:
    """The environments of steps, and the commands that run in them.

    Args:
        workspace: The model repository.
        console: Shows messages, and the output of tools.
        folder: The folder of the environments.
        categories: Returns the Pipfile categories of a step's environment.
        tokens: The passwords that commands print.
        verbose: Whether the output of tools is shown.
    """

    workspace: Workspace
    console: Console
    folder: Path
    categories: Callable[[str, Config], tuple[str, ...]]
    tokens: TokenSource
    verbose: bool = False
    _watched: dict[str, Path] = field(default_factory=dict, repr=False)
    _seen: Seen = field(default_factory=Seen, repr=False)

    @functools.cached_property
    def routing(self) -> Routing | None:
        """The routes of packages that are bound to an index; None where no package is."""
        indexes, environment = self.workspace.config.indexes, self.workspace.environment
        return routing_of(indexes, environment, self.tokens)

    def served_index(self) -> AbstractContextManager[str]:
        """Serve all indexes as one; see `Tools`."""
        return contextlib.nullcontext("") if self.routing is None else self.routing.served()

    @contextlib.contextmanager
    def watching(self, step: str, folder: Path) -> Iterator[None]:
        """Let the step's processes write into a folder what they read; see `Tools`."""
        self._watched[step] = folder
        try:
            yield
        finally:
            del self._watched[step]

    def installer(self, step: str) -> Installer:
        """Return an installer that writes to a step's log; see `Tools`."""
        return Installer(
            self.workspace.environment,
            self.workspace.layout.log(step),
            routing=self.routing,
            bytecode=self._bytecode,
            machine=self._machine,
            seen=self._seen,
            notice=self.console.notice_once,
            holding=functools.partial(self._holding, step),
        )

    @contextlib.contextmanager
    def _holding(self, step: str, requirements: str) -> Iterator[Path | None]:
        """Yield the environment that holds just what a form of the model needs, if it is meant."""
        workspace = self.workspace
        forms = (workspace.runtime_categories, workspace.config.model_categories)
        names = next((each for each in forms if workspace.locked(*each) == requirements), None)
        if not requirements.strip() or names is None:
            yield None
            return
        home = self.folder / "-".join(names)
        self.installer(step).ensure(home, requirements)
        yield home
        self._require_unchanged(home, step)

    @functools.cached_property
    def _bytecode(self) -> Bytecode:
        layout, environment = self.workspace.layout, self.workspace.environment
        return Bytecode((user_cache(environment, "trainwheel") or layout.store) / "bytecode")

    @functools.cached_property
    def _machine(self) -> MachineSettings:
        return MachineSettings(self.workspace.environment)

    def python(self, step: str) -> Path:
        """Return the interpreter of a step's environment, which is installed first if needed."""
        requirements = self.workspace.locked(*self._categories(step))
        return self.installer(step).ensure(self._home(step), requirements)

    def require_unchanged(self, step: str) -> None:
        """Check that a step's environment is what it was before the step; see `Tools`."""
        if (home := self._home(step)) in self._seen.environments:
            self._require_unchanged(home, step)

    def _require_unchanged(self, home: Path, step: str) -> None:
        if changes := changes_in(home):
            del self._seen.environments[home]
            message = f"the environment {home.name} changed while {step} ran: {sum_up(changes)}"
            hint = "add to the Pipfile what the step needs, and run `nox -s lock`"
            raise StepFailedError(message, hint=hint)

    def at(self, workspace: Workspace) -> Tools:
        """Return these tools for a repository with another configuration."""
        return replace(self, workspace=workspace)

    def _categories(self, step: str) -> tuple[str, ...]:
        return self.categories(step, self.workspace.config)

    def _home(self, step: str) -> Path:
        """Return the folder of a step's environment, named after the categories in it.

        Steps whose environments have the same packages share one.
        """
        names = self._categories(step)
        locked = (name for name in names if self.workspace.lock.packages(name))
        return self.folder / ("-".join(locked) or "empty")

    def variables(self, step: str) -> dict[str, str]:
        """Return the variables with which a process runs in a step's environment."""
        folder, watched = self.python(step).parents[1], self._watched.get(step)
        variables = self.installer(step).variables(folder)
        return variables if watched is None else {**variables, "TRAINWHEEL_WATCH": str(watched)}

    def complete(self, command: Command, step: str) -> Completed:
        """Run a command, and return how it ended; see `Tools`."""
        env = {**self.variables(step), **command.env}
        command = replace(command, env=env, is_open=step in _OPEN)
        return run(command, self.workspace.environment, log=self.workspace.layout.log(step))

    def run(  # noqa: PLR0913 - see `Tools`
        self,
        step: str,
        argv: tuple[str, ...],
        *,
        what: str,
        env: Mapping[str, str] | None = None,
        secrets: frozenset[SecretClass] = frozenset(),
        echo: Callable[[str], None] | None = None,
        timeout: float | None = None,
    ) -> str:
        """Run a tool in a step's environment and return what it printed; see `Tools`."""
        layout = self.workspace.layout
        log = layout.log(step)
        command = Command(
            self._resolve(step, argv),
            cwd=layout.root,
            env={**self.variables(step), **(env or {})},
            secrets=secrets,
            is_open=step in _OPEN,
            umask=0o022,
            timeout=timeout,
        )
        echo = echo or (self.console.line if self.verbose else None)
        environment = self.workspace.environment
        result = run(command, environment, log=log, echo=echo, aside=PROGRESS)
        if result.failed:
            if echo is None:
                for line in result.output.splitlines()[-_TAIL:]:
                    self.console.line(f"  {line}")
            raise _failure(result, what, layout.relative(log))
        return result.output

    def _resolve(self, step: str, argv: tuple[str, ...]) -> tuple[str, ...]:
        program = self.python(step).parent / argv[0]
        return (str(program) if program.exists() else argv[0], *argv[1:])


def _failure(result: Completed, what: str, log: str) -> StepFailedError:
    message = f"{what} {_ending(result)}"
    # pytest frames its last line: "=== 1 failed ===".
    if last := result.last_line.strip("= "):
        message += f": {last}"
    hint = f"its whole output is in {log}"
    if result.is_late:
        hint = f"raise its time limit; {hint}"
    if result.withheld:
        does = "do" if what.endswith("s") else "does"
        hint = f"{what} {does} not get {result.withheld}; {hint}"
    return StepFailedError(message, hint=hint)


def _ending(result: Completed) -> str:
    code = result.returncode
    if result.is_late:
        return "took too long"
    if code == -signal.SIGKILL:
        return "was killed, as the system does when memory runs out"
    if code < 0:
        return f"was stopped by signal {-code}"
    return f"ended with exit code {code}"
