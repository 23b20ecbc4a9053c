"""A stand-in for the session that Nox hands over, which keeps what it was told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from nox import Session


class SessionEndedError(Exception):
    """What ends a session with one line, as Nox's own does."""


@dataclass(frozen=True)
class Named:
    """What Nox keeps of a session that is to come."""

    name: str


class Manifest:
    """The sessions of the run, by their names; those after the present one wait in a queue."""

    def __init__(self, names: Sequence[str], present: str) -> None:
        self._names = names
        after = names[names.index(present) + 1 :] if present in names else ()
        self._queue = [Named(name) for name in after]

    def __contains__(self, name: object) -> bool:
        """Return whether a session is one of the run."""
        return name in self._names


class Runner:
    """The part of Nox that knows every session of the run."""

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest


class RecordingSession(Session):
    """Nox's session as far as the toolkit uses it.

    Args:
        name: Of the session.
        root: The repository; environments go below it.
        posargs: What stands after ``--``.
        manifest: The sessions of the run.
    """

    __slots__ = ("_name", "_posargs", "_root", "notified")

    def __init__(self, name: str, root: Path, *posargs: str, manifest: Sequence[str] = ()) -> None:
        self._name, self._root, self._posargs = name, root, list(posargs)
        self._runner = Runner(Manifest(tuple(manifest) or (name,), name))  # type: ignore[assignment]
        self.notified: list[tuple[str, tuple[str, ...]]] = []

    @property
    def name(self) -> str:
        """The session's name."""
        return self._name

    @property
    def posargs(self) -> list[str]:
        """What stands after ``--``."""
        return self._posargs

    @property
    def cache_dir(self) -> Path:
        """A folder beside the environments."""
        return self._root / ".nox" / ".cache"

    def notify(self, target: object, posargs: object = None) -> None:
        """Keep which session is to run afterwards, and with what."""
        assert isinstance(posargs, list)
        self.notified.append((str(target), tuple(posargs)))

    def error(self, *args: object) -> NoReturn:
        """End the session with one line."""
        raise SessionEndedError(*args)
