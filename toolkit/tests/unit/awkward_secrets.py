"""Random user names and secrets that redaction may stumble over."""

from __future__ import annotations

import base64
import random
import string
from collections.abc import Callable

__all__ = ["COMMANDS", "awkward_secret", "awkward_user"]

COMMANDS = (
    "make package.model", "make upload.model", "make verify.model", "make clean",
    "make distclean install", "nox -s lock", "nox -s promote -- --from NAME --to NAME",
    "nox -s data -- --accept", "nox -s version", "nox -s train", "nox -s evaluate",
    "nox -s report", "nox -s test", "nox -s package", "nox -s upload -- --to NAME --verbose",
    "nox -s sync", "nox -s doc -- --force --wait --jobs 2", "trainwheel verify --to NAME",
    "trainwheel status", "trainwheel why train", "trainwheel init --help", "trainwheel doctor",
    "trainwheel requirements train", "trainwheel hand-over build/dist",
    "pip install --no-deps", "python bootstrap.py",
)  # fmt: skip
"""What our messages tell people to type, apart from names."""

_USERS = ("ci", "team", "aws", "model", "nexus", "pip", "__token__", "i", "user@example.org")
_LETTERS = "äöüßéèñ¿½ÿ", "привет", "日本語パス", "😀🔑"
_SPECIAL = r".*+?^$|()[]{}\/" + "%&=#@:;,!~'\"`<> "


def awkward_user(source: random.Random) -> str:
    """Return a user name."""
    return source.choice([*_USERS, _token(source, 8), f"dépôt-{_token(source, 3)}"])


def awkward_secret(source: random.Random, user: str, other: str) -> str:
    """Return a secret.

    Args:
        source: Of randomness.
        user: Whose secret it is.
        other: Another secret of the same run.
    """
    kinds: list[Callable[[], str]] = [
        lambda: _token(source, source.randint(1, 3)), lambda: _token(source, 20),
        lambda: source.choice(source.choice(COMMANDS).split()),
        lambda: _part(source, source.choice(COMMANDS)),
        lambda: " ".join(source.sample(" ".join(COMMANDS).split(), 2)),
        lambda: user, lambda: f"{user}-{_token(source, 5)}", lambda: _part(source, user),
        lambda: "".join(source.choices(_SPECIAL + string.ascii_letters, k=12)),
        lambda: f"{_token(source, 5)}\n{_token(source, 5)}",
        lambda: f"%{source.randint(10, 99)}{_token(source, 3)}%s%%{_token(source, 3)}",
        lambda: f"{_token(source, 3)}'\"{_token(source, 3)}\"'`\\",
        lambda: "".join(source.choices(source.choice(_LETTERS), k=6)) + _token(source, 2),
        lambda: other + _token(source, 2), lambda: _token(source, 2) + other,
        lambda: _part(source, other), lambda: other[-3:] + _token(source, 6),
        lambda: base64.b64encode(source.randbytes(source.randint(4, 24))).decode(),
        lambda: base64.b64encode(f"{user}:{other}".encode()).decode(),
        lambda: source.randbytes(8).hex(),
    ]  # fmt: skip
    return source.choice(kinds)()


def _token(source: random.Random, size: int) -> str:
    return "".join(source.choices(string.ascii_letters + string.digits, k=size))


def _part(source: random.Random, text: str) -> str:
    start = source.randrange(len(text)) if text else 0
    return text[start : start + source.randint(3, 8)]
