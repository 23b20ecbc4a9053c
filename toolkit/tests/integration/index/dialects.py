"""Servers as they answer: five that are scripted after what is known of them, and real ones.

What a scripted one answers to a file that it has follows the documentation, the sources and the
issues of Nexus, Artifactory, GitLab, CodeArtifact and Gitea.
"""

from __future__ import annotations

import email.parser
import email.policy
import hashlib
import http.client
import http.server
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Handler = http.server.BaseHTTPRequestHandler


@dataclass(frozen=True)
class Answer:
    """An answer that has not been sent."""

    status: int
    body: bytes = b""
    kind: str = "text/html"
    reason: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def send(self, handler: Handler, *, size: int | None = None) -> None:
        """Send it, and of its body only ``size`` bytes."""
        handler.send_response(self.status, self.reason)
        handler.send_header("Content-Type", self.kind)
        handler.send_header("Content-Length", str(len(self.body)))
        for name, value in self.headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(self.body[:size])
        handler.close_connection = True


@dataclass(frozen=True)
class Dialect:
    """How a kind of server answers.

    Args:
        name: What it is called.
        same: Its answer to an upload of what it has.
        other: Its answer to other content under the name; None where it overwrites.
        algorithm: The digest on its pages; empty for none.
        created: The status of an upload that arrived.
        as_json: Whether its pages are JSON.
    """

    name: str
    same: Answer
    other: Answer | None
    algorithm: str = "sha256"
    created: int = 200
    as_json: bool = False


_TAKEN = Answer(400, b'{"message":"Validation failed: File name has already been taken"}')
_NEXUS = Answer(400, reason="models/packages/demo-model/1.0/F cannot be updated")
_ORIENT = Answer(400, reason="Repository does not allow updating assets: models")
_DELETE = Answer(403, reason="Not enough permissions to delete/overwrite artifact")
DIALECTS = (
    Dialect("nexus", _NEXUS, _NEXUS),
    Dialect("nexus-orient", _ORIENT, _ORIENT, algorithm="md5"),
    Dialect("nexus-redeploy", Answer(200), None),
    Dialect("artifactory", _DELETE, _DELETE),
    Dialect("artifactory-delete", Answer(200), None, algorithm=""),
    Dialect("gitlab", _TAKEN, _TAKEN, created=201),
    Dialect("codeartifact", Answer(200), Answer(409), as_json=True),
    Dialect("gitea", Answer(409), Answer(409), created=201),
    Dialect("gitea-old", Answer(400), Answer(400), created=201),
)


@dataclass
class Scripted:
    """A server of a dialect, with the files that it was sent."""

    dialect: Dialect
    files: dict[str, bytes] = field(default_factory=dict)

    def read(self, handler: Handler) -> Answer:
        """Return a project page or a file."""
        *_, last = handler.path.split("/")
        if handler.path.startswith("/files/"):
            return Answer(200, self.files[last], "application/octet-stream")
        return self._page() if self.files else Answer(404)

    def take(self, handler: Handler) -> Answer:
        """Keep what was sent, or say why not."""
        if not handler.path.endswith("/"):
            return Answer(400)
        name, data = read_upload(handler)
        if not name:
            return Answer(400)
        if name in self.files and (self.files[name] == data or self.dialect.other is not None):
            is_same = self.files[name] == data
            return self.dialect.same if is_same else self.dialect.other or Answer(500)
        self.files[name] = data
        return Answer(self.dialect.created)

    def held(self, name: str) -> bytes | None:
        """Return a file that it has, None where it has none of that name."""
        return self.files.get(name)

    def _page(self) -> Answer:
        algorithm = self.dialect.algorithm
        digests = {
            name: {algorithm: hashlib.new(algorithm, data).hexdigest()} if algorithm else {}
            for name, data in self.files.items()
        }
        if self.dialect.as_json:
            files = [{"filename": n, "url": f"/files/{n}", "hashes": d} for n, d in digests.items()]
            page = {"meta": {"api-version": "1.0"}, "name": "demo-model", "files": files}
            return Answer(200, json.dumps(page).encode(), "application/vnd.pypi.simple.v1+json")
        links = "".join(
            f'<a href="../../files/{name}{_fragment(found)}">x</a>'
            for name, found in digests.items()
        )
        return Answer(200, links.encode())


@dataclass
class Real:
    """A real server, reached through a front that may misbehave.

    Args:
        port: Of the server.
        listing: Returns a file that it has, asked directly; None where it has none.
    """

    port: int
    listing: Callable[[str], bytes | None]

    def read(self, handler: Handler) -> Answer:
        """Return what it answers to a read."""
        return self._forward(handler, None)

    def take(self, handler: Handler) -> Answer:
        """Return what it answers to an upload."""
        return self._forward(handler, read_body(handler))

    def held(self, name: str) -> bytes | None:
        """Return a file that it has, None where it has none of that name."""
        return self.listing(name)

    def _forward(self, handler: Handler, body: bytes | None) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            headers = {k: v for k, v in handler.headers.items() if k.lower() != "connection"}
            connection.request(handler.command, handler.path, body, headers)
            response = connection.getresponse()
            kind = response.getheader("Content-Type", "text/html")
            kept = {k: v for k, v in response.getheaders() if k == "Location"}
            return Answer(response.status, response.read(), kind, response.reason, kept)
        finally:
            connection.close()


def _fragment(digests: Mapping[str, str]) -> str:
    return "".join(f"#{algorithm}={digest}" for algorithm, digest in digests.items())


def read_body(handler: Handler) -> bytes:
    """Return what was sent."""
    return handler.rfile.read(int(handler.headers.get("Content-Length", 0)))


def read_upload(handler: Handler) -> tuple[str, bytes]:
    """Return name and bytes of the file of an upload; an empty name where there is none."""
    head = f"Content-Type: {handler.headers['Content-Type']}\r\n\r\n".encode()
    parser = email.parser.BytesParser(policy=email.policy.HTTP)
    for part in parser.parsebytes(head + read_body(handler)).iter_parts():
        if part.get_param("name", header="content-disposition") == "content":
            data = part.get_payload(decode=True)
            assert isinstance(data, bytes)
            return part.get_filename() or "", data
    return "", b""
