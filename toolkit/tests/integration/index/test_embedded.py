"""The embedded index: a real pypiserver, real twine, and every way to end them."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

import trainwheel
from integration.index.servers import BOUND, make_wheel, publish_quietly
from trainwheel.errors import ConfigurationError, StepFailedError, VersionTakenError
from trainwheel.index.client import SimpleIndex
from trainwheel.index.embedded import embedded_index, serve_index
from trainwheel.index.folder import published_wheels
from trainwheel.index.target import Target
from trainwheel.system.console import Console
from trainwheel.system.environ import Environment
from trainwheel.system.secrets import Secret

pytestmark = pytest.mark.integration

PACKAGE = Path(str(trainwheel.__path__[0]))
HOST = PACKAGE / "guest" / "index_server.py"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of the embedded index, not made yet; a dot in its path must not matter."""
    return tmp_path / ".trainwheel" / "index"


@pytest.fixture
def target(folder: Path, python: Path, environment: Environment) -> Iterator[Target]:
    """A running embedded index."""
    with embedded_index(folder, python, environment) as index:
        yield index


def _is_served(url: str) -> bool:
    parts = urlsplit(url)
    with socket.socket() as client:
        client.settimeout(BOUND)
        return client.connect_ex((parts.hostname, parts.port)) == 0


def test_a_wheel_is_published_once_and_the_folder_says_what_the_server_says(
    folder: Path, target: Target, wheel: Path, other_wheel: Path, environment: Environment
) -> None:
    assert publish_quietly(target, wheel, environment)
    assert not publish_quietly(target, wheel, environment)
    with pytest.raises(VersionTakenError):
        publish_quietly(target, other_wheel, environment)

    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        wheel.name: wheel.read_bytes()
    }
    (served,), (on_disk,) = (
        SimpleIndex(target).files("demo-model"),
        published_wheels(folder, "demo-model"),
    )
    assert (served.filename, served.hashes) == (on_disk.filename, on_disk.hashes)
    # An unknown project is not looked up elsewhere.
    response = requests.get(f"{target.simple_url}pip/", allow_redirects=False, timeout=BOUND)
    assert response.status_code == 404


def test_a_wrong_password_is_found_before_anything_is_sent(target: Target, folder: Path) -> None:
    SimpleIndex(target).check_access(uploads=True)
    wrong = replace(target, password=Secret("no"))
    SimpleIndex(wrong).check_access()
    with pytest.raises(ConfigurationError):
        SimpleIndex(wrong).check_access(uploads=True)
    assert list(folder.iterdir()) == []


def test_reads_are_protected_when_asked(
    folder: Path, python: Path, environment: Environment, wheel: Path, tmp_path: Path
) -> None:
    with embedded_index(folder, python, environment, protect_reads=True) as target:
        publish_quietly(target, wheel, environment)
        index = SimpleIndex(target)
        (file,) = index.files("demo-model")
        assert index.download(file, tmp_path / "new").read_bytes() == wheel.read_bytes()
        for url in (target.simple_url, file.url):
            assert requests.get(url, timeout=BOUND).status_code == 401


@pytest.mark.parametrize("error", [None, KeyboardInterrupt])
def test_the_server_ends_with_the_block(
    error: type[BaseException] | None, folder: Path, python: Path, environment: Environment
) -> None:
    url = ""
    try:
        with embedded_index(folder, python, environment) as target:
            url = target.upload_url
            assert _is_served(url)
            if error is not None:
                raise error
    except KeyboardInterrupt:
        pass
    assert not _is_served(url)


def _start_host(folder: Path, *options: str) -> tuple[subprocess.Popen[bytes], int]:
    process = subprocess.Popen(
        [sys.executable, "-P", HOST, folder, *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b"me:secret\n")
    process.stdin.flush()
    return process, int(process.stdout.readline())


def test_the_host_shows_no_password_and_removes_what_a_killed_one_wrote_aside(folder: Path) -> None:
    folder.mkdir(parents=True)
    dead = folder / f".{2**22 + 1}-1-demo_model-1.0-py3-none-any.whl.part"
    alive = folder / f".{os.getpid()}-1-demo_model-1.0-py3-none-any.whl.part"
    dead.touch()
    alive.touch()
    process, _ = _start_host(folder)
    with process:
        argv = ("ps", "-ww", "-o", "args=", "-p", str(process.pid))
        listing = subprocess.run(argv, check=True, capture_output=True, text=True, timeout=BOUND)
        process.terminate()
        assert process.wait(BOUND) == 0
    assert "index_server" in listing.stdout
    assert "secret" not in listing.stdout
    assert [path.name for path in folder.iterdir()] == [alive.name]


def test_a_port_in_use_is_one_line(
    folder: Path, python: Path, environment: Environment, console: Console
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StepFailedError, match=f"cannot listen on 127.0.0.1 port {port}"):
            serve_index(folder, python, environment, console=console, port=port)


def _half_an_upload(port: int) -> socket.socket:
    """Send a valid upload but for its end."""
    body = (
        b'--b\r\nContent-Disposition: form-data; name=":action"\r\n\r\nfile_upload\r\n'
        b'--b\r\nContent-Disposition: form-data; name="content"; '
        b'filename="demo_model-1.0-py3-none-any.whl"\r\n\r\n' + b"PK" * 500_000
    )
    head = (
        b"POST / HTTP/1.0\r\nAuthorization: Basic bWU6c2VjcmV0\r\nContent-Type: "
        b"multipart/form-data; boundary=b\r\nContent-Length: 9000000\r\n\r\n"
    )
    client = socket.create_connection(("127.0.0.1", port), BOUND)
    client.sendall(head + body)
    return client


@pytest.mark.parametrize("ends", ["the server", "the client", "the parent"])
def test_whichever_ends_in_the_middle_of_an_upload_no_wheel_is_left(
    folder: Path, ends: str
) -> None:
    process, port = _start_host(folder)
    with process, _half_an_upload(port) as client:
        if ends == "the server":
            process.kill()
        elif ends == "the client":
            client.shutdown(socket.SHUT_WR)
            assert b" 200 " not in client.recv(65536).partition(b"\r\n")[0]
            process.terminate()
        else:
            assert process.stdin is not None
            process.stdin.close()
        assert process.wait(BOUND) == (-signal.SIGKILL if ends == "the server" else 0)
    assert published_wheels(folder, "demo-model") == ()


SERVE = """
import sys
from pathlib import Path
from trainwheel.system.console import Console
from trainwheel.system.environ import read_environment
from trainwheel.index.embedded import serve_index

environment = read_environment()
console = Console(environment, sys.stdout)
serve_index(Path(sys.argv[1]), Path(sys.executable), environment, console=console)
"""


def _start_service(folder: Path) -> tuple[subprocess.Popen[str], list[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, folder],
        env={"PYTHONPATH": str(PACKAGE.parent)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return process, [process.stdout.readline().strip() for _ in range(2)]


def test_a_service_says_how_to_install_and_takes_no_upload(
    folder: Path, wheel: Path, environment: Environment
) -> None:
    for version in ("9.0", "10.0"):
        make_wheel(folder, version=version)
    process, (first, second) = _start_service(folder)
    with process:
        url = first.removeprefix("index at ").removesuffix(" until Ctrl-C")
        open_target = Target("x", url.removesuffix("simple/"), url)
        assert len(SimpleIndex(open_target).files("demo-model")) == 2
        installed = second.removeprefix("pip install ")
        assert installed.endswith("/demo_model-10.0-py3-none-any.whl")
        assert requests.get(installed, timeout=BOUND).content.startswith(b"PK")
        with pytest.raises(ConfigurationError):
            publish_quietly(open_target, make_wheel(wheel.parent, version="2.0"), environment)
        process.send_signal(signal.SIGINT)
        assert process.wait(BOUND) == 0
    assert not _is_served(url)


def test_a_service_does_not_outlive_a_killed_parent(folder: Path) -> None:
    make_wheel(folder)
    process, (first, _) = _start_service(folder)
    with process:
        url = first.removeprefix("index at ").removesuffix(" until Ctrl-C")
        parts = urlsplit(url)
        with socket.create_connection((str(parts.hostname), int(parts.port or 0)), BOUND) as open_:
            process.kill()
            # The system closes what the server held open, accepted already or not yet.
            with contextlib.suppress(ConnectionResetError):
                assert open_.recv(1) == b""
