"""A pypiserver on one folder, for the embedded index and ``nox -s index``.

Runs by file path inside an environment that has pypiserver; the standard library apart, it
imports nothing else. The first line of its standard input is ``user:password``; it prints its
port as the first line of its output, and it ends on SIGTERM and when its standard input is
closed, so that it cannot outlive whoever started it, be that killed.

It differs from the ``pypi-server`` command where that one would lose or confuse something:
files appear whole or not at all (it stores what a client sent before it went away, and answers
200), nothing is overwritten, and an unknown project is a 404 instead
of a redirect to the public index. Written for pypiserver 2.3 and 2.4.
"""

from __future__ import annotations

import argparse
import functools
import hmac
import os
import signal
import socket
import socketserver
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any, BinaryIO, NoReturn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pypiserver
from pypiserver.backend import BackendProxy, SimpleFileBackend, digest_file
from pypiserver.bottle_wrapper import HTTPError
from pypiserver.config import Config

_CHUNK = 2**20
_PART = ".part"


class _WholeFiles(SimpleFileBackend):  # type: ignore[misc]  # pypiserver has no types
    """Writes a file aside and renames it; a kill in the middle leaves nothing to be listed."""

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self._lock = threading.Lock()
        _remove_parts(self.roots[0])

    def add_package(self, filename: str, stream: BinaryIO) -> None:
        """Store an uploaded file, unless its name is taken."""
        # pypiserver lists no file whose name starts with a dot.
        part = self.roots[0] / f".{os.getpid()}-{threading.get_ident()}-{filename}{_PART}"
        try:
            _write(stream, part)
            with self._lock:
                if self.exists(filename):
                    # Another upload of that name ended after this one had been let in.
                    raise HTTPError(409, f"{filename} already exists")
                part.rename(self.roots[0] / filename)
        finally:
            part.unlink(missing_ok=True)

    def digest(self, package: Any) -> str | None:
        """Return ``sha256=…`` of a file; read once for as long as it stays what it is."""
        if package.fn is None:
            return None
        stat = Path(package.fn).stat()
        return _digest(package.fn, stat.st_ino, stat.st_size, stat.st_mtime_ns)


@functools.lru_cache(maxsize=4096)
def _digest(path: str, _inode: int, _size: int, _mtime: int) -> str:
    return str(digest_file(path, "sha256"))


def _write(stream: BinaryIO, part: Path) -> None:
    with part.open("xb") as target:
        for chunk in iter(lambda: stream.read(_CHUNK), b""):
            target.write(chunk)
        target.flush()
        os.fsync(target.fileno())


def _remove_parts(folder: Path) -> None:
    for part in folder.glob(f".*-*{_PART}"):
        pid = part.name[1:].partition("-")[0]
        if not pid.isdigit() or not _is_alive(int(pid)):
            part.unlink(missing_ok=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


class _WholeBody:
    """A request's body that says so when it breaks off; bottle takes its end for the end."""

    def __init__(self, stream: BinaryIO, length: int) -> None:
        self._stream = stream
        self._missing = length

    def read(self, size: int = -1) -> bytes:
        """Return up to ``size`` bytes.

        Raises:
            ConnectionError: The client went away in the middle.
        """
        data = self._stream.read(self._missing if size < 0 else min(size, self._missing))
        self._missing -= len(data)
        if not data and size and self._missing:
            message = "the upload broke off"
            raise ConnectionError(message)
        return data


def _take_whole_bodies(application: Any) -> Any:
    def call(environ: dict[str, Any], start_response: Any) -> Any:
        length = environ.get("CONTENT_LENGTH") or "0"
        size = int(length) if length.isdecimal() else 0
        return application(
            {**environ, "wsgi.input": _WholeBody(environ["wsgi.input"], size)}, start_response
        )

    return call


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 64

    def server_bind(self) -> None:
        """Bind without asking the name service for this host's name, which can take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]
        self.setup_environ()


class _ServerV6(_Server):
    address_family = socket.AF_INET6


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Print nothing: standard output is a protocol."""


def _application(folder: Path, user: str, password: str, *, protect_reads: bool) -> Any:
    expected = f"{user}:{password}".encode()

    def is_known(user: str, password: str) -> bool:
        return hmac.compare_digest(f"{user}:{password}".encode(), expected)

    config = Config.default_with_overrides(
        roots=[folder],
        authenticate=["update", "download", "list"] if protect_reads else ["update"],
        auther=is_known,
        disable_fallback=True,
        overwrite=False,
        backend_arg="simple-dir",
        hash_algo="sha256",
        log_stream=None,
    )
    config.backend = BackendProxy(_WholeFiles(config))
    application = pypiserver.app_from_config(config)
    return _take_whole_bodies(pypiserver.setup_routes_from_config(application, config))


def _end_with_stdin() -> None:
    while os.read(0, _CHUNK):
        pass
    # A request may be under way in another thread, and what it has written so far is aside.
    os._exit(0)


def _terminate(_number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--protect-reads", action="store_true")
    return parser.parse_args()


def main() -> None:
    """Serve until SIGTERM or the end of standard input."""
    signal.signal(signal.SIGTERM, _terminate)
    arguments = _arguments()
    user, _, password = sys.stdin.readline().rstrip("\n").partition(":")
    if not user or not password:
        sys.exit("the first line of standard input must be user:password")
    folder = arguments.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    application = _application(folder, user, password, protect_reads=arguments.protect_reads)
    kind = _ServerV6 if ":" in arguments.host else _Server
    try:
        server = make_server(arguments.host, arguments.port, application, kind, _Quiet)
    except OSError as error:
        sys.exit(f"cannot listen on {arguments.host} port {arguments.port}: {error.strerror}")
    print(server.server_port, flush=True)  # noqa: T201 - the protocol with whoever started it
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    with server:
        server.serve_forever()


if __name__ == "__main__":
    main()
