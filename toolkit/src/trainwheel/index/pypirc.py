"""A private configuration file for one run of twine, which reads passwords from there.

It never stands in the work tree: a wheel, a container image or a CI cache would carry it away.
"""

from __future__ import annotations

import configparser
import contextlib
import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from trainwheel.index.target import Target

__all__ = ["private_pypirc"]

_FOLDER = re.compile(r"trainwheel-([0-9]+)-pypirc-.*", re.ASCII)


@contextlib.contextmanager
def private_pypirc(target: Target) -> Iterator[Path]:
    """Yield the path of a ``.pypirc`` for ``target`` that only this user can read.

    It is gone afterwards, however the block ends; what a killed run left behind is removed by
    the next one. SIGTERM needs `trainwheel.system.process.handle_termination` for that.

    Args:
        target: The index; without credentials the file holds empty ones, for twine would ask.
    """
    system = Path(tempfile.gettempdir())
    _remove_leftovers(system)
    folder = Path(tempfile.mkdtemp(prefix=f"trainwheel-{os.getpid()}-pypirc-", dir=system))
    try:
        # The lock dies with this process, also where another container cannot see its number.
        with _held(folder):
            path = folder / "pypirc"
            _write(target, path)
            yield path
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write(target: Target, path: Path) -> None:
    # The raw parser on both sides: the other one takes % for interpolation.
    parser = configparser.RawConfigParser()
    parser["distutils"] = {"index-servers": target.name}
    parser[target.name] = {
        "repository": target.upload_url,
        "username": target.username.reveal() if target.username else "",
        "password": target.password.reveal() if target.password else "",
    }
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        parser.write(stream)


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
