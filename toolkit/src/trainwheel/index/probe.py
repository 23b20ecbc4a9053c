"""What an index will do with a release, found out by asking it.

The requests leave nothing there; only `Probe.send` puts a project of its own on it.
"""

from __future__ import annotations

import http.client
import json
import re
import secrets
import ssl
import tempfile
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import get_auth_from_url
from requests.auth import _basic_auth_str
from requests.utils import DEFAULT_CA_BUNDLE_PATH, get_environ_proxies, select_proxy

from trainwheel.errors import ConfigurationError
from trainwheel.index.access import OriginAuth, encodings_of
from trainwheel.index.address import is_loopback, origin
from trainwheel.index.client import SimpleIndex
from trainwheel.index.pages import PublishedFile, files_like
from trainwheel.index.patience import Patience, read_freshness
from trainwheel.index.target import Target
from trainwheel.index.transport import Answer, Transport
from trainwheel.index.upload import publish
from trainwheel.system.console import Console
from trainwheel.system.digest import digest_file
from trainwheel.system.environ import Environment

__all__ = ["PROJECT", "Caching", "Limit", "Probe", "Sent", "body_limit", "charset_of"]

PROJECT = "trainwheel-probe"
"""What `Probe.send` publishes, each time as a new version."""
SIZES = (5 * 10**9, 10**9, 10**8, 10**7, 10**6)
"""Bytes that an upload is announced with, until one of them is not refused."""

_FORM = {":action": (None, "file_upload")}
_SILENCE = 2.0
"""Seconds in which a server says that a request is too large, if it looks at the size at once."""
_LINE = 65536
_FRAME = 10_000
"""Bytes of a form around the file in it; more than a project with a long README has."""
_CHARSET = re.compile(r"charset\s*=\s*\"?([\w-]+)", re.IGNORECASE)
_MARK = re.compile(r"cache(?!-control)", re.IGNORECASE)
_HITS, _FILLS = ("hit", "stale", "updating", "revalidated"), ("miss", "expired")
"""Words of X-Cache, X-Cache-Status, X-Proxy-Cache, CF-Cache-Status and their like."""
_LOOKS = (0.0, 1.0, 2.0, 3.0)
"""Seconds before each look at a file that the index says it has taken."""


@dataclass(frozen=True)
class Caching:
    """How old a page of an index may be.

    Args:
        lifetime: Seconds for which its headers let a cache keep it; 0 where they say nothing.
        age: Seconds that it had been in a cache.
        is_kept: Whether a header says that it came out of a cache, or went into one.
    """

    lifetime: int
    age: int
    is_kept: bool

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> Caching:
        """Read the headers of an answer (RFC 9111, and those that caches in use add)."""
        marks = " ".join(value for name, value in headers.items() if _MARK.search(name)).lower()
        age = headers.get("Age", "").strip()
        seconds = int(age) if age.isdecimal() else 0
        freshness = int(read_freshness(headers))
        fills = () if "no-store" in headers.get("Cache-Control", "").lower() else _FILLS
        is_kept = not {*_HITS, *fills}.isdisjoint(re.split(r"[\s,;]+", marks))
        lifetime = freshness + seconds if freshness else 0
        return cls(lifetime, seconds, is_kept or seconds > 0)


def charset_of(headers: Mapping[str, str]) -> str:
    """Return the encoding of credentials that an answer asks for (RFC 7617); empty for none."""
    match = _CHARSET.search(headers.get("WWW-Authenticate", ""))
    return match[1].upper() if match else ""


@dataclass(frozen=True)
class Limit:
    """How large an upload may be.

    Args:
        accepted: The largest size in bytes that was not refused; 0 where all were.
        refused: The smallest that was; None where none was.
        status: What the index answered instead, where that says nothing of sizes.
    """

    accepted: int
    refused: int | None = None
    status: int | None = None

    def refuses(self, size: int, offer: Callable[[int], int | None]) -> bool:
        """Return whether a file is too large, asked with its own size if nothing else decides."""
        if self.refused is None or size + _FRAME <= self.accepted:
            return False
        return size >= self.refused or offer(size + _FRAME) == HTTPStatus.REQUEST_ENTITY_TOO_LARGE


def body_limit(offer: Callable[[int], int | None], sizes: Sequence[int] = SIZES) -> Limit:
    """Find out how large an upload may be.

    Args:
        offer: Announces an upload of so many bytes; returns the status that it is answered with,
            None where the server waits for it.
        sizes: In bytes, the largest first.
    """
    refused = None
    for size in sizes:
        status = offer(size)
        if status is None:
            return Limit(size, refused)
        if status != HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return Limit(0, refused, status)
        refused = size
    return Limit(0, refused)


@dataclass(frozen=True)
class Sent:
    """What an index did with two files of one name.

    Args:
        version: Of the project that stays there.
        seconds: Until the first file was listed, from when it began to be sent.
        algorithms: Of the digests that the page gives.
        other: The status that other content was answered with.
        same: The status that the file which is there was answered with.
        is_overwritten: Whether the other content is there now.
    """

    version: str
    seconds: float
    algorithms: tuple[str, ...]
    other: int
    same: int
    is_overwritten: bool


class Probe:
    """Asks one index.

    Args:
        target: The index, with the credentials that publish.
        patience: How long to wait for an answer.
    """

    def __init__(self, target: Target, patience: Patience) -> None:
        self.target = target
        self._patience = patience
        self._transport = Transport(target, patience, _say_nothing)
        anyone = replace(target, username=None, password=None)
        self._anyone = Transport(anyone, patience, _say_nothing)

    def open_reading(self) -> Answer:
        """Return what it answers to anyone who reads it.

        Raises:
            StepFailedError: It does not answer.
        """
        return self._anyone.ask(self.target.simple_url)

    def charset(self) -> str:
        """Return the encoding of credentials that it names where it asks for them, or nothing.

        Raises:
            StepFailedError: It does not answer.
        """
        charset = charset_of(self.open_reading().headers)
        return charset or charset_of(self._anyone.ask(self.target.upload_url, _FORM).headers)

    def encodings(self) -> Mapping[str, bool]:
        """Return the encodings that differ for these credentials, and whether it takes each.

        Raises:
            StepFailedError: It does not answer.
        """
        return {name: self._takes(name) for name in encodings_of(self.target)}

    def _takes(self, encoding: str) -> bool:
        auth = OriginAuth(self.target, encoding)
        once = replace(self._patience, refusals=0)  # more could lock an account
        try:
            Transport(self.target, once, _say_nothing, auth).knock()
        except ConfigurationError:
            return False
        return True

    def unknown_project(self) -> tuple[str, Answer]:
        """Return the name of a project that it does not have, and what it answers to that.

        Redirects are followed on the index alone.

        Raises:
            StepFailedError: It does not answer.
        """
        name = f"trainwheel-unknown-{secrets.token_hex(6)}"
        url = f"{self.target.simple_url}{name}/"
        answer = self._transport.ask(url)
        for _ in range(3):
            if not answer.location or origin(answer.location) != origin(url):
                break
            answer = self._transport.ask(answer.location)
        return name, answer

    def caching(self, project: str) -> Caching:
        """Return how old the page of a project may be, be the project there or not.

        Raises:
            StepFailedError: It does not answer.
        """
        return Caching.of(self._transport.ask(f"{self.target.simple_url}{project}/").headers)

    def is_volatile(self) -> bool | None:
        """Return whether files can be replaced, which devpi says; None where nothing does.

        Raises:
            StepFailedError: It does not answer.
        """
        # Without that, devpi adds the names of all projects.
        url = urljoin(self.target.upload_url, "?no_projects=")
        answer = self._transport.ask(url, accept="application/json")
        try:
            volatile = json.loads(answer.body)["result"]["volatile"]
        except (ValueError, LookupError, TypeError):
            return None
        return volatile if isinstance(volatile, bool) else None

    def offer(self, size: int) -> int | None:
        """Announce an upload of ``size`` bytes, and end the connection before any is sent.

        Returns:
            The status that is answered to the headers alone, 413 for too large; None where the
            server says nothing, which is to wait for the rest.

        Raises:
            StepFailedError: It does not answer.
        """
        url = self.target.upload_url
        request = requests.Request("POST", url, auth=OriginAuth(self.target)).prepare()
        headers = {name: str(value) for name, value in request.headers.items()}
        kind = f"multipart/form-data; boundary={secrets.token_hex(16)}"
        # Without "Expect: 100-continue", to which waitress (devpi) answers 100 whatever the size.
        headers |= {"Content-Length": str(size), "Content-Type": kind}
        connection, path, more = self._connection(url)
        try:
            connection.request("POST", path, headers={**headers, **more})
            connection.sock.settimeout(min(_SILENCE, self._patience.answer))
            with connection.sock.makefile("rb") as stream:
                return int(stream.readline(_LINE).split()[1])
        except TimeoutError:
            return None
        except (OSError, http.client.HTTPException, ValueError, IndexError):
            self._transport.fail("the connection broke while an upload was announced")
        finally:
            connection.close()

    def _connection(self, url: str) -> tuple[http.client.HTTPConnection, str, dict[str, str]]:
        """Return a connection to an address, the path to ask it for, and headers for a proxy."""
        parts, wait = urlsplit(url), self._patience.connect
        proxy = None if is_loopback(url) else select_proxy(url, get_environ_proxies(url))
        where = urlsplit(proxy or url)
        login = get_auth_from_url(proxy) if proxy else ("", "")
        more = {"Proxy-Authorization": _basic_auth_str(*login)} if any(login) else {}
        host = where.hostname or ""
        if parts.scheme == "http":
            connection = http.client.HTTPConnection(host, where.port, timeout=wait)
            return connection, url if proxy else parts.path, more
        bundle = self.target.ca_bundle or DEFAULT_CA_BUNDLE_PATH
        is_folder = Path(bundle).is_dir()
        context = ssl.create_default_context(
            cafile=None if is_folder else bundle, capath=bundle if is_folder else None
        )
        secure = http.client.HTTPSConnection(host, where.port, timeout=wait, context=context)
        if proxy:
            secure.set_tunnel(parts.hostname or "", parts.port, more)
        return secure, parts.path, {}

    def send(self, python: Path, environment: Environment, console: Console) -> Sent:
        """Publish a tiny project as a release is, and then send other content under its name.

        Args:
            python: The Python of an environment that has twine.
            environment: The variables of this run.
            console: Where people are told.

        Raises:
            TrainwheelError: What a release would end in.
        """
        # A number that no other probe has, as one that was taken would say nothing.
        version = f"0.{time.time_ns()}"
        with tempfile.TemporaryDirectory(prefix="trainwheel-") as name:
            first, second = (_write_wheel(Path(name, one), version, one) for one in ("a", "b"))
            start = time.monotonic()
            publish(
                self.target,
                first,
                python=python,
                environment=environment,
                console=console,
                log=None,
            )
            seconds = time.monotonic() - start
            algorithms = {key for file in self._listed(first) for key in file.hashes}
            other = self._upload(second, version)
            is_overwritten = other < HTTPStatus.MULTIPLE_CHOICES and self._comes(second)
            same = self._upload(second if is_overwritten else first, version)
        return Sent(version, seconds, tuple(sorted(algorithms)), other, same, is_overwritten)

    def _listed(self, wheel: Path) -> tuple[PublishedFile, ...]:
        return files_like(SimpleIndex(self.target, self._patience).files(PROJECT), wheel.name)

    def _comes(self, wheel: Path) -> bool:
        """Return whether the index offers these bytes, looked at for a while."""
        index, digest = SimpleIndex(self.target, self._patience), digest_file(wheel)
        for delay in _LOOKS:
            time.sleep(delay)
            if digest in map(index.digest_of, self._listed(wheel)):
                return True
        return False

    def _upload(self, wheel: Path, version: str) -> int:
        """Send a wheel by one request, as twine does, and return the status that answers it."""
        fields = {
            ":action": "file_upload",
            "protocol_version": "1",
            "metadata_version": "2.1",
            "name": PROJECT,
            "version": version,
            "filetype": "bdist_wheel",
            "pyversion": "py3",
            "sha256_digest": digest_file(wheel),
        }
        file = (wheel.name, wheel.read_bytes(), "application/octet-stream")
        form = {**{name: (None, text) for name, text in fields.items()}, "content": file}
        return self._transport.ask(self.target.upload_url, form).status


def _say_nothing(_: str) -> None:
    """Take a notice that there will be a pause: there is none between single tries."""


def _write_wheel(folder: Path, version: str, content: str) -> Path:
    name = PROJECT.replace("-", "_")
    home = f"{name}-{version}.dist-info"
    summary = "Sent by trainwheel doctor --probe to see what an index does; it can be removed"
    metadata = f"Metadata-Version: 2.1\nName: {PROJECT}\nVersion: {version}\nSummary: {summary}\n"
    wheel = "Wheel-Version: 1.0\nGenerator: trainwheel\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    members = {f"{name}.py": f"CONTENT = {content!r}\n"}
    members |= {f"{home}/METADATA": metadata, f"{home}/WHEEL": wheel}
    record = "".join(f"{member},,\n" for member in (*members, f"{home}/RECORD"))
    folder.mkdir()
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for member, text in {**members, f"{home}/RECORD": record}.items():
            archive.writestr(member, text)
    return path
