"""devpi: a server that answers 200 to everything, overwriting included, and speaks JSON."""

from __future__ import annotations

import base64
import contextlib
import io
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from integration.index.servers import BOUND
from trainwheel.console import Console
from trainwheel.environ import Environment, Secret
from trainwheel.errors import ConfigurationError, VersionTakenError
from trainwheel.index.client import SimpleIndex
from trainwheel.index.patience import Patience
from trainwheel.index.target import Target
from trainwheel.index.upload import Outcome, Publication, publish

pytestmark = [pytest.mark.integration, pytest.mark.slow]

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


@pytest.fixture(scope="module")
def devpi(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a devpi server with a user ``ci`` and two indexes."""
    with _serve(tmp_path_factory.mktemp("devpi")) as url:
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


def _target(devpi: str, index: str, password: str = PASSWORD) -> Target:
    url = f"{devpi}/ci/{index}/"
    return Target("devpi", url, f"{url}+simple/", username=Secret("ci"), password=Secret(password))


def _publish(target: Target, wheel: Path, environment: Environment) -> Outcome:
    return publish(
        target,
        wheel,
        python=Path(sys.executable),
        environment=environment,
        console=Console(Environment({}), io.StringIO()),
        log=None,
        patience=Patience(tries=1, polls=2, delay=0),
    )


@pytest.mark.parametrize("index", ["volatile", "fixed"])
def test_nothing_is_overwritten_even_where_the_server_would(
    devpi: str, index: str, wheel: Path, other_wheel: Path, environment: Environment
) -> None:
    target = _target(devpi, index)
    first = _publish(target, wheel, environment)
    assert first.publication is Publication.PUBLISHED
    assert _publish(target, wheel, environment).publication is Publication.ALREADY
    with pytest.raises(VersionTakenError):
        _publish(target, other_wheel, environment)
    (file,) = SimpleIndex(target).files("demo-model")
    assert file.hashes["sha256"] == first.sha256


def test_a_wrong_password_is_found_before_anything_is_sent(devpi: str) -> None:
    SimpleIndex(_target(devpi, "fixed")).check_access(uploads=True)
    with pytest.raises(ConfigurationError):
        SimpleIndex(_target(devpi, "fixed", "wrong")).check_access(uploads=True)
