"""A simple index, read: which files it offers, their digests, and the files themselves.

Importing this costs nothing; the HTTP library is loaded when an index is first asked.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from packaging.utils import canonicalize_name

from trainwheel.errors import ConfigurationError, RedirectedError, StepFailedError
from trainwheel.index.pages import PublishedFile, parse_page
from trainwheel.index.patience import PATIENCE, Patience
from trainwheel.index.target import Target

if TYPE_CHECKING:
    from trainwheel.index.transport import Page, Transport

__all__ = ["SimpleIndex"]


class SimpleIndex:
    """An index, as installers see it.

    Args:
        target: Which one, with the credentials.
        patience: How long to wait and how often to try.
        notify: Called with a notice where the index asks to wait, and where it redirects a request
            for a project that it does not have, which then counts as without files; None makes
            that an error.
    """

    def __init__(
        self,
        target: Target,
        patience: Patience = PATIENCE,
        notify: Callable[[str], object] | None = None,
    ) -> None:
        self.target = target
        self.patience = patience
        self._notify = notify
        self.page: Page | None = None
        """The last answer to a request for the files of a project."""

    def files(self, project: str) -> tuple[PublishedFile, ...]:
        """Return the files of a project, none where the index does not know it.

        Raises:
            ConfigurationError: The index refuses the credentials.
            StepFailedError: It does not answer, or with something else than a project page.
        """
        # Nexus answers without the last slash too, and relative links would then lead elsewhere.
        name = canonicalize_name(project)
        self.page = None
        try:
            self.page = page = self._transport.read(f"{self.target.simple_url}{name}/")
        except RedirectedError as error:
            if self._notify is None or not self._redirects_unknown(name, error.location):
                raise
            host = urlsplit(error.location).hostname
            self._notify(f"index {self.target.name} has no {name}: it redirects to {host}")
            return ()
        if page.status == HTTPStatus.NOT_FOUND:
            return ()
        try:
            return parse_page(page.body, page.content_type, page.url)
        except ValueError as error:
            message = (
                f"index {self.target.name} does not answer: its page for {project} {_say(error)}"
            )
            raise StepFailedError(message, hint="check its simple-url") from None

    def check_access(self, *, uploads: bool = False) -> None:
        """Check that the index answers and accepts the credentials for reading, or for uploads too.

        An index that anyone may read checks them only when something is uploaded
        (pypiserver, devpi).

        Args:
            uploads: Ask for an upload too, without sending a file.

        Raises:
            ConfigurationError: It refuses the credentials.
            StepFailedError: It does not answer.
        """
        # The root of a large index lists every project, so its status must suffice.
        self._transport.read(self.target.simple_url, with_body=False)
        if uploads:
            self._transport.knock()

    def is_open(self) -> bool:
        """Return whether anyone may read it, so that no answer says anything of a password.

        Some answer 404 to those who may not see what is there.

        Raises:
            StepFailedError: It does not answer.
        """
        anyone = replace(self.target, username=None, password=None)
        try:
            # Here a refusal is an answer.
            transport = _connect(anyone, replace(self.patience, refusals=0), self._notify)
            page = transport.read(anyone.simple_url, with_body=False)
        except ConfigurationError:
            return False
        return page.status == HTTPStatus.OK

    def answered_at(self) -> datetime | None:
        """Return when the index says that it answers a read; None where it does not say.

        Raises:
            ConfigurationError: It refuses the credentials.
            StepFailedError: It does not answer.
        """
        date = self._transport.read(self.target.simple_url, with_body=False).date
        try:
            return parsedate_to_datetime(date)
        except ValueError:
            return None

    def digest_of(self, file: PublishedFile) -> str:
        """Return the sha256 of a file: as advertised, else of its bytes.

        Raises:
            ConfigurationError: The index refuses the credentials.
            StepFailedError: It does not answer, or the bytes are not what it advertised.
        """
        if "sha256" in file.hashes:
            return file.hashes["sha256"]
        with tempfile.TemporaryDirectory(prefix="trainwheel-") as folder:
            return self._save(file, Path(folder) / "file")["sha256"]

    def download(self, file: PublishedFile, folder: Path) -> Path:
        """Return the path of a file, complete and checked, in ``folder``.

        Raises:
            ConfigurationError: The index refuses the credentials.
            StepFailedError: It does not answer, or the bytes are not what it advertised.
        """
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / f".{file.filename}.{os.getpid()}.part"
        try:
            self._save(file, part)
            return part.replace(folder / file.filename)
        finally:
            part.unlink(missing_ok=True)

    def download_metadata(self, file: PublishedFile, folder: Path) -> Path | None:
        """Return the path of a wheel's metadata (PEP 658) in ``folder``; None where there is none.

        Raises:
            ConfigurationError: The index refuses the credentials.
            StepFailedError: It does not answer, or the bytes are not what it advertised.
        """
        metadata = file.further.get("core-metadata", file.further.get("dist-info-metadata"))
        if not metadata:
            return None
        hashes = metadata if isinstance(metadata, dict) else {}
        name = f"{file.filename}.metadata"
        return self.download(PublishedFile(name, file.metadata_url, hashes), folder)

    def _redirects_unknown(self, project: str, location: str) -> bool:
        """Return whether an index redirects requests for what it does not have.

        pypiserver and GitLab do, to the same page of the public index. One that has moved as a
        whole, or a single sign-on before it, redirects its root too, which is an error here.
        """
        parts = urlsplit(location)
        last = canonicalize_name(unquote(parts.path.rstrip("/").rpartition("/")[2]))
        if last != project or parts.hostname == urlsplit(self.target.simple_url).hostname:
            return False
        self.check_access()
        return True

    @cached_property
    def _transport(self) -> Transport:
        return _connect(self.target, self.patience, self._notify)

    def _save(self, file: PublishedFile, path: Path) -> Mapping[str, str]:
        algorithms = {name for name in file.hashes if name in hashlib.algorithms_guaranteed}
        algorithms -= {"shake_128", "shake_256"}  # of no fixed length
        digests = self._transport.save(
            file.url, path, {"sha256", *algorithms}, is_vouched="sha256" in algorithms
        )
        for name in sorted(algorithms):
            if digests[name] != file.hashes[name]:
                message = (
                    f"index {self.target.name} advertises {file.filename} with {name} "
                    f"{file.hashes[name][:12]} and hands out {digests[name][:12]}"
                )
                raise StepFailedError(message)
        return digests


def _connect(
    target: Target, patience: Patience, notify: Callable[[str], object] | None
) -> Transport:
    from trainwheel.index.transport import Transport

    return Transport(target, patience, notify or (lambda _: None))


def _say(error: ValueError) -> str:
    # The JSON parser's own words quote the page.
    return str(error) if type(error) is ValueError else "is malformed"
