"""Several indexes served as one on this machine; each is asked for its own packages only.

A resolver also looks up what packages need, and no Pipfile pins those names to an index. So the
index of a name is decided here, where no tool can fall back to another.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import secrets
import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote, unquote

from packaging.utils import canonicalize_name

from trainwheel.errors import StepFailedError, TrainwheelError
from trainwheel.index.bindings import Bindings
from trainwheel.index.client import SimpleIndex
from trainwheel.index.pages import JSON, PublishedFile, render_html, render_json
from trainwheel.index.patience import Patience
from trainwheel.index.target import Target

__all__ = ["serve_routes"]

_PATIENCE = Patience(deadline=10.0)
"""pip, which asks meanwhile, waits for 15 seconds."""


@contextlib.contextmanager
def serve_routes(
    bindings: Bindings, targets: Mapping[str, Target], rest: Sequence[Target]
) -> Iterator[str]:
    """Serve indexes as one and yield its address, which ends in a slash.

    Args:
        bindings: Which package is bound to which index.
        targets: Those indexes by name.
        rest: Where all other packages are, the first before the others.

    Raises:
        TrainwheelError: What kept an index from answering, in place of what the block raises.
    """
    with tempfile.TemporaryDirectory(prefix="trainwheel-") as folder:
        routes = _Routes(
            bindings,
            {name: SimpleIndex(target, _PATIENCE) for name, target in targets.items()},
            tuple(SimpleIndex(target, _PATIENCE) for target in rest),
            Path(folder),
        )
        server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), type("_Bound", (_Handler,), {"routes": routes})
        )
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/{routes.secret}/simple/"
        except TrainwheelError:
            if routes.errors:
                raise routes.errors[0] from None
            raise
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


@dataclass(frozen=True)
class _Routes:
    """Which package is looked up on which index.

    Args:
        bindings: Which package is bound to which index.
        indexes: Those indexes by name.
        rest: Where all other packages are.
        folder: Where files are kept while it runs.
        secret: Begins every path, so that nobody else on this machine reads with our credentials.
    """

    bindings: Bindings
    indexes: Mapping[str, SimpleIndex]
    rest: Sequence[SimpleIndex]
    folder: Path
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(16), repr=False)
    files: dict[str, tuple[SimpleIndex, PublishedFile]] = field(default_factory=dict)
    errors: list[TrainwheelError] = field(default_factory=list)

    def project(self, name: str) -> list[tuple[str, PublishedFile]]:
        """Return the files of a project, each with the key it is served by."""
        index = self.bindings.index_of(name)
        indexes = self.rest if index is None else (self.indexes[index],)
        files: dict[str, tuple[str, PublishedFile]] = {}
        for one in indexes:
            for file in one.files(name):
                identity = f"{file.url} {sorted(file.hashes.items())}"
                key = hashlib.sha256(identity.encode()).hexdigest()[:32]
                self.files[key] = (one, file)
                files.setdefault(file.filename, (key, file))
        return list(files.values())

    def fetch(self, key: str, name: str) -> Path | None:
        """Return a file, fetched; None where there is none."""
        if key not in self.files:
            return None
        index, file = self.files[key]
        if name == f"{file.filename}.metadata":
            return index.download_metadata(file, self.folder / key)
        return index.download(file, self.folder / key) if name == file.filename else None


class _Handler(http.server.BaseHTTPRequestHandler):
    timeout = 60.0
    routes: _Routes

    def log_message(self, *_: object) -> None:
        """Print nothing: the resolver reports what matters."""

    def do_GET(self) -> None:
        try:
            self._answer()
        except TrainwheelError as error:
            self.routes.errors.append(error)
            self._send(HTTPStatus.BAD_GATEWAY, "text/plain", str(error).encode())
        except ConnectionError:
            self.close_connection = True
        except OSError as error:
            self.routes.errors.append(StepFailedError.of_system(error))
            self.close_connection = True

    do_HEAD = do_GET  # noqa: N815 - as http.server calls it

    def _answer(self) -> None:
        parts = [unquote(part) for part in self.path.partition("?")[0].split("/")]
        match parts:
            case ["", self.routes.secret, "simple", name, ""] if name:
                self._send_page(canonicalize_name(name))
            case ["", self.routes.secret, "files", key, name] if path := self.routes.fetch(
                key, name
            ):
                self._send_file(path)
            case _:
                self._send(HTTPStatus.NOT_FOUND, "text/plain", b"")

    def _send_page(self, name: str) -> None:
        rows = [
            (f"/{self.routes.secret}/files/{key}/{quote(file.filename)}", file)
            for key, file in self.routes.project(name)
        ]
        status = HTTPStatus.OK if rows else HTTPStatus.NOT_FOUND
        if JSON in self.headers.get("Accept", ""):
            self._send(status, JSON, render_json(name, rows).encode())
        else:
            self._send(status, "text/html; charset=utf-8", render_html(rows).encode())

    def _send(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self._start(status, kind, len(body))
        if self.command != "HEAD":
            self.wfile.write(body)

    def _send_file(self, path: Path) -> None:
        with path.open("rb") as stream:
            self._start(HTTPStatus.OK, "application/octet-stream", path.stat().st_size)
            if self.command != "HEAD":
                shutil.copyfileobj(stream, self.wfile)

    def _start(self, status: HTTPStatus, kind: str, size: int) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(size))
        self.end_headers()
