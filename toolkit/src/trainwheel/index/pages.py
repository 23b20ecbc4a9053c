"""A simple index's project page, parsed and written: HTML (PEP 503) or JSON (PEP 691).

Everything here is pure. Nexus and pypiserver speak HTML only, devpi and CodeArtifact JSON too,
and older pages advertise md5, so any digest is kept as it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from html import escape
from html.parser import HTMLParser
from urllib.parse import parse_qsl, unquote, urldefrag, urljoin, urlsplit

from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from trainwheel.system.secrets import SUFFIXES

__all__ = [
    "ACCEPT",
    "JSON",
    "PublishedFile",
    "files_like",
    "parse_html",
    "parse_json",
    "parse_page",
    "render_html",
    "render_json",
]

JSON = "application/vnd.pypi.simple.v1+json"
ACCEPT = f"{JSON}, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01"
_FURTHER = ("requires-python", "core-metadata", "dist-info-metadata", "yanked")


@dataclass(frozen=True)
class PublishedFile:
    """A file that an index offers.

    Args:
        filename: Its name, percent-decoded; never a path.
        url: Where it is, without a fragment; never printed where it `is_signed`.
        hashes: Algorithm to hexadecimal digest, as advertised.
        further: The page's other facts that installers use, by their JSON keys.
    """

    filename: str
    url: str = field(repr=False)
    hashes: Mapping[str, str] = field(default_factory=dict)
    further: Mapping[str, object] = field(default_factory=dict)

    @property
    def is_signed(self) -> bool:
        """Whether its address alone gives access to it, by a query or a password in it."""
        parts = urlsplit(self.url)
        return bool(parts.query) or "@" in parts.netloc

    @property
    def metadata_url(self) -> str:
        """Where its metadata is, if the index has them (PEP 658)."""
        parts = urlsplit(self.url)
        return parts._replace(path=f"{parts.path}.metadata").geturl()

    @property
    def is_yanked(self) -> bool:
        """Whether its publisher withdrew it (PEP 592)."""
        return bool(self.further.get("yanked"))


Row = tuple[str, PublishedFile]
"""The address under which a file is offered, and the file."""


def parse_page(body: bytes, content_type: str, url: str) -> tuple[PublishedFile, ...]:
    """Return the files of a project page.

    Args:
        body: The page.
        content_type: As the server named it.
        url: The address that answered, after redirects; relative links start there.

    Raises:
        ValueError: It is not a project page: another content type, malformed, or a login form.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind.endswith("json"):
        return parse_json(body, url)
    if kind.endswith("html") or not kind:
        return parse_html(body.decode("utf-8", "replace"), url)
    message = "is neither HTML nor JSON"
    raise ValueError(message)


def parse_html(text: str, url: str) -> tuple[PublishedFile, ...]:
    """Return the files that a PEP 503 page links to.

    Raises:
        ValueError: The page asks for a password, so a single sign-on is in front of the index.
    """
    page = _Page(url)
    page.feed(text)
    page.close()
    if page.asks_for_password:
        message = "is a login page"
        raise ValueError(message)
    return tuple(page.files)


def parse_json(body: bytes, url: str) -> tuple[PublishedFile, ...]:
    """Return the files of a PEP 691 page of major version 1.

    Raises:
        ValueError: It is not such a page.
    """
    page = json.loads(body)
    meta, entries = (page.get("meta"), page.get("files")) if isinstance(page, dict) else (0, 0)
    if not isinstance(meta, dict) or not isinstance(entries, list):
        message = "is not a PEP 691 page"
        raise ValueError(message)  # noqa: TRY004 - what is wrong is the page, not our call
    if str(meta.get("api-version", "1")).partition(".")[0] != "1":
        message = "has a newer format than 1.x"
        raise ValueError(message)
    return tuple(file for entry in entries if (file := _json_file(entry, url)) is not None)


def files_like(files: Iterable[PublishedFile], wheel: str) -> tuple[PublishedFile, ...]:
    """Return the files that installers would take for the wheel of this name.

    Names are compared part by part, for servers differ in how they spell a project's name.
    """
    identity = _identity(wheel)
    return tuple(file for file in files if _identity(file.filename) == identity)


def render_json(name: str, rows: Iterable[Row]) -> str:
    """Return the page of a project in the format of PEP 691."""
    entries = [
        {"filename": file.filename, "url": url, "hashes": dict(file.hashes), **file.further}
        for url, file in rows
    ]
    return json.dumps({"meta": {"api-version": "1.0"}, "name": name, "files": entries})


def render_html(rows: Iterable[Row]) -> str:
    """Return the page of a project in the format of PEP 503."""
    links = "".join(_anchor(url, file) for url, file in rows)
    return f"<!DOCTYPE html>\n<html><body>\n{links}</body></html>\n"


def _identity(filename: str) -> object:
    try:
        return parse_wheel_filename(filename)
    except InvalidWheelFilename:
        return filename


class _Page(HTMLParser):
    """Collects the files that a page links to."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.files: list[PublishedFile] = []
        self.asks_for_password = False
        self._base = url
        self._has_base = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "base" and values.get("href") and not self._has_base:
            self._base = urljoin(self._base, values["href"] or "")
            self._has_base = True
        elif tag == "input" and (values.get("type") or "").lower() == "password":
            self.asks_for_password = True
        elif tag == "a" and values.get("href"):
            data = {
                name.removeprefix("data-"): value or ""
                for name, value in attrs
                if name.startswith("data-")
            }
            file = _linked_file(self._base, values["href"] or "", data)
            self.files += [] if file is None else [file]


def _linked_file(base: str, link: str, data: Mapping[str, str]) -> PublishedFile | None:
    try:
        url, fragment = urldefrag(urljoin(base, link.strip()))
        parts = urlsplit(url)
    except ValueError:
        return None
    filename = unquote(parts.path.rpartition("/")[2])
    further: dict[str, object] = {name: data[name] for name in _FURTHER if name in data}
    if "yanked" in data:
        further["yanked"] = data["yanked"] or True
    for name in ("core-metadata", "dist-info-metadata"):
        if name in data:
            algorithm, _, digest = data[name].partition("=")
            further[name] = {algorithm: digest} if digest else True
    return _file(filename, url, dict(parse_qsl(fragment)), further)


def _json_file(entry: object, base: str) -> PublishedFile | None:
    if not isinstance(entry, dict):
        return None
    filename, link, hashes = entry.get("filename"), entry.get("url"), entry.get("hashes")
    if not isinstance(filename, str) or not isinstance(link, str):
        return None
    try:
        url = urldefrag(urljoin(base, link)).url
    except ValueError:
        return None
    further = {name: entry[name] for name in _FURTHER if name in entry}
    return _file(filename, url, hashes if isinstance(hashes, dict) else {}, further)


def _file(
    filename: str, url: str, hashes: Mapping[str, object], further: Mapping[str, object]
) -> PublishedFile | None:
    # The name becomes a path when the file is downloaded, so it must not be one already.
    is_plain = not any(character in "/\\\0" for character in filename)
    if not is_plain or not filename.endswith(SUFFIXES) or urlsplit(url).scheme[:4] != "http":
        return None
    digests = {str(name).lower(): str(value).lower() for name, value in hashes.items()}
    return PublishedFile(filename, url, digests, further)


def _anchor(url: str, file: PublishedFile) -> str:
    algorithm = "sha256" if "sha256" in file.hashes else next(iter(file.hashes), "")
    fragment = f"#{algorithm}={file.hashes[algorithm]}" if algorithm else ""
    attributes = "".join(
        f' data-{key}="{escape("" if key == "yanked" and value is True else _attribute(value))}"'
        for key, value in file.further.items()
        if value is not None and value is not False
    )
    return f'<a href="{escape(url + fragment)}"{attributes}>{escape(file.filename)}</a><br>\n'


def _attribute(value: object) -> str:
    if isinstance(value, dict):
        return ",".join(f"{name}={digest}" for name, digest in value.items()) or "true"
    return "true" if value is True else str(value)
