"""The chain against an index of its own: found wrong before training, published to, kept secret."""

from __future__ import annotations

import base64
import http.server
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest
import requests

from integration.tiny import RealIndex, TinyProject

pytestmark = pytest.mark.integration

TRAINING = "model/tiny_training/__main__.py"
SECRET = "an0ther-Token"


def test_the_password_is_nowhere_and_training_sees_no_credentials(
    published: TinyProject, shut_nexus: RealIndex, tmp_path: Path
) -> None:
    dump = "import os\n(report / 'environ.json').write_text(json.dumps(dict(os.environ)))\n"
    published.write(TRAINING, published.read(TRAINING) + dump)
    system = tmp_path / "system"
    system.mkdir()
    project = published.with_variables(**shut_nexus.variables, TMPDIR=str(system))

    trained = project.nox("train", PIP_INDEX_URL=f"http://user:{SECRET}@127.0.0.1:9/simple/")
    run = project.nox("upload", "--", "--verbose")

    assert "trained" in trained.line("train ")
    assert run.code == 0, run.output
    assert shut_nexus.published() == ["0.1.0"]
    seen = json.loads(project.read("build/train/environ.json"))
    assert not [name for name in seen if name.startswith(("NEXUS_", "PIP_", "UV_", "TWINE_"))]
    pair = f"{shut_nexus.username}:{shut_nexus.password}"
    secrets = (shut_nexus.password, SECRET, base64.b64encode(pair.encode()).decode())
    assert not [secret for secret in secrets if secret in trained.output + run.output]
    files = [path for folder in (project.root, system) for path in folder.rglob("*")]
    held = [path for path in files if path.is_file() and _holds(path, secrets)]
    assert held == []
    assert list(system.iterdir()) == []


def _holds(path: Path, secrets: tuple[str, ...]) -> bool:
    data = path.read_bytes()
    return any(secret.encode() in data for secret in secrets)


class Counter(http.server.BaseHTTPRequestHandler):
    """Hands every request on to another server, and keeps which they were."""

    protocol_version = "HTTP/1.1"
    upstream = ""
    seen: ClassVar[list[str]]

    def handle_any(self) -> None:
        self.seen.append(f"{self.command} {self.path}")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        kept = {k: v for k, v in self.headers.items() if k.lower() not in {"host", "connection"}}
        response = requests.request(
            self.command, self.upstream + self.path.lstrip("/"), data=body, headers=kept, timeout=60
        )
        self.send_response(response.status_code)
        self.send_header("Content-Type", response.headers.get("Content-Type", "text/plain"))
        self.send_header("Content-Length", str(len(response.content)))
        self.end_headers()
        self.wfile.write(response.content)

    do_GET = do_POST = do_HEAD = handle_any  # noqa: N815 - the names that http.server calls

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def counted(nexus: RealIndex) -> Iterator[tuple[RealIndex, list[str]]]:
    """A real index, and the requests that reach it."""
    seen: list[str] = []
    handler = type("Counter", (Counter,), {"upstream": nexus.url, "seen": seen})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield replace(nexus, url=f"http://127.0.0.1:{server.server_port}/"), seen
        server.shutdown()
        thread.join()


def test_a_run_with_nothing_to_do_asks_the_index_once_and_a_file_that_vanished_is_sent_again(
    published: TinyProject, counted: tuple[RealIndex, list[str]]
) -> None:
    index, seen = counted
    first = published.nox("upload", **index.variables)
    assert first.code == 0, first.output
    published.nox("upload", **index.variables)
    seen.clear()

    again = published.nox("upload", **index.variables)

    assert "unchanged since 0.1.0" in again.line("upload ")
    assert seen == ["GET /simple/tiny-model/"]
    (wheel,) = index.folder.glob("*.whl")
    before = wheel.read_bytes()
    wheel.unlink()
    mended = published.nox("upload", **index.variables)
    assert "published in index nexus" in mended.line("upload ")
    assert "repeats 3 golden predictions" in mended.line("verify ")
    assert wheel.read_bytes() == before
