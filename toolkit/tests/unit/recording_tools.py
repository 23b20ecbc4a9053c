"""Tools that keep what they were asked to run, and answer as the test says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from trainwheel.engine.tools import Tools
from trainwheel.engine.workspace import Workspace
from trainwheel.errors import StepFailedError
from trainwheel.install.environments import Installer
from trainwheel.system.command import Command, Completed
from trainwheel.system.environ import Environment
from trainwheel.system.secrets import SecretClass

__all__ = ["Call", "RecordingTools"]


@dataclass(frozen=True)
class Call:
    """A tool that was to be run, in which step's environment, with what."""

    step: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    secrets: frozenset[SecretClass] = frozenset()
    stdin: str = ""


@dataclass
class RecordingTools:
    """Runs nothing.

    Args:
        answer: Does what the tool would do, and returns what it would print; it raises
            `StepFailedError` for a tool that fails.
        folder: Of the environments.
        served: The address at which all indexes are served as one.
    """

    answer: Callable[[Call], str] = field(default=lambda _: "")
    folder: Path = Path("/environments")
    served: str = ""
    calls: list[Call] = field(default_factory=list)

    def at(self, workspace: Workspace) -> Tools:
        """Return the same: what is configured changes nothing here."""
        del workspace
        return self

    def python(self, step: str) -> Path:
        """Return where the interpreter of a step would stand."""
        return self.folder / step / "bin" / "python"

    def require_unchanged(self, step: str) -> None:
        """Nothing is installed here."""

    def variables(self, step: str) -> dict[str, str]:
        """Return what a process of a step is told."""
        return {"VIRTUAL_ENV": str(self.folder / step)}

    def served_index(self) -> AbstractContextManager[str]:
        """Yield the address that the test names."""
        return nullcontext(self.served)

    def watching(self, step: str, folder: Path) -> AbstractContextManager[None]:
        """Watch nothing."""
        del step, folder
        return nullcontext()

    def installer(self, step: str) -> Installer:
        """Return what makes environments beside a step's own."""
        return Installer(Environment({"STEP": step}))

    def complete(self, command: Command, step: str) -> Completed:
        """Keep the command; a failure is its exit code 1."""
        call = Call(step, command.argv, command.env, command.secrets, command.stdin)
        try:
            return Completed(0, self._run(call))
        except StepFailedError as error:
            return Completed(1, error.message)

    def run(  # noqa: PLR0913 - as the protocol has it
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
        """Keep the call, and answer it."""
        assert what
        assert timeout is None or timeout > 0
        output = self._run(Call(step, argv, env or {}, secrets))
        if echo is not None:
            for line in output.splitlines():
                echo(line)
        return output

    def _run(self, call: Call) -> str:
        self.calls.append(call)
        return self.answer(call)
