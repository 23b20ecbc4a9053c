"""The real pipenv-setup, for teams that need its exact output.

It runs only with frozen old packages, so it gets an environment of its own, and it writes where
it runs, not atomically, so it is given copies. Its setup.py is taken if it is still Python.
"""

from __future__ import annotations

import ast
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from trainwheel.errors import ConfigurationError, StepFailedError
from trainwheel.install.environments import Installer
from trainwheel.requirements.pins import SyncSettings
from trainwheel.system.command import Command
from trainwheel.system.environ import Environment
from trainwheel.system.process import run

__all__ = ["REQUIREMENTS", "PipenvSetup"]

REQUIREMENTS: Final = Path(__file__).parents[1] / "data" / "pipenv-setup.txt"
_FIRST, _LAST = (3, 9), (3, 13)
# What its policies are called there.
_OPTIONS: Final[Mapping[str, tuple[str, ...]]] = {"locked": (), "declared": ("--pipfile",)}


@dataclass(frozen=True)
class PipenvSetup:
    """pipenv-setup 3.2.0 in an environment of its own.

    Args:
        folder: The environment; made at the first use.
        environment: The variables of this run.
        python: The version that it would run on.
    """

    folder: Path
    environment: Environment
    python: tuple[int, int] = sys.version_info[:2]

    def __call__(self, files: Mapping[str, bytes], settings: SyncSettings) -> bytes:
        """Return the setup.py that ``pipenv-setup sync`` makes.

        Args:
            files: setup.py, Pipfile and Pipfile.lock.
            settings: `locked` or `declared`; no extra but `dev`.

        Raises:
            ConfigurationError: It cannot do this, or not here, or it ruined the file.
        """
        arguments = self._arguments(settings)
        if "setup.py" not in files:
            message = "pipenv-setup needs a setup.py, which is missing"
            raise ConfigurationError(message, hint="omit --engine")
        with tempfile.TemporaryDirectory(prefix="trainwheel-") as name:
            for file, data in files.items():
                Path(name, file).write_bytes(data)
            self._run(arguments, Path(name))
            setup_py = Path(name, "setup.py").read_bytes()
        _check(setup_py)
        return setup_py

    def _arguments(self, settings: SyncSettings) -> tuple[str, ...]:
        if not _FIRST <= self.python <= _LAST:
            here = ".".join(map(str, self.python))
            message = f"pipenv-setup runs on Python 3.9 to 3.13, not on {here}"
            raise ConfigurationError(message, hint="omit --engine, or use an older Python")
        if settings.pins not in _OPTIONS:
            message = f"pipenv-setup does not know the policy {settings.pins!r}"
            raise ConfigurationError(message, hint=f"use --pins {' or '.join(_OPTIONS)}")
        if settings.extras not in ({}, {"dev": "dev-packages"}):
            message = "pipenv-setup can write only the extra dev"
            raise ConfigurationError(message, hint="omit --engine, or use --dev-extra dev")
        return ("sync", *_OPTIONS[settings.pins], *(("--dev",) if settings.extras else ()))

    def _run(self, arguments: tuple[str, ...], folder: Path) -> None:
        requirements = REQUIREMENTS.read_text(encoding="utf-8")
        try:
            python = Installer(self._installing()).ensure(self.folder, requirements)
            # It orders clauses by the hashes of texts, which Python makes random.
            variables = {"PYTHONHASHSEED": "0", "PYTHONWARNINGS": "ignore"}
            argv = (str(python.with_name("pipenv-setup")), *arguments)
            result = run(Command(argv, cwd=folder, env=variables, is_open=True), self.environment)
        except StepFailedError as error:
            message = f"pipenv-setup cannot be used: {error.message}"
            raise ConfigurationError(message, hint=error.hint) from None
        if result.failed:
            message = f"pipenv-setup ended with exit code {result.returncode}"
            message += f": {result.last_line}" if result.last_line else ""
            raise ConfigurationError(message, hint="omit --engine to see what is wrong")

    def _installing(self) -> Environment:
        """Return the variables to install with."""
        # One package exists as source only; what builds it comes from the same list.
        variables = {**self.environment.variables, "UV_BUILD_CONSTRAINT": str(REQUIREMENTS)}
        return replace(self.environment, variables=variables)


def _check(setup_py: bytes) -> None:
    """Check that a file is Python: pipenv-setup reports success even if it is not."""
    try:
        ast.parse(setup_py)
    except (SyntaxError, ValueError) as error:
        message = f"pipenv-setup ruined setup.py: {error}"
        raise ConfigurationError(message, hint="the file is kept; omit --engine") from None
