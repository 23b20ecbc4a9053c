"""pypiserver as its documentation starts it, which sends readers of unknown projects elsewhere."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from integration.index.servers import BOUND


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def write_htpasswd(path: Path, logins: Mapping[str, str]) -> None:
    """Write user names and passwords as ``htpasswd -s`` does, in UTF-8."""
    lines = []
    for username, password in logins.items():
        digest = hashlib.sha1(password.encode(), usedforsecurity=False).digest()
        lines.append(f"{username}:{{SHA}}{base64.b64encode(digest).decode()}\n")
    path.write_text("".join(lines), encoding="utf-8")


@contextlib.contextmanager
def serve_default(folder: Path, logins: Mapping[str, str], *options: str) -> Iterator[str]:
    """Yield the address of a running ``pypi-server run -P htpasswd -a update DIR``.

    Args:
        folder: Gets its files and its passwords.
        logins: Who may upload, and their passwords; anyone where there are none.
        options: Further options.
    """
    files, passwords, log = folder / "files", folder / "htpasswd", folder / "server.log"
    files.mkdir(parents=True)
    write_htpasswd(passwords, logins)
    port = free_port()
    access = ("-P", str(passwords), "-a", "update") if logins else ("-P", ".", "-a", ".")
    argv = (
        *(sys.executable, "-P", "-W", "ignore", "-m", "pypiserver", "run"),
        *("-i", "127.0.0.1", "-p", str(port), *access, *options, str(files)),
    )
    with log.open("wb") as stream, subprocess.Popen(argv, stdout=stream, stderr=stream) as process:
        try:
            await_port(port, process)
            yield f"http://127.0.0.1:{port}/"
        finally:
            process.terminate()


def await_port(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until something listens on a port, or a process ends."""
    deadline = time.monotonic() + BOUND
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        assert process.poll() is None, "the server has ended"
        assert time.monotonic() < deadline, "the server did not start in time"
        time.sleep(0.05)
