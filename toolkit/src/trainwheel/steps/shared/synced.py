"""Compare the file that declares a project's requirements with its lock, and update it."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.utils import canonicalize_name

from trainwheel.errors import ConfigurationError, StepFailedError
from trainwheel.guest import READ_METADATA
from trainwheel.requirements.addresses import refuse_line_secrets
from trainwheel.requirements.backend import names_of_files
from trainwheel.requirements.lockfile import (
    PIPFILE_LOCK,
    Lockfile,
    check_fresh,
    check_secrets,
    parse_lockfile,
)
from trainwheel.requirements.pins import SyncSettings
from trainwheel.requirements.pipfile import Pipfile, parse_pipfile
from trainwheel.requirements.policy import Plan, describe_difference, describe_drift, plan_sync
from trainwheel.requirements.target import FILES, choose_target, place_of_list, sync_target
from trainwheel.system.console import Console
from trainwheel.system.files import decode, write_atomically

__all__ = [
    "Builder",
    "Engine",
    "Synced",
    "check_built",
    "examine",
    "read_files",
    "settle",
    "sync_files",
]

Engine = Callable[[Mapping[str, bytes], SyncSettings], bytes]
"""Returns another setup.py, given the files of a project; see `trainwheel.install.pipenv_setup`."""


@dataclass(frozen=True)
class Builder:
    """An environment in which the build back end runs.

    Attributes:
        place: Its name in messages.
        hint: How to install something there.
        run: Runs a Python program with its arguments; `StepFailedError` if that fails.
    """

    place: str
    hint: str
    run: Callable[[tuple[str, ...]], object]


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
    sources, pipfile, lock, settings = _read_lock(root, files, settings, lock_name)
    if engine is None:
        state = sync_files(files, pipfile, lock, settings)
    else:
        after = engine({**sources, **files}, settings)
        state = Synced("setup.py", files["setup.py"], after, Plan(()))
    # As it will be: to write a list without the secret of the old one is what helps.
    refuse_line_secrets({**sources, **files, state.target: state.after})
    return state


def _read_lock(
    root: Path, files: Mapping[str, bytes], settings: SyncSettings, name: str
) -> tuple[dict[str, bytes], Pipfile | None, Lockfile | None, SyncSettings]:
    """Return what was read, the manifest, the lock, and the settings in that lock's own words."""
    if Path(name).name == PIPFILE_LOCK:
        sources = _read_present(root, _PIPENV_FILES)
        return sources, *_parse_pipfile_and_lock(sources, settings.pins), settings
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
    return data, manifest, lock, replace(settings, extras=extras)


def sync_files(
    files: Mapping[str, bytes], pipfile: Pipfile | None, lock: Lockfile | None, s: SyncSettings
) -> Synced:
    """Compare the files from `read_files` with a Pipfile and its lock.

    Raises:
        ConfigurationError: The requirements or the file cannot be used.
    """
    target = choose_target(files)
    plan = plan_sync(pipfile, lock, s)
    return Synced(target, files[target], sync_target(target, files, plan), plan)


def read_files(root: Path, *others: str) -> dict[str, bytes]:
    """Return the files of a project that can declare its requirements, and others of that folder.

    Raises:
        ConfigurationError: One of them cannot be read.
    """
    files = _read_present(root, (*FILES, *others))
    return {**files, **_read_present(root, names_of_files(files))}


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


def check_built(  # noqa: PLR0913 - what is compared, and where it is shown
    root: Path,
    settings: SyncSettings,
    builder: Builder,
    *,
    console: Console,
    show: Console,
    lock_name: str = PIPFILE_LOCK,
) -> None:
    """Compare what the project's build back end says with the lock, and print the outcome.

    Args:
        root: The project's folder; the back end may run its setup.py.
        settings: The policy and the extras.
        builder: The environment that has ``build`` and the back end.
        console: For the outcome.
        show: For the difference.
        lock_name: The lock, relative to that folder.

    Raises:
        StepFailedError: The metadata differ from what the lock asks for, or cannot be built.
        ConfigurationError: The environment does not have what the build needs, or a file cannot be
            used.
    """
    _, pipfile, lock, settings = _read_lock(root, read_files(root), settings, lock_name)
    plan = plan_sync(pipfile, lock, settings)
    for notice in plan.notices:
        console.notice(notice)
    differences = describe_difference(plan, _ask_back_end(root, builder))
    if not differences:
        console.outcome("sync", "the built metadata agree with the lock")
        return
    for line in differences:
        show.line(line)
    message = "the built metadata do not agree with the lock"
    hint = f"the requirements stand in {place_of_list(read_files(root))}"
    raise StepFailedError(message, hint=hint)


def _ask_back_end(root: Path, builder: Builder) -> tuple[str, ...]:
    """Return the requirements in the metadata that a project's build back end makes."""
    with tempfile.TemporaryDirectory(prefix="trainwheel-") as folder:
        answer = Path(folder, "answer.json")
        builder.run(("python", "-P", str(READ_METADATA), str(root.resolve()), str(answer)))
        document = json.loads(answer.read_bytes())
    if missing := document.get("missing"):
        message = f"the build needs {', '.join(missing)}, which {builder.place} does not have"
        raise ConfigurationError(message, hint=builder.hint)
    return tuple(document["requires"])


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


def _parse_pipfile_and_lock(
    sources: Mapping[str, bytes], pins: str
) -> tuple[Pipfile | None, Lockfile | None]:
    """Return what a policy reads: `locked` needs no Pipfile, `declared` needs no lock."""
    texts = {name: decode(data, name) for name, data in sources.items()}
    needs_pipfile = pins != "locked" or "Pipfile" in texts
    pipfile = parse_pipfile(texts.get("Pipfile")) if needs_pipfile else None
    if pins == "declared":
        check_secrets(texts.get("Pipfile.lock"))
        return pipfile, None
    lock = parse_lockfile(texts.get("Pipfile.lock"))
    if pipfile is not None:
        check_fresh(pipfile, lock)
    return pipfile, lock
