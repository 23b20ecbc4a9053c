"""pypiserver as its documentation starts it, which sends readers of unknown projects elsewhere."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from integration.index.servers import BOUND


@contextlib.contextmanager
def serve_default(folder: Path, username: str, password: str, *options: str) -> Iterator[str]:
    """Yield the address of a running ``pypi-server run -P htpasswd -a update DIR``.

    Args:
        folder: Gets its files and its passwords.
        username: Who may upload.
        password: Their password.
        options: Further options.
    """
    files, passwords, log = folder / "files", folder / "htpasswd", folder / "server.log"
    files.mkdir(parents=True)
    # As `htpasswd -s` writes it.
    digest = base64.b64encode(hashlib.sha1(password.encode(), usedforsecurity=False).digest())
    passwords.write_text(f"{username}:{{SHA}}{digest.decode()}\n")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    argv = (
        *(sys.executable, "-P", "-W", "ignore", "-m", "pypiserver", "run"),
        *("-i", "127.0.0.1", "-p", str(port), "-P", str(passwords), "-a", "update"),
        *(*options, str(files)),
    )
    with log.open("wb") as stream, subprocess.Popen(argv, stdout=stream, stderr=stream) as process:
        try:
            _await_port(port, process)
            yield f"http://127.0.0.1:{port}/"
        finally:
            process.terminate()


def _await_port(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + BOUND
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        assert process.poll() is None, "the server has ended"
        assert time.monotonic() < deadline, "the server did not start in time"
        time.sleep(0.05)
