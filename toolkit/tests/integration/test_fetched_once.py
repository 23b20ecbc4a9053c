"""Environments that are made beside each other fetch a package once between them."""

from __future__ import annotations

import functools
import hashlib
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from integration.tiny import clean_variables
from trainwheel.index.pip import UvSettings
from trainwheel.install.bytecode import site_packages
from trainwheel.install.environments import Installer
from trainwheel.install.stamp import Seen
from trainwheel.system.environ import Environment
from trainwheel.system.turns import turn
from unit.wheels import write_wheel

pytestmark = pytest.mark.integration


class _Counting(http.server.SimpleHTTPRequestHandler):
    """Serves a folder, and keeps what was asked for."""

    asked: list[str]

    def do_GET(self) -> None:
        """Keep the path first."""
        self.asked.append(self.path)
        super().do_GET()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def served(folder: Path, asked: list[str]) -> Iterator[str]:
    """Serve a folder on loopback."""
    handler = type("Handler", (_Counting,), {"asked": asked})
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(handler, directory=str(folder))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def test_two_environments_fetch_a_wheel_once(tmp_path: Path) -> None:
    folder, asked = tmp_path / "simple" / "tiny-model", list[str]()
    folder.mkdir(parents=True)
    wheel = write_wheel(folder)
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    link = f'<a href="{wheel.name}#sha256={digest}">{wheel.name}</a>'
    (folder / "index.html").write_text(link, encoding="utf-8")
    places = {"UV_CACHE_DIR": str(tmp_path / "cache"), "HOME": str(tmp_path)}
    variables = {**clean_variables(), **places}
    homes, started = [tmp_path / "one", tmp_path / "two"], threading.Barrier(2)

    with served(tmp_path / "simple", asked) as address:
        bound = UvSettings({"UV_DEFAULT_INDEX": address})
        seen = Seen()

        def make(home: Path) -> None:
            started.wait(10)
            with turn():
                installer = Installer(Environment(variables), bound_to=bound, seen=seen)
                installer.ensure(home, f"tiny-model==0.1.0 --hash=sha256:{digest}\n")

        threads = [threading.Thread(target=make, args=(home,)) for home in homes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)

    assert all(site_packages(home).joinpath("tiny_model").is_dir() for home in homes)
    # Of a server that knows no ranges uv fetches a wheel twice: for its metadata, and to install.
    assert asked.count("/tiny-model/") == 1, asked
