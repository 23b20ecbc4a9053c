"""Where packages come from, when some are bound to an index."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from trainwheel.index.access import for_pip, for_uv, parse_address
from trainwheel.index.bindings import Bindings
from trainwheel.index.pip import find_bundle
from trainwheel.index.target import Target, read_target
from trainwheel.install.environments import Share, read_pip_settings
from trainwheel.settings.tables import IndexSettings
from trainwheel.system.command import Command
from trainwheel.system.environ import Environment
from trainwheel.system.process import run

__all__ = ["Routing", "routing_of"]

_DEFAULT = re.compile(r"Base URL of the Python Package Index\s+\(default\s+(\S+?)\)")


@dataclass(frozen=True)
class Routing:
    """Divides what is to be installed among indexes, each asked for its own packages only.

    Args:
        bindings: Which package is bound to which index.
        open_index: Returns an index by its name, with the credentials for reading.
        environment: The variables of this run.
    """

    bindings: Bindings
    open_index: Callable[[str], Target]
    environment: Environment

    def __call__(self, requirements: str) -> tuple[Share, ...]:
        """Return the shares of a requirements file.

        Raises:
            ConfigurationError: An index cannot be used, or a binding contradicts the lock.
        """
        shares = self.bindings.divide(requirements)
        variables = self.environment.variables
        return tuple(
            Share(text, None if name is None else for_uv(self.open_index(name), variables))
            for name, text in shares.items()
        )

    def for_pip(
        self, requirements: str
    ) -> dict[str, contextlib.AbstractContextManager[dict[str, str]]]:
        """Return the shares of a requirements file, each with what opens its variables for pip.

        Raises:
            ConfigurationError: An index cannot be used, or a binding contradicts the lock.
        """
        pip = read_pip_settings(self.environment)
        return {
            text: contextlib.nullcontext({})
            if name is None
            else self._open_for_pip(self.open_index(name), pip)
            for name, text in self.bindings.divide(requirements).items()
        }

    @contextlib.contextmanager
    def _open_for_pip(self, target: Target, pip: Mapping[str, str]) -> Iterator[dict[str, str]]:
        variables = self.environment.variables
        if target.is_ascii:
            yield for_pip(target, pip, variables)
            return
        from trainwheel.index.router import serve_routes

        # pip sends Latin-1 and ends in a traceback at other letters; we ask the index for it.
        with serve_routes(Bindings({}), {}, (target,)) as url:
            here = parse_address(target.name, url, self.environment.secrets)
            own = {"PIP_NO_CACHE_DIR": "1", "PIP_RETRIES": "0"}
            yield {**for_pip(here, {}, variables), **own}

    @contextlib.contextmanager
    def served(self) -> Iterator[str]:
        """Serve all indexes as one on this machine, for a resolver, and yield its address.

        It is empty on a machine that installs without any index.

        Raises:
            ConfigurationError: An index cannot be used.
            StepFailedError: One does not answer.
        """
        from trainwheel.index.router import serve_routes

        pip = read_pip_settings(self.environment)
        if pip.get("no-index", "").strip().lower() in {"1", "true", "yes", "on"}:
            yield ""
            return
        first = pip.get("index-url") or self._default_index()
        addresses = (first, *pip.get("extra-index-url", "").split())
        bundle = pip.get("cert") or find_bundle(self.environment.variables)
        secrets = self.environment.secrets
        rest = tuple(parse_address("of pip", text, secrets, bundle) for text in addresses if text)
        targets = {name: self.open_index(name) for name in self.bindings.patterns}
        with serve_routes(self.bindings, targets, rest) as url:
            yield url

    def _default_index(self) -> str:
        """Return where pip installs from by default, according to its help."""
        argv = (sys.executable, "-P", "-m", "pip", "download", "--help")
        text = run(Command(argv, env={"COLUMNS": "1000"}, is_open=True), self.environment).output
        match = _DEFAULT.search(" ".join(text.split()))
        return match[1] if match else ""


def routing_of(
    indexes: Mapping[str, IndexSettings],
    environment: Environment,
    mint: Callable[[IndexSettings], str],
) -> Routing | None:
    """Return how bound packages are reached; None where the configuration binds none.

    Args:
        indexes: The configured indexes by name.
        environment: The variables of this run.
        mint: Returns the password of an index that has a ``token-command``.
    """
    bindings = Bindings.of(indexes)
    if not bindings.patterns:
        return None

    def open_index(name: str) -> Target:
        # Only where one is bound.
        return read_target(indexes[name], environment, mint)

    return Routing(bindings, open_index, environment)
