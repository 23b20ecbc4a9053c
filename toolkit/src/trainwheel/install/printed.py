"""The command that installs a release: people are told it after it has run as it is printed.

It runs in the environment that verification makes, and has the password from where a person would
keep it, which is a ``.netrc``: pip and uv both read that.
"""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from trainwheel.errors import StepFailedError
from trainwheel.index.access import direct
from trainwheel.index.pypirc import netrc_entry, private_netrc
from trainwheel.index.target import Target
from trainwheel.install.environments import Installer, find_uv, python_of
from trainwheel.system.command import Command
from trainwheel.system.process import run
from trainwheel.system.secrets import SecretClass

__all__ = ["InstallLine", "Way", "install_as_printed"]

_TOOLS = ("pip", "uv pip")


@dataclass(frozen=True)
class InstallLine:
    """A command that has installed a release.

    Args:
        command: As a shell takes it.
        password: Where the password goes that it needs; empty where it needs none.
    """

    command: str
    password: str = ""


@dataclass(frozen=True)
class Way:
    """A way to name a release to an installer.

    Args:
        calls: The arguments of ``pip install``, which is called once for each.
        login: The index whose password is needed; None to leave all as it is on this machine.
        is_open: Whether that index may be readable without a password, which is tried first then.
    """

    calls: tuple[tuple[str, ...], ...]
    login: Target | None = None
    is_open: bool = False

    def command(self, tool: str) -> str:
        """Return what people type to install by a tool."""
        return " && ".join(f"{tool} install {shlex.join(call)}" for call in self.calls)

    @property
    def logins(self) -> tuple[Target | None, ...]:
        """The indexes whose passwords are tried, one after the other."""
        is_secret = self.login is not None and self.login.password is not None
        return (*((None,) if self.is_open or not is_secret else ()),
                *((self.login,) if is_secret else ()))  # fmt: skip


def install_as_printed(
    ways: Iterable[Way], home: Path, installer: Installer, python: Path
) -> InstallLine:
    """Install a release into an environment, and return the first command that did.

    Args:
        ways: How the release can be named, the best one first.
        home: The environment; holds what the release requires.
        installer: Knows the variables of this run, and the log.
        python: An interpreter in whose environment pip is.

    Raises:
        StepFailedError: No command installs it.
    """
    failure = ""
    for way in ways:
        for login in way.logins:
            for tool in _tools(python, login):
                command = way.command(tool)
                with _login(way, login, installer.environment.variables) as variables:
                    reason = _run(command, home, installer, python, variables)
                if not reason:
                    return InstallLine(command, "" if login is None else _explain(login))
                failure = failure or f"{command}: {reason}"
    message = f"what was published cannot be installed: {failure}"
    raise StepFailedError(message, hint=f"see {installer.log}" if installer.log else "")


def _tools(python: Path, login: Target | None) -> tuple[str, ...]:
    """Return the tools to try: pip sends a password as Latin-1, which few servers take."""
    is_plain = login is None or login.is_ascii
    has_pip = python.with_name("pip").exists()
    return _TOOLS if is_plain and has_pip else _TOOLS[1:]


def _run(
    command: str, home: Path, installer: Installer, python: Path, variables: Mapping[str, str]
) -> str:
    """Type a command, as it were, and return why it failed; nothing if it did not."""
    own = installer.variables(home, python.parents[1])
    programs = (
        own["PATH"].partition(os.pathsep)[0],
        str(python.parent),
        str(Path(find_uv()).parent),
    )
    path = os.pathsep.join((*programs, installer.environment.get("PATH") or ""))
    # With these pip and uv install into that environment, ask nobody, and take the index's bytes.
    quiet = {"PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    quiet |= {"PIP_PYTHON": str(python_of(home)), "PIP_NO_CACHE_DIR": "1", "UV_NO_CACHE": "1"}
    typed = Command(
        ("sh", "-c", command),
        home.parent,
        {**own, **quiet, **variables, "PATH": path},
        frozenset({SecretClass.READ}),
        is_open=True,
    )
    result = run(typed, installer.environment, log=installer.log)
    return result.reason if result.failed else ""


@contextlib.contextmanager
def _login(
    way: Way, login: Target | None, variables: Mapping[str, str]
) -> Iterator[Mapping[str, str]]:
    """Yield the variables by which pip and uv find a password where a person would keep it."""
    if way.login is None:
        yield {}
        return
    more = direct(way.login, variables)
    if login is None:
        yield {**more, "NETRC": os.devnull}
        return
    with private_netrc(login) as path:
        yield {**more, "NETRC": str(path)}


def _explain(login: Target) -> str:
    entry = netrc_entry(login, "PASSWORD")
    return f"in ~/.netrc, which pip and uv read (chmod 600): {entry}"
