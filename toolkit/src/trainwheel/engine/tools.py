"""What runs in the environments of steps: a protocol, so that a test hands in one that records."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from trainwheel.engine.workspace import Workspace
from trainwheel.install.environments import Installer
from trainwheel.system.process import Command, Completed
from trainwheel.system.secrets import SecretClass

__all__ = ["PROGRESS", "Tools"]

PROGRESS = "\x1e"
"""What lines begin with that tell how far a tool is, and are no part of its output."""


class Tools(Protocol):
    """Runs commands in the environments of steps."""

    @property
    def folder(self) -> Path:
        """The folder of the environments."""
        ...

    def served_index(self) -> AbstractContextManager[str]:
        """Serve all indexes as one on this machine, for a resolver, and yield its address.

        It is empty where no package is bound to an index.
        """
        ...

    def at(self, workspace: Workspace) -> Tools:
        """Return these tools for a repository with another configuration."""
        ...

    def python(self, step: str) -> Path:
        """Return the interpreter of a step's environment, made or filled where it has to be."""
        ...

    def variables(self, step: str) -> dict[str, str]:
        """Return what a process needs to run in a step's environment."""
        ...

    def installer(self, step: str) -> Installer:
        """Return what makes environments for a step, beside its own."""
        ...

    def complete(self, command: Command, step: str) -> Completed:
        """Run a command to its end, whatever that is; its output goes to a step's log."""
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
            step: Whose environment and log it uses.
            argv: The program, looked up in the environment first, and its arguments.
            what: What it does, for the error: "training", "the tests".
            env: Variables set on top.
            secrets: The classes of secrets that it may see.
            echo: Shows each line of its output as it comes, instead of the last ones if it fails.
            timeout: Seconds after which it is ended; None for no limit.

        Raises:
            StepFailedError: It ended in anything but 0, or too late.
        """
        ...
