"""Chromium, as the system has it, and axe, as npm has it."""

from __future__ import annotations

import contextlib
import functools
import http.server
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

AXE = Path(__file__).with_name("axe")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


def require_browser() -> None:
    """Leave a test out where there is no Chromium or npm, but never in CI."""
    lacking = [name for name, path in (("chromium", CHROMIUM), ("npm", shutil.which("npm")))
               if path is None]  # fmt: skip
    if lacking and not os.environ.get("CI"):
        pytest.skip(f"needs {' and '.join(lacking)}")
    assert not lacking


@dataclass
class Watched:
    """A page, what it said on the console, and what it asked for."""

    page: Page
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


@contextlib.contextmanager
def browse() -> Iterator[Browser]:
    """Yield a browser without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


class _Strict(http.server.SimpleHTTPRequestHandler):
    """Sends files as Jenkins sends what it archived, unless it is configured otherwise."""

    def end_headers(self) -> None:
        policy = "sandbox; default-src 'none'; img-src 'self'; style-src 'self';"
        self.send_header("Content-Security-Policy", policy)
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the library has it
        """Stay silent."""


@contextlib.contextmanager
def serve_strictly(folder: Path) -> Iterator[str]:
    """Serve a folder on this machine under a strict content security policy; yield the address."""
    handler = functools.partial(_Strict, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def open_page(browser: Browser, address: str, width: int, scheme: Any) -> Watched:
    """Open a page at a width in CSS pixels, light or dark."""
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    watched = Watched(page)
    page.on("console", lambda message: watched.said.append(message.text))
    page.on("pageerror", lambda error: watched.said.append(str(error)))
    page.on("request", lambda request: watched.asked.append(request.url))
    page.goto(address)
    return watched


def find_barriers(page: Page, axe: Path) -> list[str]:
    """Return axe's findings that are serious or worse."""
    page.add_script_tag(path=str(axe))
    found = page.evaluate("() => axe.run()")
    return [
        f"{rule['id']}: {node['html'][:200]}"
        for rule in found["violations"]
        if rule["impact"] in {"serious", "critical"}
        for node in rule["nodes"]
    ]


def install_axe(folder: Path) -> Path:
    """Install axe by its lock and return its script."""
    shutil.copytree(AXE, folder)
    subprocess.run(
        ("npm", "ci", "--prefix", str(folder)), check=True, capture_output=True, timeout=120
    )
    return folder / "node_modules" / "axe-core" / "axe.min.js"
