"""Secrets: values that never show themselves, and how they look once something encoded them.

Tools print a password inside an address, a header, a JSON document or the representation of an
object. Only what stays the same whatever stands around the value is of use to find it again.

An address is a secret as well where a signature or a token in its query opens a file: object
storage hands such addresses out (Google Cloud Storage, S3, Azure).
"""

from __future__ import annotations

import base64
import contextlib
import enum
import html
import json
import re
from collections.abc import Iterator
from typing import Final, NoReturn
from urllib.parse import quote, quote_plus, unquote

__all__ = ["SHORTEST", "SUFFIXES", "Secret", "SecretClass", "Secrets", "derived_forms"]

SHORTEST: Final = 4
"""The fewest characters of a form: fewer stand in any text by chance."""

_ENCODINGS = (("utf-8", "surrogateescape"), ("latin-1", "strict"))
"""What becomes of letters beyond ASCII: we and uv send UTF-8, pip and others Latin-1."""

_USER_INFO = "!$&'()*+,;="
"""What need not be percent-encoded in the user name and password of an address (RFC 3986)."""

_ESCAPED_BYTE = re.compile("%[0-9A-F]{2}")

SUFFIXES: Final = (".whl", ".tar.gz", ".zip", ".tgz", ".tar.bz2", ".tar.xz", ".egg")
"""How the names of distributions end."""

_BESIDE = ("", ".metadata", ".asc", ".provenance")
_FILES = tuple(f"{suffix}{beside}" for suffix in SUFFIXES for beside in _BESIDE)
_LONGEST_SUFFIX = max(map(len, _FILES))
# Found by its question mark, not by its scheme: an error of a connection may name the path alone.
_QUERY = re.compile(r"(?:\?|%3F)([^\s#'\"<>]+)", re.IGNORECASE)
_OPENS = re.compile(
    r"(?:^|[?&;]|\\u0026)"
    r"(?:x-(?:amz|goog|ms|oss)-[\w-]*"
    r"|[\w.-]*(?:signature|token|secret|passw|credential|auth|(?:api|access)[_-]?key)[\w.-]*"
    r"|sig|key|jwt|hmac|policy|hdnea|hdnts|expires)=",
    re.IGNORECASE,
)


class SecretClass(enum.Enum):
    """What a secret is for; a process sees the classes that its step needs and no other."""

    READ = "read"
    DATA = "data"
    PUBLISH = "publish"


class Secret:
    """A value that never shows itself: not by `str`, `repr`, formatting or pickling."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the value, for the one place that hands it to a server or a private file."""
        return self._value

    @property
    def is_ascii(self) -> bool:
        """Whether it holds no other letters, which not all tools send alike."""
        return self._value.isascii()

    def __repr__(self) -> str:
        return "Secret(***)"

    def __str__(self) -> str:
        return "***"

    def __format__(self, spec: str) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> NoReturn:
        message = "a Secret cannot be pickled"
        raise TypeError(message)


class Secrets:
    """The secrets that a run has read, which its consoles, logs and errors must not show.

    Each `Secret` is made here, so that none is read without being hidden from then on.
    """

    def __init__(self) -> None:
        # Replaced and never changed, for other threads redact at the same time.
        self._forms: tuple[str, ...] = ()

    def read(self, value: str) -> Secret:
        """Return a value as a secret, and hide it from now on, also encoded; a blank hides nothing.

        Args:
            value: The secret exactly as it was given.
        """
        self._hide(value)
        return Secret(value)

    def read_login(
        self, username: str, password: str, *, is_alone: bool = True
    ) -> tuple[Secret, Secret]:
        """Return user name and password, and hide the password, alone and with the user name.

        The name itself is public: it stands in addresses, and often it is a word that stands in
        much else. Only without a password it is a token (``https://TOKEN@host/``). What is shorter
        than `SHORTEST` is hidden in the pair only.

        Args:
            username: As the index takes it.
            password: As the index takes it; empty where the user name is a token.
            is_alone: Hide it alone, too; not one that is a word of our own lines.
        """
        token, pair = password or username, f"{username}:{password}"
        self._hide(token if is_alone and len(token) >= SHORTEST else "", pair)
        # Basic authentication (RFC 7617) sends the pair in Base64, which is encoded in turn.
        for encoding, errors in _ENCODINGS:
            with contextlib.suppress(UnicodeEncodeError):
                self._hide(base64.b64encode(pair.encode(encoding, errors)).decode())
        return Secret(username), Secret(password)

    def redact(self, text: str) -> str:
        """Return ``text`` without any of the secrets and the queries of signed addresses."""
        # All are looked for before any is replaced: of two that overlap, both are hidden whole.
        spans = sorted(span for form in self._forms for span in _spans(form, text))
        pieces, end = [], 0
        for start, stop in spans:
            if start >= end:
                pieces += [text[end:start], "***"]
            end = max(end, stop)
        return _hide_queries("".join([*pieces, text[end:]]))

    def _hide(self, *values: str) -> None:
        forms = {form for value in values if value.strip() for form in derived_forms(value)}
        self._forms = tuple({*self._forms, *forms})


def derived_forms(value: str) -> frozenset[str]:
    """Return a value and what it becomes in Base64, addresses, JSON, HTML and Python's `repr`.

    Encoded once, that is: not in Base64 of JSON, and not in Base64 that is broken into lines.

    Args:
        value: Any text; nothing is derived from an empty one.

    Returns:
        The value, and its forms of at least `SHORTEST` characters.
    """
    if not value:
        return frozenset()
    forms = {*_json_forms(value), *_html_forms(value), *_repr_forms(value)}
    for encoding, errors in _ENCODINGS:
        with contextlib.suppress(UnicodeEncodeError):
            raw = value.encode(encoding, errors)
            forms |= {*_base64_forms(raw), *_percent_forms(raw), *_bytes_forms(raw)}
    return frozenset({value, *(form for form in forms if len(form) >= SHORTEST)})


def _spans(form: str, text: str) -> Iterator[tuple[int, int]]:
    start = text.find(form)
    while start >= 0:
        yield start, start + len(form)
        start = text.find(form, start + 1)


def _hide_queries(text: str) -> str:
    """Return a text with ``***`` in place of each query that may open something.

    That is any query of a distribution's file, and elsewhere one with a name that says so.
    """
    return _QUERY.sub(_hide_query, text) if "?" in text or "%3" in text else text


def _hide_query(query: re.Match[str]) -> str:
    before = query.string[max(0, query.start() - _LONGEST_SUFFIX) : query.start()]
    is_file = before.lower().endswith(_FILES)
    # Decoded, for an address may stand in the query of another.
    return "?***" if is_file or _OPENS.search(unquote(query[1])) else query[0]


def _base64_forms(raw: bytes) -> Iterator[str]:
    """Yield the characters of each shift that no neighbour changes, and those at the very end."""
    for shift, overlap in enumerate((0, 2, 3)):
        whole = base64.b64encode(bytes(shift) + raw).decode()[overlap:]
        inner = whole[: (shift + len(raw)) * 8 // 6 - overlap]
        for form in (inner, whole.rstrip("="), whole):
            yield form
            yield form.translate({ord("+"): "-", ord("/"): "_"})


def _percent_forms(raw: bytes) -> Iterator[str]:
    for form in (*(quote(raw, safe=safe) for safe in ("", "/", _USER_INFO)), quote_plus(raw)):
        yield form
        yield _ESCAPED_BYTE.sub(lambda byte: byte[0].lower(), form)


def _json_forms(value: str) -> Iterator[str]:
    for ensure_ascii in (True, False):
        form = json.dumps(value, ensure_ascii=ensure_ascii)[1:-1]
        yield form
        yield form.replace("/", r"\/")


def _html_forms(value: str) -> Iterator[str]:
    yield html.escape(value, quote=False)
    escaped = html.escape(value)
    yield escaped
    yield escaped.replace("&#x27;", "&#39;")


def _repr_forms(value: str) -> Iterator[str]:
    # After a double quote Python escapes the single ones, which it may leave alone elsewhere.
    for form in (repr(f'"{value}')[2:-1], ascii(f'"{value}')[2:-1]):
        yield form
        yield form.replace(r"\'", "'")


def _bytes_forms(raw: bytes) -> Iterator[str]:
    form = repr(b'"' + raw)[3:-1]
    yield form
    yield form.replace(r"\'", "'")
