"""Find what a wheel must not take along: credentials, and folders of the machine that built it.

A wheel is copied to places that nobody thinks of, and its version cannot be taken back. What is
found is named by kind and never shown. Members are read once, in pieces, so memory does not grow
with them.

Searching binary data for dozens of strings takes as many readings. So each piece is first thinned
out to the bytes that the strings are made of: what is in the piece is in the rest also, which is
shorter, and there UTF-16 looks like UTF-8. Only where the rest matches, the piece is searched.
"""

from __future__ import annotations

import contextlib
import re
import string
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import NamedTuple
from urllib.parse import quote

from trainwheel.system.secrets import SHORTEST, Secret, derived_forms

__all__ = ["find_leaks", "is_credential_file"]

_SECRET, _FOLDER = "the password of an index", "the path of a folder of this machine"

_FILES = (
    *(".pypirc", ".netrc", "_netrc", ".npmrc", ".git-credentials", ".htpasswd"),
    *("pip.conf", "pip.ini", "credentials", "credentials.json", "kubeconfig"),
    *("id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "*.p12", "*.pfx", "*.jks", "*.keystore"),
    *(".env", ".env.*"),
)
_PATHS = (".docker/config.json", ".kube/config")
_SAMPLES = (".env.example", ".env.sample", ".env.template", ".env.dist")
"""They show which variables there are, without values; one with a real value is seen by that."""

_SHORTEST_DERIVED = 6
"""Four characters of Base64 stand in a gigabyte of any artefact by chance."""

_PART = 1 << 20
_MARGIN = 8
"""How far the patterns look to either side, in bytes."""
_LONGEST_PATTERN = 2048

# Pickle, marshal and MessagePack put the length of a short string before it, which may look like
# a letter.
_LENGTH = rb"(?<=[\x00-\x08\x0e-\x1f\x7f\x8c\xd9\xda\xfa][\x00-\xff])"
_ESCAPE = rb"(?<=\\[nrt])"
_WORD_STARTS = rb"(?<![A-Za-z0-9_+/])|" + _LENGTH + rb"|" + _ESCAPE
_WORD_ENDS = rb"(?![A-Za-z0-9_+/-])"
_PATH_STARTS = rb"(?<![A-Za-z0-9_.~+%})/-])|(?<=:///)|(?<=://)|(?<=-[IL])|" + _LENGTH
_PATH_STARTS += rb"|" + _ESCAPE
# A letter beyond ASCII continues a name; a lone byte beyond ASCII is an instruction of pickle.
_PATH_ENDS = rb"(?![A-Za-z0-9_~+%@-]|\.[A-Za-z0-9_]|[\xc2-\xf4][\x80-\xbf])"

_BREAK = rb"""(?:[\s"'+,#]|\\[nr\\]){1,40}"""
_PRIVATE_KEY = (
    rb"-----BEGIN [A-Z0-9 ]{0,20}PRIVATE KEY(?: BLOCK)?-----"
    rb"(?:"
    + _BREAK
    + rb"(?:Proc-Type|DEK-Info|Version|Comment): [^\r\n\\]{0,100}){0,4}"
    + _BREAK
    + rb"[A-Za-z0-9+/]{40}"
)


class _Token(NamedTuple):
    """What the tokens of a service look like, and whether they may go on."""

    what: str
    shape: bytes
    goes_on: bool = False


_TOKENS = (
    _Token("a token of GitHub", rb"gh[oprsu]_[A-Za-z0-9]{36}"),
    _Token("a token of GitHub", rb"github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}"),
    _Token("a token of GitLab", rb"glpat-[A-Za-z0-9_-]{20}", goes_on=True),
    # With a digit, for twenty capital letters may be a peptide.
    _Token("an access key of AWS", rb"A[KS]IA(?=[A-Z]{0,15}[2-7])[A-Z2-7]{16}"),
    _Token("a token of Slack", rb"xox[abp]-[0-9]{8,20}-[A-Za-z0-9-]{12}", goes_on=True),
    _Token("an upload token of a package index", rb"pypi-AgE[A-Za-z0-9_-]{60}", goes_on=True),
)
_BODY, _LEAST_VARIETY = 40, 8
"""Fewer different characters in its last 40 stand for a token or key, such as ``xxxxxxxx``."""


def find_leaks(
    members: Iterable[tuple[str, Iterable[bytes]]],
    *,
    secrets: Collection[Secret],
    folders: Collection[str],
) -> tuple[str, ...]:
    """Return what leaks, each as a clause such as ``m/.env looks like a file with credentials``.

    Args:
        members: Names, with slashes, and bytes in pieces of any size; every piece is read.
        secrets: Values that must not be held, nor encoded (`derived_forms`), as UTF-8 or UTF-16.
            Those of fewer than four characters are not searched for.
        folders: Absolute paths of this machine. One with fewer than two components is not searched
            for: ``/tmp/x`` is in docstrings and ``/root/x`` an XPath. The others are found as whole
            paths or with something below them, and not as the end or start of another path.

    Returns:
        The clauses in the order of the members; none holds a secret.
    """
    search = _plan([secret.reveal() for secret in secrets], folders)
    leaks = []
    for name, pieces in members:
        if is_credential_file(name):
            leaks.append(f"{name} looks like a file with credentials")
        leaks += [f"{name} holds {what}" for what in _search(search, pieces)]
    return tuple(leaks)


def is_credential_file(name: str) -> bool:
    """Return whether a file of that name holds credentials wherever it is found.

    Certificates (``*.pem``, ``*.key``) are told from private keys by what they hold.
    """
    path = PurePosixPath(name.casefold())
    if path.name in _SAMPLES:
        return False
    is_known = any(fnmatchcase(path.name, pattern) for pattern in _FILES)
    return is_known or path.parts[-2:] in {PurePosixPath(end).parts for end in _PATHS}


class _Pattern(NamedTuple):
    """A kind of leak: how it looks, and what of its surroundings tells where it may start.

    They are apart because a pattern that begins with what stands before it is slow to search for.
    """

    what: str
    starts: re.Pattern[bytes]
    shape: re.Pattern[bytes]
    variety: int = _LEAST_VARIETY

    def is_in(self, window: _Window) -> bool:
        """Return whether a window shows one."""
        return any(
            window.shows(match.span())
            and self.starts.match(window.data, match.start())
            and len(set(match[0][-_BODY:])) >= self.variety
            for match in self.shape.finditer(window.data)
        )


@dataclass(frozen=True)
class _Search:
    """What to look for.

    Args:
        dropped: The bytes that no secret, folder or token has.
        likely: Matches whatever is left of a private key or a token without them.
        thinned: What is left of the secrets and folders, without those that hold another.
        secrets: The secrets in all their forms.
        patterns: What can be recognised only together with the bytes around it.
        overlap: How many bytes of one part are seen again with the next.
    """

    dropped: bytes
    likely: re.Pattern[bytes]
    thinned: tuple[bytes, ...]
    secrets: tuple[bytes, ...]
    patterns: tuple[_Pattern, ...]
    overlap: int


def _plan(secrets: Collection[str], folders: Collection[str]) -> _Search:
    needles = sorted({needle for secret in secrets for needle in _secret_needles(secret)})
    paths = sorted({needle for folder in folders for needle in _folder_needles(folder)})
    alphabet = {*f"{string.ascii_letters}{string.digits}-_ ".encode()}
    for text in (*(secret for secret in needles if 0 not in secret), *paths):
        alphabet |= {*text}
    dropped = bytes(byte for byte in range(256) if byte not in alphabet)
    thinned = {needle.translate(None, dropped) for needle in (*needles, *paths)}
    tokens = [token.shape for token in _TOKENS]
    longest = max([_LONGEST_PATTERN, *map(len, needles), *map(len, paths)])
    return _Search(
        dropped=dropped,
        likely=re.compile(b"|".join((rb"PRIVATE KEY", *tokens))),
        thinned=tuple(n for n in sorted(thinned) if not any(o in n for o in thinned - {n})),
        secrets=tuple(needles),
        patterns=(*_fixed_patterns(), *_folder_patterns(paths)),
        overlap=longest + 2 * _MARGIN,
    )


def _fixed_patterns() -> Iterator[_Pattern]:
    yield _Pattern("a private key", re.compile(b""), re.compile(_PRIVATE_KEY))
    starts = re.compile(_WORD_STARTS)
    for token in _TOKENS:
        ends = b"" if token.goes_on else _WORD_ENDS
        yield _Pattern(token.what, starts, re.compile(token.shape + ends))


def _folder_patterns(paths: Collection[bytes]) -> Iterator[_Pattern]:
    if paths:
        shape = rb"(?:" + b"|".join(map(re.escape, paths)) + rb")" + _PATH_ENDS
        yield _Pattern(_FOLDER, re.compile(_PATH_STARTS), re.compile(shape), variety=1)


def _secret_needles(secret: str) -> Iterator[bytes]:
    if len(secret) < SHORTEST:
        return
    for form in derived_forms(secret):
        if form == secret or len(form) >= _SHORTEST_DERIVED:
            for encoding, errors in (("utf-8", "surrogateescape"), ("utf-16-le", "surrogatepass")):
                with contextlib.suppress(UnicodeEncodeError):
                    yield form.encode(encoding, errors)


def _folder_needles(folder: str) -> Iterator[bytes]:
    path = PurePosixPath(folder)
    if path.is_absolute() and len(path.parts) > 2:  # noqa: PLR2004 - the root and two components
        text = f"/{'/'.join(path.parts[1:])}"
        for form in (text, text.replace("/", r"\/"), quote(text, errors="surrogateescape")):
            yield form.encode("utf-8", "surrogateescape")


def _search(search: _Search, pieces: Iterable[bytes]) -> list[str]:
    """Return the kinds of what a member holds, each once."""
    found: dict[str, None] = {}
    for window in _windows(pieces, search.overlap):
        thin = window.data.translate(None, search.dropped)
        if any(needle in thin for needle in search.thinned) or search.likely.search(thin):
            found |= dict.fromkeys(_kinds(search, window))
    return list(found)


def _kinds(search: _Search, window: _Window) -> Iterator[str]:
    if any(secret in window.data for secret in search.secrets):
        yield _SECRET
    for pattern in search.patterns:
        if pattern.is_in(window):
            yield pattern.what


class _Window(NamedTuple):
    """A part of a member, and whether nothing comes before it or after it."""

    data: bytes
    is_start: bool
    is_end: bool

    def shows(self, span: tuple[int, int]) -> bool:
        """Return whether what stands to either side of a span is in the window too."""
        start, end = span
        last = len(self.data) - (0 if self.is_end else _MARGIN)
        return start >= (0 if self.is_start else _MARGIN) and end <= last


def _windows(pieces: Iterable[bytes], overlap: int) -> Iterator[_Window]:
    """Yield parts so that whatever is no longer than ``overlap`` is seen whole, with its sides."""
    tail, is_start = b"", True
    for part in _parts(pieces):
        data = tail + part
        yield _Window(data, is_start, is_end=False)
        is_start = is_start and len(data) <= overlap
        tail = data[-overlap:]
    yield _Window(tail, is_start, is_end=True)


def _parts(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the same bytes in parts that are neither tiny nor huge."""
    held: list[bytes] = []
    size = 0
    for piece in pieces:
        for start in range(0, len(piece), _PART):
            held.append(piece[start : start + _PART])
            size += len(held[-1])
            if size >= _PART:
                yield b"".join(held)
                held, size = [], 0
    yield b"".join(held)
