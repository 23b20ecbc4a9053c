"""Fixtures: wheels, fake indexes, and an environment full of misleading credentials."""

from __future__ import annotations

import contextlib
import http.server
import io
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.index.servers import BOUND, PASSWORD, USER, FakeIndex, make_wheel, serve_fake
from trainwheel.index.patience import Patience
from trainwheel.system.console import Console
from trainwheel.system.environ import Environment


@pytest.fixture
def fake() -> Iterator[FakeIndex]:
    """A fake index."""
    with serve_fake() as index:
        yield index


@pytest.fixture
def other_fake() -> Iterator[FakeIndex]:
    """Another host, as far as ports make hosts."""
    with serve_fake() as index:
        yield index


@pytest.fixture
def never_answering(fake: FakeIndex) -> FakeIndex:
    """An index that takes an upload and says nothing, until the client is gone."""

    def wait(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.connection.settimeout(BOUND)
        with contextlib.suppress(OSError):
            while handler.connection.recv(65536):
                pass
        fake.client_gone.set()
        handler.close_connection = True

    fake.uploads = wait
    return fake


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """A wheel."""
    return make_wheel(tmp_path / "dist")


@pytest.fixture
def other_wheel(tmp_path: Path) -> Path:
    """A wheel of the same name with other content."""
    return make_wheel(tmp_path / "other", "x = 2\n")


@pytest.fixture
def python() -> Path:
    """The Python that has twine and pypiserver."""
    return Path(sys.executable)


@pytest.fixture(autouse=True)
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary folder of the system that only this test uses."""
    folder = tmp_path / "system"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    """An environment with misleading credentials, which must not matter."""
    netrc = tmp_path / ".netrc"
    netrc.write_text("default login thief password stolen\n")
    netrc.chmod(0o600)
    variables = {
        "PATH": os.defpath, "HOME": str(tmp_path), "NETRC": str(netrc), "TWINE_PASSWORD": "",
        "TWINE_REPOSITORY_URL": "http://127.0.0.1:9/", "HTTP_PROXY": "http://127.0.0.1:9",
        "http_proxy": "http://127.0.0.1:9",
    }  # fmt: skip
    opened = Environment(variables)
    # As for an index that this run has opened.
    opened.secrets.read_login(USER, PASSWORD)
    return opened


@pytest.fixture
def screen() -> io.StringIO:
    """What a person sees."""
    return io.StringIO()


@pytest.fixture
def console(environment: Environment, screen: io.StringIO) -> Console:
    """A console that prints to `screen`."""
    return Console(environment, screen)


@pytest.fixture
def patience() -> Patience:
    """Short pauses and waits."""
    return Patience(connect=5, answer=5, tries=3, listing=0.1, delay=0.02)
