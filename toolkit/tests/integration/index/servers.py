"""Wheels, and small real servers that answer as the indexes in use do when things go wrong."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import io
import socket
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from trainwheel.index.patience import Patience
from trainwheel.index.target import Target
from trainwheel.index.upload import publish
from trainwheel.system.console import Console
from trainwheel.system.environ import Environment
from trainwheel.system.secrets import Secret
from unit.wheels import write_wheel

USER, PASSWORD = "ci-user", "s3cret%word"
# Nothing here waits longer than this for something that should happen.
BOUND = 60.0


def make_wheel(folder: Path, content: str = "x = 1\n", version: str = "1.0") -> Path:
    """Write a valid wheel of the project demo-model and return its path."""
    members = {"demo_model.py": content.encode()}
    return write_wheel(folder, "demo_model", version, members=members)


def publish_quietly(target: Target, wheel: Path, environment: Environment) -> bool:
    """Publish a wheel with real twine, without pauses, and show nothing of it."""
    return publish(
        target, wheel, python=Path(sys.executable), environment=environment,
        console=Console(Environment({}), io.StringIO()), log=None,
        patience=Patience(tries=2, listing=0.1, delay=0.05),
    )  # fmt: skip


@dataclass
class Request:
    """A request that a fake index got."""

    method: str
    path: str
    headers: dict[str, str]


@dataclass
class FakeIndex:
    """A server on this machine that answers as it is told.

    `reads` and `uploads` are called with the request's handler; what they are not told to answer
    is a 404.
    """

    reads: Callable[[http.server.BaseHTTPRequestHandler], None]
    uploads: Callable[[http.server.BaseHTTPRequestHandler], None]
    port: int = 0
    requests: list[Request] = field(default_factory=list)
    upload_began: threading.Event = field(default_factory=threading.Event)
    client_gone: threading.Event = field(default_factory=threading.Event)
    connections: list[socket.socket] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}/"

    @property
    def target(self) -> Target:
        """The index that it plays."""
        return Target(
            "fake", self.url, f"{self.url}simple/", username=Secret(USER),
            password=Secret(PASSWORD), credential_names=("FAKE_USER", "FAKE_PASSWORD"),
        )  # fmt: skip

    def count(self, method: str) -> int:
        """Return how many requests of a method came."""
        return sum(request.method == method for request in self.requests)

    def lists(self, wheel: Path, *, algorithm: str = "sha256", after: int = 0) -> None:
        """Offer a wheel once ``after`` uploads have come."""
        digest = hashlib.new(algorithm, wheel.read_bytes()).hexdigest()
        page = f'<a href="../../files/{wheel.name}#{algorithm}={digest}">{wheel.name}</a>'

        def read(handler: http.server.BaseHTTPRequestHandler) -> None:
            if self.count("POST") < after:
                answer(404)(handler)
            elif handler.path.startswith("/files/"):
                answer(200, wheel.read_bytes(), type="application/octet-stream")(handler)
            else:
                answer(200, page)(handler)

        self.reads = read


def answer(
    status: int, body: str | bytes = "", **headers: str
) -> Callable[[http.server.BaseHTTPRequestHandler], None]:
    """Return what answers a request with this."""
    data = body.encode() if isinstance(body, str) else body

    def respond(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        handler.send_response(status, headers.get("reason"))
        handler.send_header("Content-Type", headers.get("type", "text/html"))
        handler.send_header("Content-Length", str(len(data)))
        if "location" in headers:
            handler.send_header("Location", headers["location"])
        handler.end_headers()
        handler.wfile.write(data)

    return respond


def reset(handler: http.server.BaseHTTPRequestHandler) -> None:
    """Break the connection off, as a proxy does that has had enough."""
    linger = struct.pack("ii", 1, 0)
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    handler.close_connection = True


@contextlib.contextmanager
def serve_fake() -> Iterator[FakeIndex]:
    """Yield a running fake index that knows nothing."""
    fake = FakeIndex(answer(404), answer(404))

    class Handler(http.server.BaseHTTPRequestHandler):
        timeout = BOUND

        def setup(self) -> None:
            super().setup()
            fake.connections.append(self.connection)

        def do_GET(self) -> None:
            self._note()
            fake.reads(self)

        def do_POST(self) -> None:
            self._note()
            fake.upload_began.set()
            fake.uploads(self)

        def do_HEAD(self) -> None:
            self.send_error(405)

        def _note(self) -> None:
            fake.requests.append(Request(self.command, self.path, dict(self.headers)))

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fake.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
