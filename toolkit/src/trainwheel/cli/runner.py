"""From a Nox session to a step's function, and from our errors to one line."""

from __future__ import annotations

import contextlib
import functools
import importlib
import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from trainwheel.cli.options import Options, parse_options
from trainwheel.engine.chain import STEP_BY_NAME, STEPS
from trainwheel.engine.project import Project, open_project
from trainwheel.errors import StepFailedError, TrainwheelError
from trainwheel.install.environments import find_uv, uv_cache_or_fallback
from trainwheel.system.console import Console
from trainwheel.system.environ import read_environment
from trainwheel.system.lock import take

if TYPE_CHECKING:
    import nox

__all__ = ["Context", "hush_nox", "run_session", "tell_nox_of_uv"]

_STEP_FILES = {"judge": "evaluate"}
_WITHOUT_LOCKFILE = frozenset({"lock", "clean"})
"""Sessions that run although Pipfile.lock is missing or stale."""


@dataclass(frozen=True)
class Context:
    """What a session's function is given.

    Args:
        project: The model repository.
        options: What stands after ``--``.
        sessions: The names of all sessions of this run.
        named: The names of those that were asked for, without what they need.
        registered: The names of all sessions that the noxfile has.
        notify: Queues another session.
        is_forced: Whether this one is to run even if nothing has changed.
    """

    project: Project
    options: Options
    sessions: frozenset[str]
    named: frozenset[str]
    registered: frozenset[str]
    notify: Callable[[str], None]
    is_forced: bool = False


def run_session(name: str, session: nox.Session, root: Path, registered: frozenset[str]) -> None:
    """Run a step for a Nox session; an error of ours ends the session with one line."""
    try:
        context = _context(session, root, registered)
        if STEP_BY_NAME[name].takes_lock:
            _keep_others_out(context)
        if name not in _WITHOUT_LOCKFILE:
            context.project.lock  # noqa: B018 - a lock that cannot be used is refused here
        _check_once(context)
        module = importlib.import_module(f"trainwheel.steps.{_STEP_FILES.get(name, name)}")
        module.run(context)
    except TrainwheelError as error:
        for line in error.details:
            Console(read_environment()).line(f"  {line}")
        session.error(str(error))
    except OSError as error:
        session.error(str(StepFailedError.of_system(error)))


def _context(session: nox.Session, root: Path, registered: frozenset[str]) -> Context:
    sessions, named = _selected(session), _named(session)
    options = parse_options(session.posargs, sessions)
    project = _project(root, session.cache_dir.parent, options.has("verbose"))
    return Context(
        project,
        options,
        sessions,
        named,
        registered,
        lambda name: session.notify(name, session.posargs),
        options.has("force") and session.name in named,
    )


def _keep_others_out(context: Context) -> None:
    """Take the lock of the repository, once in a run, and clear away what a killed run left."""
    project = context.project
    lock = project.store / "lock"
    if lock in _locks:
        return
    command = f"nox -s {' '.join(sorted(context.named))}"
    wait = context.options.has("wait") or project.environment.waits
    _locks[lock] = take(lock, command=command, wait=wait, told=project.console.notice)
    shutil.rmtree(project.scratch, ignore_errors=True)


_locks: dict[Path, int] = {}


@functools.cache
def _project(root: Path, envdir: Path, verbose: bool) -> Project:  # noqa: FBT001 - a cache key
    # One project a run, so that the configuration and the lock are read once.
    uv_cache_or_fallback(read_environment(), root / ".trainwheel" / "uv-cache")
    return open_project(root, envdir.resolve(), read_environment(), verbose=verbose)


def _named(session: nox.Session) -> frozenset[str]:
    # Nor for those that were named with -s, without what they need.
    config = getattr(getattr(session, "_runner", None), "global_config", None)
    return frozenset(getattr(config, "sessions", None) or {session.name})


def _selected(session: nox.Session) -> frozenset[str]:
    # Nox has no public word for the sessions of a run; without it a session counts as alone.
    manifest = getattr(getattr(session, "_runner", None), "manifest", ())
    return frozenset({session.name, *(step.name for step in STEPS if step.name in manifest)})


_checked: set[Path] = set()


def _check_once(context: Context) -> None:
    """Check what can be known before the first step of a run that could not come to its end."""
    project, sessions = context.project, context.sessions
    is_release = bool({"version", "upload"} & sessions)
    is_far = "train" in sessions and project.config.engine != "local"
    if project.root in _checked or not (is_release or is_far):
        return
    from trainwheel.steps.preflight import (  # noqa: PLC0415 - only where there is something to check
        check_cluster,
        check_release,
        check_upload,
    )

    if is_release:
        check = check_upload if "upload" in sessions else check_release
        check(project, context.options.get("to"))
    if is_far:
        check_cluster(project)
    _checked.add(project.root)


def hush_nox(names: frozenset[str]) -> None:
    """Let Nox be silent about our sessions while all is well: their outcome is a line of ours."""
    logging.getLogger("nox").addFilter(_Hush(names))
    # Nox opens the root logger down to DEBUG, where the HTTP library tells of every request.
    logging.getLogger("urllib3").setLevel(logging.WARNING)


def tell_nox_of_uv() -> None:
    """Tell Nox which uv there is: it starts one to ask, even for sessions that want none of it.

    Nothing is hidden from sessions of the user's own, for it is the uv that Nox would find.
    """
    if read_environment().get("UV") is not None:
        return
    with contextlib.suppress(Exception):
        from nox import virtualenv  # noqa: PLC0415 - for its part that Nox lets one set
        from packaging.version import Version  # noqa: PLC0415

        found = {"HAS_UV": True, "UV": find_uv(), "UV_VERSION": Version(metadata.version("uv"))}
        for name, value in found.items():
            setattr(virtualenv, name, value)


class _Hush(logging.Filter):
    def __init__(self, names: frozenset[str]) -> None:
        super().__init__()
        self._whole = {f"Running session {name}" for name in names}
        self._starts = ("Ran ", *(
            start for name in names for start in (f"Session {name} was", f"* {name}:")
        ))  # fmt: skip

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        return text not in self._whole and not text.startswith(self._starts)
