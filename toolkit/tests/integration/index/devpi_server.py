"""A real devpi server on this machine."""

from __future__ import annotations

import base64
import contextlib
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import requests

from integration.index.servers import BOUND

PASSWORD = "pa%s#word"


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextlib.contextmanager
def _serve(folder: Path) -> Iterator[str]:
    scripts = Path(sys.executable).parent
    subprocess.run(
        [scripts / "devpi-init", "--serverdir", folder, "--no-root-pypi"],
        check=True,
        capture_output=True,
        timeout=BOUND,
    )
    port = _free_port()
    process = subprocess.Popen(
        [scripts / "devpi-server", "--serverdir", folder, "--port", str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    with process:
        started = threading.Event()
        reader = threading.Thread(target=_watch, args=(process, started))
        reader.start()
        try:
            assert started.wait(BOUND)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            reader.join(BOUND)


def _watch(process: subprocess.Popen[bytes], started: threading.Event) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if b"Serving on" in line:
            started.set()


@contextlib.contextmanager
def serve_devpi(folder: Path) -> Iterator[str]:
    """Yield the address of a devpi server with a user ``ci`` and two indexes."""
    with _serve(folder) as url:
        _put(f"{url}/ci", {"password": PASSWORD})
        login = requests.post(
            f"{url}/+login", json={"user": "ci", "password": PASSWORD}, timeout=BOUND
        )
        pair = f"ci:{login.json()['result']['password']}"
        headers = {"X-Devpi-Auth": base64.b64encode(pair.encode()).decode()}
        for name, volatile in (("volatile", True), ("fixed", False)):
            settings = {"type": "stage", "bases": [], "volatile": volatile}
            _put(f"{url}/ci/{name}", settings, headers)
        yield url


def _put(url: str, body: dict[str, object], headers: dict[str, str] | None = None) -> None:
    requests.put(url, json=body, headers=headers, timeout=BOUND).raise_for_status()
