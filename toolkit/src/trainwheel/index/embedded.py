"""The index in the work tree: a real pypiserver that lives as long as it is needed.

The files stand under one folder; the server is started for an upload and stopped after it, with a
password that exists only while it runs.
"""

from __future__ import annotations

import contextlib
import ipaddress
import secrets
import shlex
import socket
from collections.abc import Iterator
from importlib.resources import as_file, files
from pathlib import Path
from urllib.parse import quote

from packaging.utils import parse_wheel_filename
from packaging.version import Version

from trainwheel.errors import StepFailedError
from trainwheel.index.client import SimpleIndex
from trainwheel.index.folder import list_wheels
from trainwheel.index.target import EMBEDDED, Target
from trainwheel.system.command import Command
from trainwheel.system.console import Console
from trainwheel.system.environ import Environment
from trainwheel.system.process import Process, await_line, serving

__all__ = ["embedded_index", "serve_index"]

_START = 60.0
_LOOPBACK = "127.0.0.1"


@contextlib.contextmanager
def embedded_index(
    folder: Path, python: Path, environment: Environment, *, protect_reads: bool = False
) -> Iterator[Target]:
    """Serve ``folder`` as an index on this machine, and yield what opens it.

    Args:
        folder: Holds the wheels; made where it is missing.
        python: The Python of an environment that has pypiserver.
        environment: The variables of this run.
        protect_reads: Let nobody list or download without the password.

    Raises:
        StepFailedError: The server did not start.
    """
    # Random as well, for credentials are hidden in output, and so a common word would be.
    user, password = secrets.token_hex(8), secrets.token_urlsafe(32)
    options = ("--protect-reads",) if protect_reads else ()
    with _server(folder, python, environment, f"{user}:{password}", options) as (_, port):
        address = f"http://{_LOOPBACK}:{port}/"
        login = environment.secrets.read_login(user, password)
        target = Target(EMBEDDED, address, f"{address}simple/", None, *login)
        SimpleIndex(target).check_access()
        yield target


def serve_index(  # noqa: PLR0913 - what a session hands over, each by name
    folder: Path,
    python: Path,
    environment: Environment,
    *,
    console: Console,
    host: str = _LOOPBACK,
    port: int = 0,
) -> None:
    """Serve ``folder`` for reading until Ctrl-C: anyone may install, nobody may upload.

    Args:
        folder: Holds the wheels; made where it is missing.
        python: The Python of an environment that has pypiserver.
        environment: The variables of this run.
        console: Prints the address and the line that installs from it.
        host: The address to listen on.
        port: The port to listen on; 0 takes a free one.

    Raises:
        StepFailedError: The server did not start, or ended by itself.
    """
    nobody = f"{secrets.token_hex(8)}:{secrets.token_urlsafe(32)}"
    options = ("--host", host, "--port", str(port))
    with _server(folder, python, environment, nobody, options) as (process, free_port):
        root = f"http://{_public_name(host)}:{free_port}"
        console.line(f"index at {root}/simple/ until Ctrl-C")
        for wheel in _newest(folder):
            # By address and not by name: of two indexes that have the name, pip takes the higher
            # version.
            address = shlex.quote(f"{root}/packages/{quote(wheel)}")
            console.command("", f"pip install {address}")
        with contextlib.suppress(KeyboardInterrupt):
            code = process.wait()
            message = f"the index server ended by itself, with exit code {code}"
            raise StepFailedError(message)


def _newest(folder: Path) -> tuple[str, ...]:
    """Return the name of each project's newest wheel."""
    newest: dict[str, tuple[Version, str]] = {}
    for path in list_wheels(folder):
        name, version, *_ = parse_wheel_filename(path.name)
        newest[name] = max(newest.get(name, (version, path.name)), (version, path.name))
    return tuple(newest[name][1] for name in sorted(newest))


def _public_name(host: str) -> str:
    """Return what others call a host that listens on every address."""
    name = socket.gethostname() if _is_everywhere(host) else host
    return f"[{name}]" if ":" in name else name


def _is_everywhere(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return not host


@contextlib.contextmanager
def _server(
    folder: Path, python: Path, environment: Environment, credentials: str, options: tuple[str, ...]
) -> Iterator[tuple[Process, int]]:
    folder.mkdir(parents=True, exist_ok=True)
    with as_file(files("trainwheel") / "guest" / "index_server.py") as script:
        argv = (str(python), "-P", str(script), str(folder.resolve()), *options)
        with serving(Command(argv, env={"PYTHONUTF8": "1"}), environment) as process:
            yield process, _await_port(process, credentials)


def _await_port(process: Process, credentials: str) -> int:
    if process.stdin is not None:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(f"{credentials}\n".encode())
            process.stdin.flush()
    is_there, line = await_line(process, str.isdecimal, _START)
    if is_there:
        return int(line)
    hint = "lock pypiserver in the upload category" if "No module named" in line else ""
    message = f"the index server did not start: {line or 'it printed no port in time'}"
    raise StepFailedError(message, hint=hint)
