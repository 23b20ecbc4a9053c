"""Compare the file that declares a project's requirements with its lock, and update it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.utils import canonicalize_name

from trainwheel.errors import ConfigurationError, StepFailedError
from trainwheel.requirements.lockfile import (
    PIPFILE_LOCK,
    Lockfile,
    check_fresh,
    check_secrets,
    parse_lockfile,
)
from trainwheel.requirements.pins import SyncSettings
from trainwheel.requirements.pipfile import Pipfile, parse_pipfile
from trainwheel.requirements.policy import Plan, describe_drift, plan_sync
from trainwheel.requirements.target import FILES, choose_target, sync_target
from trainwheel.system.console import Console
from trainwheel.system.files import decode, write_atomically

__all__ = ["Engine", "Synced", "examine", "read_files", "settle", "sync_files"]

Engine = Callable[[Mapping[str, bytes], SyncSettings], bytes]
"""Returns another setup.py, given the files of a project; see `trainwheel.install.pipenv_setup`."""

_PIPENV_FILES = ("Pipfile", "Pipfile.lock")


@dataclass(frozen=True)
class Synced:
    """The file that declares a project's requirements, as it is and as it should be.

    Attributes:
        target: The file's name.
        before: Its content.
        after: The content that it should have.
        plan: The requirements that it should declare.
    """

    target: str
    before: bytes
    after: bytes
    plan: Plan

    @property
    def has_drifted(self) -> bool:
        """Whether the file has to be written."""
        return self.before != self.after


def examine(
    root: Path,
    settings: SyncSettings,
    engine: Engine | None = None,
    *,
    lock_name: str = PIPFILE_LOCK,
) -> Synced:
    """Compare a project's file with its manifest and lock; nothing is written.

    Args:
        root: The project's folder.
        settings: The policy and the extras.
        engine: Edits setup.py in place of our own code.
        lock_name: The lock, relative to `root`.

    Raises:
        ConfigurationError: A file is missing, cannot be used or contains a secret, or the lock is
            out of date.
    """
    files = read_files(root)
    if Path(lock_name).name != PIPFILE_LOCK:
        return _examine_other(root, files, settings, lock_name)
    pipfile, lock = _read_pipfile_and_lock(root, settings.pins)
    if engine is None:
        return sync_files(files, pipfile, lock, settings)
    after = engine({**_read_present(root, _PIPENV_FILES), **files}, settings)
    return Synced("setup.py", files["setup.py"], after, Plan(()))


def _examine_other(
    root: Path, files: Mapping[str, bytes], settings: SyncSettings, name: str
) -> Synced:
    """Compare a project's file with a lock that pipenv did not make."""
    from trainwheel.requirements.lock_tables import OWN
    from trainwheel.requirements.locks import parse_lock
    from trainwheel.requirements.manifest import parse_manifest

    data = _read_present(root, (name,))
    if name not in data:
        message = f"{name} does not exist"
        raise ConfigurationError(message, hint="name the lock, relative to the project's folder")
    text = decode(files.get("pyproject.toml", b""), "pyproject.toml")
    manifest = parse_manifest(text)
    member = os.path.relpath(root, (root / name).parent).replace(os.sep, "/")
    lock = parse_lock(decode(data[name], name), name, member, manifest)
    if OWN in lock.categories:
        # Where setup.py lists what pyproject.toml does not, uv has asked the back end.
        rows = {"packages": lock.packages(OWN), **manifest.categories}
        manifest = replace(manifest, categories=rows)
    names = {"dev-packages": "dev"}
    extras = {
        extra: canonicalize_name(names.get(category, category))
        for extra, category in settings.extras.items()
    }
    return sync_files(files, manifest, lock, replace(settings, extras=extras))


def sync_files(
    files: Mapping[str, bytes], pipfile: Pipfile | None, lock: Lockfile | None, s: SyncSettings
) -> Synced:
    """Compare the files from `read_files` with a Pipfile and its lock.

    Raises:
        ConfigurationError: The requirements or the file cannot be used.
    """
    target = choose_target(files)
    plan = plan_sync(pipfile, lock, s)
    return Synced(target, files[target], sync_target(target, files[target], plan), plan)


def read_files(root: Path) -> dict[str, bytes]:
    """Return the files of a project that can declare its requirements.

    Raises:
        ConfigurationError: One of them cannot be read.
    """
    return _read_present(root, FILES)


def settle(root: Path, state: Synced, *, check: bool, console: Console, show: Console) -> None:
    """Write the file, or with ``check`` show the difference, and print the outcome.

    Args:
        root: The project's folder.
        state: The result of `examine`.
        check: Write nothing.
        console: For the outcome.
        show: For the difference.

    Raises:
        StepFailedError: With ``check``, the file is out of date.
        ConfigurationError: It cannot be written.
    """
    target = state.target
    for notice in state.plan.notices:
        console.notice(notice)
    if not state.has_drifted:
        console.outcome("sync", f"{target} agrees with the lock")
    elif check:
        for line in describe_drift(state.before, state.after, name=target).splitlines():
            show.line(line)
        message = f"{target} does not agree with the lock"
        raise StepFailedError(message, hint="run the same without --check")
    else:
        _write(root / target, state.after)
        console.outcome("sync", f"{target} updated")


def _write(path: Path, data: bytes) -> None:
    # The file behind a symbolic link is replaced, and the link stays.
    path = path.resolve()
    try:
        # The superuser may write any file, but a file without write bits is meant to stay.
        if not path.stat().st_mode & 0o222 or not os.access(path, os.W_OK):
            message = f"{path.name} is read-only"
            raise ConfigurationError(message, hint="make it writable: chmod u+w")
        write_atomically(path, data)
    except OSError as error:
        message = f"{path.name} cannot be written: {error.strerror}"
        raise ConfigurationError(message) from None


def _read_present(root: Path, names: tuple[str, ...]) -> dict[str, bytes]:
    contents = {}
    for name in names:
        try:
            contents[name] = (root / name).read_bytes()
        except FileNotFoundError:
            continue
        except OSError as error:
            message = f"{name} cannot be read: {error.strerror}"
            raise ConfigurationError(message) from None
    return contents


def _read_pipfile_and_lock(root: Path, pins: str) -> tuple[Pipfile | None, Lockfile | None]:
    """Return what a policy reads: `locked` needs no Pipfile, `declared` needs no lock."""
    texts = {name: decode(data, name) for name, data in _read_present(root, _PIPENV_FILES).items()}
    needs_pipfile = pins != "locked" or "Pipfile" in texts
    pipfile = parse_pipfile(texts.get("Pipfile")) if needs_pipfile else None
    if pins == "declared":
        check_secrets(texts.get("Pipfile.lock"))
        return pipfile, None
    lock = parse_lockfile(texts.get("Pipfile.lock"))
    if pipfile is not None:
        check_fresh(pipfile, lock)
    return pipfile, lock
