"""From a Nox session to a step's function, and from our errors to one line."""

from __future__ import annotations

import functools
import importlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trainwheel.chain import STEPS
from trainwheel.environ import read_environment
from trainwheel.environments import uv_cache_or_fallback
from trainwheel.errors import TrainwheelError
from trainwheel.options import Options, parse_options
from trainwheel.project import Project, open_project

if TYPE_CHECKING:
    import nox

__all__ = ["Context", "hush_nox", "run_session"]

_WITHOUT_LOCK = frozenset({"lock", "clean"})
"""Sessions that run although the lock is missing or stale."""


@dataclass(frozen=True)
class Context:
    """What a session's function is given.

    Args:
        project: The model repository.
        options: What stands after ``--``.
        sessions: The names of all sessions of this run.
        registered: The names of all sessions that the noxfile has.
        notify: Queues another session.
    """

    project: Project
    options: Options
    sessions: frozenset[str]
    registered: frozenset[str]
    notify: Callable[[str], None]


def run_session(name: str, session: nox.Session, root: Path, registered: frozenset[str]) -> None:
    """Run a step for a Nox session; an error of ours ends the session with one line."""
    try:
        context = _context(session, root, registered)
        if name not in _WITHOUT_LOCK:
            context.project.lock  # noqa: B018 - a lock that cannot be used is refused here
        _check_release_once(context)
        module = importlib.import_module(f"trainwheel.sessions.{name}")
        module.run(context)
    except TrainwheelError as error:
        session.error(str(error))


def _context(session: nox.Session, root: Path, registered: frozenset[str]) -> Context:
    sessions = _selected(session)
    options = parse_options(session.posargs, sessions)
    project = _project(root, session.cache_dir.parent, options.has("verbose"))
    return Context(
        project,
        options,
        sessions,
        registered,
        lambda name: session.notify(name, session.posargs),
    )


@functools.cache
def _project(root: Path, envdir: Path, verbose: bool) -> Project:  # noqa: FBT001 - a cache key
    # One project a run, so that the configuration and the lock are read once.
    uv_cache_or_fallback(read_environment(), root / ".trainwheel" / "uv-cache")
    return open_project(root, envdir.resolve(), read_environment(), verbose=verbose)


def _selected(session: nox.Session) -> frozenset[str]:
    # Nox has no public word for the sessions of a run; without it a session counts as alone.
    manifest = getattr(getattr(session, "_runner", None), "manifest", ())
    return frozenset({session.name, *(step.name for step in STEPS if step.name in manifest)})


_checked: set[Path] = set()


def _check_release_once(context: Context) -> None:
    if context.project.root in _checked or not {"version", "upload"} & context.sessions:
        return
    from trainwheel.preflight import check_release, check_upload  # noqa: PLC0415 - only a release

    check = check_upload if "upload" in context.sessions else check_release
    check(context.project, context.options.get("to"))
    _checked.add(context.project.root)


def hush_nox(names: frozenset[str]) -> None:
    """Let Nox be silent about our sessions while all is well: their outcome is a line of ours."""
    logging.getLogger("nox").addFilter(_Hush(names))
    # Nox opens the root logger down to DEBUG, where the HTTP library tells of every request.
    logging.getLogger("urllib3").setLevel(logging.WARNING)


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
