"""A real index with a second user, who may read it and not add to it."""

from __future__ import annotations

import base64
import contextlib
import http.client
import http.server
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

from integration.tiny import RealIndex

READER = ("reader", "re4der-Token-Of-This-Test")


def basic(username: str, password: str) -> str:
    """Return the header of HTTP's basic authentication."""
    return f"Basic {base64.b64encode(f'{username}:{password}'.encode()).decode()}"


class _Front(http.server.BaseHTTPRequestHandler):
    """Hands on what it is asked, in the name of the one user for `READER`, and of nobody else."""

    timeout = 60
    port = 0
    known = ""

    def do_GET(self) -> None:
        is_reader = self.headers.get("Authorization") == basic(*READER)
        self._forward(self.known if is_reader else None)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        self._forward(None)

    def _forward(self, identity: str | None) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {k: v for k, v in self.headers.items() if k.lower() != "connection"}
        headers |= {"Authorization": identity} if identity else {}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(connection):
            connection.request(self.command, self.path, body or None, headers)
            answer = connection.getresponse()
            content = answer.read()
        self.send_response(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in {"connection", "transfer-encoding", "date", "server"}:
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def admit_reader(index: RealIndex) -> Iterator[str]:
    """Yield an address of the index where `READER` may read.

    Whoever that is gets what the one user of the index gets, and is refused whatever is sent.
    """
    about = {"port": urlsplit(index.url).port, "known": basic(index.username, index.password)}
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Front", (_Front,), about))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
