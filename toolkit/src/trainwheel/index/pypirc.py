"""The private files from which twine, pip and uv read a password, for one run of theirs.

They never stand in the work tree: a wheel, a container image or a CI cache would carry them away.
"""

from __future__ import annotations

import configparser
import contextlib
import fcntl
import io
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from trainwheel.index.target import Target

__all__ = ["netrc_entry", "private_netrc", "private_pypirc"]

_PLAIN = re.compile(r"[\w.@~!$%&*+,/:=?^-]+", re.ASCII)
"""What needs no quotation marks in a ``.netrc``."""

_FOLDER = re.compile(r"trainwheel-([0-9]+)-pypirc-.*", re.ASCII)


def private_pypirc(target: Target) -> contextlib.AbstractContextManager[Path]:
    """Yield the path of a ``.pypirc`` for ``target`` that only this user can read.

    It is gone afterwards, however the block ends; what a killed run left behind is removed by
    the next one. SIGTERM needs `trainwheel.system.process.handle_termination` for that.

    Args:
        target: The index; without credentials the file holds empty ones, for twine would ask.
    """
    username, password = _login_of(target)
    # The raw parser on both sides: the other one takes % for interpolation.
    parser = configparser.RawConfigParser()
    parser["distutils"] = {"index-servers": target.name}
    parser[target.name] = {
        "repository": target.upload_url,
        "username": username,
        "password": password,
    }
    text = io.StringIO()
    parser.write(text)
    return _private_file("pypirc", text.getvalue())


def private_netrc(target: Target) -> contextlib.AbstractContextManager[Path]:
    """Yield the path of a ``.netrc`` with the password of an index, as `private_pypirc` does."""
    return _private_file("netrc", f"{netrc_entry(target)}\n")


def netrc_entry(target: Target, shown: str = "") -> str:
    """Return the line of a ``.netrc`` that opens an index, with a word shown for its password."""
    host, (user, password) = urlsplit(target.simple_url).hostname, _login_of(target)
    word = _quote(password)
    if shown:
        word = f'"{shown}"' if word != password else shown
    return f"machine {host} login {_quote(user)} password {word}"


def _quote(text: str) -> str:
    if _PLAIN.fullmatch(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _login_of(target: Target) -> tuple[str, str]:
    secrets = (target.username, target.password)
    user, password = (secret.reveal() if secret else "" for secret in secrets)
    return user, password


@contextlib.contextmanager
def _private_file(name: str, text: str) -> Iterator[Path]:
    system = Path(tempfile.gettempdir())
    _remove_leftovers(system)
    folder = Path(tempfile.mkdtemp(prefix=f"trainwheel-{os.getpid()}-pypirc-", dir=system))
    try:
        # The lock dies with this process, also where another container cannot see its number.
        with _held(folder):
            path = folder / name
            descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                stream.write(text)
            yield path
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        # Some network file systems have no locks; the process number has to do there.
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def _remove_leftovers(system: Path) -> None:
    for folder in system.glob("trainwheel-*-pypirc-*"):
        match = _FOLDER.fullmatch(folder.name)
        if match and _is_own(folder) and not _is_alive(int(match[1])) and not _is_held(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _is_own(folder: Path) -> bool:
    try:
        return not folder.is_symlink() and folder.stat().st_uid == os.getuid()
    except OSError:
        return False


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)  # noqa: TID251 - signal 0 ends nothing, it asks whether one is there
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _is_held(folder: Path) -> bool:
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False
