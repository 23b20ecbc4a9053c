"""Addresses and credentials as text: what can be used, and what is wrong with the others.

Everything here is pure. A check returns what is wrong as the second half of a sentence whose
subject is the variable or key ("NEXUS_PASSWORD *is empty*"), and never repeats the value.
"""

from __future__ import annotations

import ipaddress
import unicodedata
from collections.abc import Iterable
from urllib.parse import SplitResult, urlsplit

from trainwheel.system.secrets import SHORTEST, derived_forms

__all__ = [
    "AMBIGUOUS",
    "check_address",
    "check_password",
    "check_value",
    "is_ambiguous",
    "is_loopback",
    "origin",
    "with_slash",
]

_PORTS = {"http": 80, "https": 443}
_CONTROL = ("C", "Zl", "Zp")
"""How the general categories of Unicode begin that are control characters and line breaks."""
_OUR_WORDS = (
    "data train evaluate report doc test version prove package upload verify promote lock sync",
    "install: then: notice: next: pip install --no-deps --find-links --index-url #sha256= .whl",
    "export PIP_NO_INDEX=1 PIP_FIND_LINKS= index http:// https:// /simple/ /packages/ file://",
    "published already unchanged since identical trained tests passed repeats golden predictions",
    "failed: configuration: refused: True False None null true false",
    "make nox -s -- --to --from --force --wait --verbose --jobs --accept --verify --proofs --name",
    "train.model version.model prove.model package.model upload.model verify.model",
    "trainwheel status why inputs hand-over summary annotations init models requirements schema",
    "wheelhouse git commit python bootstrap.py build/dist build/log setup.py pyproject.toml",
    "distclean clean .venv/bin/ doctor update --write",
    "lint --check-repeatable --built --lock --engine --help --host --port NAME==VERSION FOLDER",
    "--from-command --target --drop --text --as --key --positive --encoding --copy COLUMN=KIND",
)
"""What our own lines and commands are made of; a password in it could not be hidden without
spoiling them."""

AMBIGUOUS = "is too short or a part of what we print, so hiding it would spoil our commands"


def check_value(value: str) -> str | None:
    """Return what keeps a text from being sent to an index, or None.

    A private configuration file read by twine drops blanks at the edges and takes a line break
    for the start of the next option.
    """
    if not value:
        return "is empty"
    if any(unicodedata.category(character).startswith(_CONTROL) for character in value):
        return "holds a line break or another control character"
    if value != value.strip():
        return "begins or ends with a blank"
    return None


def check_password(value: str, texts: Iterable[str]) -> str | None:
    """Return what keeps a password from being hidden without spoiling what is printed, or None.

    Args:
        value: The password.
        texts: What else is printed, such as the addresses of the index.
    """
    if (problem := check_value(value)) is not None:
        return problem
    return AMBIGUOUS if is_ambiguous(value, texts) else None


def is_ambiguous(secret: str, texts: Iterable[str] = ()) -> bool:
    """Return whether hiding a secret, or what becomes of it encoded, would spoil what is printed.

    Args:
        secret: Its value.
        texts: What else is printed.
    """
    printed = (*_OUR_WORDS, *texts)

    def stands(form: str) -> bool:
        return any(form in text for text in printed)

    # Of words alone: "package upload" may stand in a command.
    is_phrase = all(map(stands, secret.split()))
    return len(secret) < SHORTEST or is_phrase or any(map(stands, derived_forms(secret)))


def check_address(url: str, *, allow_http: bool = False) -> str | None:
    """Return what keeps a URL from being used as the address of an index, or None.

    Args:
        url: The address.
        allow_http: Accept plain http to any host, not only to this machine.
    """
    if (problem := check_value(url)) is not None or not url.isascii():
        return problem or "holds letters beyond ASCII; write a host as xn--…, a path with %"
    parts = _split(url)
    if parts is None or parts.scheme not in _PORTS or not parts.hostname:
        return "is not an http:// or https:// address"
    if "@" in parts.netloc:
        return "holds a user name or password, which belong in variables of their own"
    if parts.query or parts.fragment or any(character in " \\?#" for character in url):
        return "holds more than a host and a path"
    if parts.scheme == "http" and not (allow_http or is_loopback(url)):
        return "is plain http, which shows the password to the network"
    return None


def is_loopback(url: str) -> bool:
    """Return whether a URL leads to this machine itself."""
    parts = _split(url)
    host = (parts.hostname or "") if parts else ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def origin(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port: credentials go to one such origin and to no other."""
    parts = _split(url)
    if parts is None or not parts.hostname:
        return ("", "", 0)
    return (parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme, 0))


def with_slash(url: str) -> str:
    """Return a URL that ends in exactly one slash.

    Nexus answers 400 to an upload address without it, and twine follows no redirect.
    """
    return url.rstrip("/") + "/"


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts
