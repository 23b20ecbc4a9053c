"""Runs commands in the environments of steps: a protocol, so that a test can record the calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from trainwheel.engine.workspace import Workspace
from trainwheel.install.environments import Installer
from trainwheel.system.command import Command, Completed
from trainwheel.system.secrets import SecretClass

__all__ = ["Tools"]


class Tools(Protocol):
    """Runs commands in the environments of steps."""

    @property
    def folder(self) -> Path:
        """The folder of the environments."""
        ...

    def served_index(self) -> AbstractContextManager[str]:
        """Serve all indexes as one on this machine, for a resolver, and yield the address.

        The address is empty where no package is bound to an index.
        """
        ...

    def at(self, workspace: Workspace) -> Tools:
        """Return these tools for a repository with another configuration."""
        ...

    def python(self, step: str) -> Path:
        """Return the interpreter of a step's environment, which is installed first if needed."""
        ...

    def require_unchanged(self, step: str) -> None:
        """Check that a step's environment is what it was before the step ran.

        Raises:
            StepFailedError: A package was added, edited or removed.
        """
        ...

    def variables(self, step: str) -> dict[str, str]:
        """Return the variables with which a process runs in a step's environment."""
        ...

    def watching(self, step: str, folder: Path) -> AbstractContextManager[None]:
        """Let the step's processes write into a folder what they read, within the block."""
        ...

    def installer(self, step: str) -> Installer:
        """Return an installer for environments beside a step's own, which writes to its log."""
        ...

    def complete(self, command: Command, step: str) -> Completed:
        """Run a command with a step's variables, and return how it ended; its log is the step's."""
        ...

    def run(  # noqa: PLR0913 - how a tool is run, each by name
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
        """Run a tool in a step's environment and return what it printed.

        Args:
            step: The step whose environment and log it uses.
            argv: The program, which is looked up in the environment first, and its arguments.
            what: The subject of an error message: "training", "the tests".
            env: Further variables.
            secrets: The classes of secrets that the tool may see.
            echo: Shows each line of the output at once. Without it, the last lines are shown if
                the tool fails.
            timeout: Seconds after which the tool is stopped; None for no limit.

        Raises:
            StepFailedError: The exit code is not 0, or the time limit has passed.
        """
        ...
