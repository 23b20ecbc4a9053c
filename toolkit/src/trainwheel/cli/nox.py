"""The parts of Nox that are not public, in one place; a test says when Nox moves them."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable
from importlib import metadata

import nox
from nox import virtualenv
from packaging.version import Version

from trainwheel.install.environments import find_uv
from trainwheel.system.environ import Environment

__all__ = ["hush", "name_uv", "named_sessions", "queued_sessions", "selected_sessions"]


def named_sessions(session: nox.Session) -> frozenset[str]:
    """Return the sessions that were asked for, without what they need.

    Nox has no public word for them; without it a session counts as asked for.
    """
    config = getattr(getattr(session, "_runner", None), "global_config", None)
    return frozenset(getattr(config, "sessions", None) or {session.name})


def selected_sessions(session: nox.Session, names: Iterable[str]) -> frozenset[str]:
    """Return the sessions of this run, among those that are names.

    Nox has no public word for them; without it a session counts as alone.
    """
    manifest = getattr(getattr(session, "_runner", None), "manifest", ())
    return frozenset({session.name, *(name for name in names if name in manifest)})


def queued_sessions(session: nox.Session) -> tuple[str, ...]:
    """Return the sessions that come after this one, in their order.

    Nox has no public word for them; without it there seem to be none.
    """
    manifest = getattr(getattr(session, "_runner", None), "manifest", None)
    return tuple(each.name for each in getattr(manifest, "_queue", ()))


def hush(names: Iterable[str]) -> None:
    """Let Nox be silent about our sessions while all is well: their outcome is a line of ours."""
    logging.getLogger("nox").addFilter(_Hush(frozenset(names)))
    # Nox opens the root logger down to DEBUG, where the HTTP library tells of every request.
    logging.getLogger("urllib3").setLevel(logging.WARNING)


def name_uv(environment: Environment) -> None:
    """Tell Nox which uv there is: it starts one to ask, even for sessions that want none of it.

    Nothing is hidden from sessions of the user's own, for it is the uv that Nox would find.
    """
    if environment.get("UV") is not None:
        return
    with contextlib.suppress(Exception):
        version = Version(metadata.version("uv"))
        for name, value in {"HAS_UV": True, "UV": find_uv(), "UV_VERSION": version}.items():
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
