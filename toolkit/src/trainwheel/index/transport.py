"""HTTP to an index: reads only, bounded in time and size, and credentials for its origin alone.

The only module that imports requests at its top, so that whoever needs no network does not
wait for it; `client` imports it on first use.
"""

from __future__ import annotations

import contextlib
import hashlib
import http
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, NoReturn, ParamSpec, TypeVar
from urllib.parse import urljoin, urlsplit

import requests

from trainwheel.errors import (
    ConfigurationError,
    RedirectedError,
    StepFailedError,
    TrainwheelError,
)
from trainwheel.index.access import OriginAuth, for_requests
from trainwheel.index.address import origin
from trainwheel.index.pages import ACCEPT
from trainwheel.index.patience import (
    REFUSALS,
    Retries,
    describe_seconds,
    describe_status,
    is_transient,
    read_freshness,
    read_retry_after,
)
from trainwheel.system.turns import aside

if TYPE_CHECKING:
    from trainwheel.index.patience import Patience
    from trainwheel.index.target import Target

__all__ = ["Answer", "Page", "Transport"]

# Its warnings hold whole addresses, also signed ones.
logging.getLogger("urllib3").setLevel(logging.ERROR)
_REDIRECTS = 5
_PAGE_LIMIT = 64 * 2**20
_PAGE_START = 2**20
_PAGE_SECONDS = 120.0
_FILE_SECONDS = 3600.0
_CHUNK = 2**16
_LONG = 4.0
"""Seconds: a longer pause than any that nobody asked for is worth a notice."""
_MOVED = (
    "if your index has moved, give its new address as url or simple-url; if it redirects unknown "
    "projects, switch that off (pypiserver: --disable-fallback)"
)
_Result = TypeVar("_Result")
_Words = ParamSpec("_Words")


@dataclass(frozen=True)
class Page:
    """An answer of the index, read to its end.

    Args:
        status: Its status.
        url: Where it came from, behind all redirects.
        content_type: As its header has it.
        body: Its bytes.
        date: As its header has it.
        freshness: Seconds for which a cache may go on giving it out.
    """

    status: int
    url: str
    content_type: str
    body: bytes
    date: str = ""
    freshness: float = 0.0


@dataclass(frozen=True)
class Answer:
    """What an index answers to one request: of the body the beginning, where a redirect leads."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    location: str = ""


class _PassingError(Exception):
    """A failure that the next try may not meet.

    Args:
        error: What it is if the next one meets it too.
        status: The status of the answer, if there was one.
        after: Seconds that the index asks to wait before that.
    """

    def __init__(
        self, error: TrainwheelError, status: int | None = None, after: float | None = None
    ) -> None:
        super().__init__(str(error))
        self.error, self.status, self.after = error, status, after


def _patiently(
    once: Callable[Concatenate[Transport, _Words], _Result],
) -> Callable[Concatenate[Transport, _Words], _Result]:
    """Let a method be tried again as often, and after such pauses, as its transport is patient."""

    def method(self: Transport, /, *words: _Words.args, **named: _Words.kwargs) -> _Result:
        retries = Retries(self.patience)
        while True:
            try:
                with aside():
                    return once(self, *words, **named)
            except _PassingError as passing:
                seconds = retries.next_pause(passing.error, passing.status, passing.after)
                if seconds > _LONG:
                    self.notify(
                        f"{passing.error.message}; asking again in {describe_seconds(seconds)}"
                    )
            self.patience.wait(seconds)

    return method


class Transport:
    """Reads from one index.

    Args:
        target: The index.
        patience: How long to wait and how often to try.
        notify: Called with a notice where a pause is long.
        auth: What adds the credentials to a request; by default as the index takes them.
    """

    def __init__(
        self,
        target: Target,
        patience: Patience,
        notify: Callable[[str], object],
        auth: OriginAuth | None = None,
    ) -> None:
        self._target = target
        self.patience = patience
        self.notify = notify
        self._auth = auth or OriginAuth(target)
        self._origin = origin(target.simple_url)

    @_patiently
    def read(self, url: str, *, with_body: bool = True) -> Page:
        """Return what the index answers: 200, or 404 whatever its content.

        Raises:
            ConfigurationError: It refuses the credentials.
            StepFailedError: It does not answer, or with anything else.
        """
        with self._open(url) as response:
            body = b"".join(self._body(response, _PAGE_SECONDS, _PAGE_LIMIT)) if with_body else b""
            kind, headers = response.headers.get("Content-Type", ""), response.headers
            date, freshness = headers.get("Date", ""), read_freshness(headers)
            return Page(response.status_code, response.url, kind, body, date, freshness)

    @_patiently
    def knock(self) -> None:
        """Send an upload without a file, which a server refuses after checking the credentials.

        Raises:
            ConfigurationError: The index refuses the credentials.
            StepFailedError: It does not answer.
        """
        # As twine sends it, but for the file; devpi asks for a password only if it is an upload.
        form = {":action": (None, "file_upload")}
        with (
            requests.Session() as session,
            self._described(),
            self._send(session, self._target.upload_url, form) as response,
        ):
            # Whatever else it answers is about the missing file.
            self._check_credentials(response, "uploads")

    @_patiently
    def ask(self, url: str, form: Mapping[str, Any] | None = None, accept: str = ACCEPT) -> Answer:
        """Return what the index answers to a read, or to a form; it is followed nowhere.

        Raises:
            StepFailedError: It does not answer.
        """
        with (
            requests.Session() as session,
            self._described(),
            session.request(
                "GET" if form is None else "POST",
                url,
                files=form,
                headers={"Accept": accept},
                auth=self._auth,
                allow_redirects=False,
                stream=True,
                timeout=(self.patience.connect, self.patience.answer),
                **for_requests(self._target, url),
            ) as response,
        ):
            body = next(response.iter_content(_PAGE_START), b"")
            status, headers = response.status_code, response.headers
            location = urljoin(url, headers["Location"]) if response.is_redirect else ""
            return Answer(status, headers, body, location)

    @_patiently
    def save(
        self, url: str, path: Path, algorithms: AbstractSet[str], *, is_vouched: bool
    ) -> Mapping[str, str]:
        """Write a file of the index to ``path`` and return its digests.

        Args:
            url: The file's address.
            path: Replaced by each try.
            algorithms: Names known to `hashlib`.
            is_vouched: Whether the index's own page gave a digest that the caller compares.
                Artifactory and GitLab serve files from object storage on another host, and
                that digest is what makes it acceptable.

        Raises:
            ConfigurationError: The index refuses the credentials.
            StepFailedError: It does not answer, or has no such file.
        """
        digests = {name: hashlib.new(name, usedforsecurity=False) for name in algorithms}
        with self._open(url, may_leave=is_vouched) as response:
            if response.status_code == http.HTTPStatus.NOT_FOUND:
                self.fail(f"404 for {urlsplit(url).path.rpartition('/')[2]}")
            with path.open("wb") as stream:
                for chunk in self._body(response, _FILE_SECONDS):
                    stream.write(chunk)
                    for digest in digests.values():
                        digest.update(chunk)
        return {name: digest.hexdigest() for name, digest in digests.items()}

    @contextlib.contextmanager
    def _open(self, url: str, *, may_leave: bool = False) -> Iterator[requests.Response]:
        with requests.Session() as session, self._described():
            for _ in range(_REDIRECTS):
                self._check_origin(url, may_leave=may_leave)
                with self._send(session, url) as response:
                    if not response.is_redirect:
                        self._check_status(response)
                        yield response
                        return
                    url = urljoin(response.url, response.headers["Location"])
            self.fail(f"more than {_REDIRECTS} redirects")

    def _send(
        self, session: requests.Session, url: str, form: Mapping[str, Any] | None = None
    ) -> requests.Response:
        return session.request(
            "GET" if form is None else "POST",
            url,
            files=form,
            # A compressed wheel would not have the digest of its bytes.
            headers={"Accept": ACCEPT, "Accept-Encoding": "identity", "Cache-Control": "no-cache"},
            auth=self._auth,
            allow_redirects=False,
            stream=True,
            timeout=(self.patience.connect, self.patience.answer),
            **for_requests(self._target, url),
        )

    def _check_origin(self, url: str, *, may_leave: bool) -> None:
        there = origin(url)
        is_secure = there[0] == "https" or self._origin[0] == "http"
        if there == self._origin or (may_leave and is_secure):
            return
        # pypiserver and GitLab redirect requests for an unknown project to the public index,
        # where a package of the same name would pass for ours.
        where = f"{there[0]}://{there[1]}:{there[2]}"
        message = f"index {self._target.name} does not answer: it redirects elsewhere, to {where}"
        raise RedirectedError(message, hint=_MOVED, location=url)

    def _check_status(self, response: requests.Response) -> None:
        status = response.status_code
        if status in {http.HTTPStatus.OK, http.HTTPStatus.NOT_FOUND}:
            return
        self._check_credentials(response, "reads")
        error = self._failure(describe_status(status))
        if is_transient(status):
            raise _PassingError(error, status, read_retry_after(response.headers))
        raise error

    def _check_credentials(self, response: requests.Response, what: str) -> None:
        status = response.status_code
        if status in REFUSALS:
            message = f"index {self._target.name} refuses {what} with these credentials ({status})"
            error = ConfigurationError(message, hint=self._target.credentials_hint)
            raise _PassingError(error, status, read_retry_after(response.headers))

    def _body(
        self, response: requests.Response, seconds: float, limit: int | None = None
    ) -> Iterator[bytes]:
        end = time.monotonic() + seconds
        size = 0
        for chunk in response.iter_content(_CHUNK):
            size += len(chunk)
            if limit is not None and size > limit:
                self.fail(f"a page of more than {limit >> 20} MB")
            if time.monotonic() > end:
                self.fail(f"no end within {seconds:.0f} s")
            yield chunk

    @contextlib.contextmanager
    def _described(self) -> Iterator[None]:
        try:
            yield
        except requests.exceptions.SSLError as error:
            hint = "point REQUESTS_CA_BUNDLE at the certificates of your organisation"
            self.fail(f"its certificate is not accepted: {_reason(error)}", hint=hint)
        except requests.Timeout:
            self.fail("no answer in time")
        except requests.exceptions.ProxyError as error:
            text = f"the proxy does not answer: {_reason(error)}"
            raise _PassingError(self._failure(text)) from None
        except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError) as error:
            raise _PassingError(self._failure(_reason(error))) from None
        except requests.RequestException as error:
            self.fail(_reason(error))

    def fail(self, text: str, *, hint: str = "") -> NoReturn:
        """Raise what an index that does not answer ends in."""
        raise self._failure(text, hint) from None

    def _failure(self, text: str, hint: str = "") -> StepFailedError:
        return StepFailedError(f"index {self._target.name} does not answer: {text}", hint=hint)


def _reason(error: BaseException) -> str:
    """Return what the operating system said at the bottom of a chain of errors.

    Everything above it repeats addresses, pool names and object ids.
    """
    words = "the connection broke"
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            words = str(cause.strerror)
        cause = cause.__cause__ or cause.__context__
    return words[:1].lower() + words[1:]
