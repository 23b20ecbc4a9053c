"""Steps of a test's own, run as one run of Nox runs its sessions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from sessions.recording import RecordingSession, SessionEndedError
from trainwheel.cli.sessions import _Runner
from trainwheel.engine.chain import FORCE, JOBS, VERBOSE, WAIT, Chain, Step
from trainwheel.engine.run import Run

FLAGS = (FORCE, WAIT, VERBOSE, JOBS)
Work = Callable[[Run], object]


class Sessions:
    """Steps of a test's own in one run of Nox; keeps the runs that they were given."""

    def __init__(self, root: Path, *steps: Step) -> None:
        self.root, self.runs = root, list[Run]()
        recorded = [replace(step, run=self._recorded(step.run), flags=FLAGS) for step in steps]
        self.chain = Chain(recorded)
        self.runner = _Runner(self.chain, frozenset(self.chain.by_name))

    def _recorded(self, work: Work) -> Callable[[Run], None]:
        def run(run: Run) -> None:
            self.runs.append(run)
            work(run)

        return run

    def run(self, name: str, *posargs: str, manifest: Sequence[str] = ()) -> RecordingSession:
        session = RecordingSession(name, self.root, *posargs, manifest=manifest)
        self.runner(self.chain[name], session)
        return session

    def error_of(self, name: str, *posargs: str, manifest: Sequence[str] = ()) -> str:
        with pytest.raises(SessionEndedError) as caught:
            self.run(name, *posargs, manifest=manifest)
        assert caught.value.__cause__ is None
        (line,) = str(caught.value).splitlines()
        return line


def step(name: str, work: Work = lambda _: None, **more: object) -> Step:
    return replace(Step(name, "Do it", work), **more)  # type: ignore[arg-type]
