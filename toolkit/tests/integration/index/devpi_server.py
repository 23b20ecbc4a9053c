"""A real devpi server on this machine."""

from __future__ import annotations

import base64
import contextlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import requests

from integration.index.default_pypiserver import free_port
from integration.index.servers import BOUND

PASSWORD = "pa%s#word"


@contextlib.contextmanager
def _serve(folder: Path) -> Iterator[str]:
    scripts = Path(sys.executable).parent
    subprocess.run(
        [scripts / "devpi-init", "--serverdir", folder, "--no-root-pypi"],
        check=True,
        capture_output=True,
        timeout=BOUND,
    )
    port = free_port()
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
        add_user(url, "ci", PASSWORD, volatile=True, fixed=False)
        yield url


def add_user(url: str, name: str, password: str, **indexes: bool) -> None:
    """Add a user with indexes: name → whether files on it may be replaced."""
    _put(f"{url}/{name}", {"password": password})
    login = requests.post(f"{url}/+login", json={"user": name, "password": password}, timeout=BOUND)
    pair = f"{name}:{login.json()['result']['password']}"
    headers = {"X-Devpi-Auth": base64.b64encode(pair.encode()).decode()}
    for index, is_volatile in indexes.items():
        settings = {"type": "stage", "bases": [], "volatile": is_volatile}
        _put(f"{url}/{name}/{index}", settings, headers)


def _put(url: str, body: dict[str, object], headers: dict[str, str] | None = None) -> None:
    requests.put(url, json=body, headers=headers, timeout=BOUND).raise_for_status()
