"""Passwords of short life, such as those of cloud registries: printed by a command."""

from __future__ import annotations

import shlex
import time
from dataclasses import dataclass, field

from trainwheel.errors import ConfigurationError, MissingCredentialsError
from trainwheel.settings.tables import IndexSettings
from trainwheel.system.command import Command
from trainwheel.system.environ import Environment
from trainwheel.system.process import run
from trainwheel.system.secrets import Secret, SecretClass
from trainwheel.system.turns import OneByOne

__all__ = ["TokenSource"]

_SECONDS = 60.0
_FRESH = 240.0
"""How long a token is taken again; the shortest-lived ones in use are good for minutes."""
_SECRETS = frozenset({SecretClass.READ, SecretClass.PUBLISH})


@dataclass(frozen=True)
class TokenSource:
    """Runs the ``token-command`` of an index, and not at every turn.

    Args:
        environment: The variables of this run, which the command sees.
    """

    environment: Environment
    _minted: dict[str, tuple[float, str]] = field(default_factory=dict, repr=False)
    _minting: OneByOne = field(default_factory=OneByOne, repr=False)

    def __call__(self, settings: IndexSettings) -> str:
        """Return what the command prints, which nothing else gets to see.

        Raises:
            ConfigurationError: It is not a command, or prints nothing or more than one line.
            MissingCredentialsError: It failed, as in a job that may not have a token.
        """
        with self._minting.at(settings.token_command):
            cached = self._minted.get(settings.token_command)
            if cached is not None and time.monotonic() - cached[0] < _FRESH:
                return cached[1]
            token = self._mint(settings)
            self._minted[settings.token_command] = time.monotonic(), token
            return token

    @property
    def minted(self) -> tuple[Secret, ...]:
        """What was printed so far."""
        return tuple(self.environment.secrets.read(token) for _, token in self._minted.values())

    def _mint(self, settings: IndexSettings) -> str:
        where = f"tool.trainwheel.index.{settings.name}.token-command"
        try:
            argv = tuple(shlex.split(settings.token_command))
        except ValueError:
            message = f"{where} is not a command: it has an unmatched quotation mark"
            raise ConfigurationError(message) from None
        # It sees the passwords: a Python takes no module of the folder that it starts in.
        command = Command(
            argv,
            env={"PYTHONSAFEPATH": "1"},
            secrets=_SECRETS,
            is_open=True,
            timeout=_SECONDS,
            drops_errors=True,
            is_private=True,
        )
        result = run(command, self.environment)
        if result.is_late:
            message = f"{where} has not ended within {_SECONDS:.0f} s"
            raise MissingCredentialsError(message, hint="run it by hand to see what it waits for")
        if result.failed:
            message = f"{where} ended with exit code {result.returncode}"
            raise MissingCredentialsError(message, hint="run it by hand to see why")
        lines = result.output.split()
        if len(lines) != 1:
            amount = "nothing" if not lines else "more than one word"
            message = f"{where} prints {amount}"
            raise ConfigurationError(message, hint="it has to print the token alone")
        return lines[0]
