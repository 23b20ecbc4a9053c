"""Steps beside each other: each begins as soon as what it needs is done, and one failure ends all.

Each step has a thread, and the threads take turns (`trainwheel.system.turns`): what the steps keep
in memory and on disk is changed by one at a time, while their processes run side by side.
"""

from __future__ import annotations

import contextlib
import itertools
import signal
import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass

from trainwheel.engine.chain import Chain, Step
from trainwheel.engine.inputs import makers
from trainwheel.engine.layout import Layout
from trainwheel.engine.records import last_observed, read_record
from trainwheel.engine.run import Others, TooEarlyError
from trainwheel.errors import StepFailedError, TrainwheelError
from trainwheel.system.command import GRACE
from trainwheel.system.console import Console
from trainwheel.system.process import NICENESS, RunEndedError, close, is_closed, reopen
from trainwheel.system.turns import aside, turn

__all__ = ["Failed", "Graph", "Limits", "choose", "producers"]

_NICENESS = 10
_PATIENCE = 10.0
"""Seconds that threads have to end in, once their processes are forced."""


@dataclass(frozen=True)
class Limits:
    """What may run beside what.

    Args:
        jobs: How many steps at once.
        first: The step to which everything beside it gives way.
        is_alone: Whether nothing may run beside that step.
    """

    jobs: int
    first: str = ""
    is_alone: bool = False

    def leave_room(self, busy: Collection[Step], more: int = 0) -> bool:
        """Return whether anything may begin beside the steps, and more, that are at work."""
        is_taken = self.is_alone and any(step.name == self.first for step in busy)
        return len(busy) + more < self.jobs and not is_taken


def choose(
    ready: Iterable[Step], busy: Collection[Step], limits: Limits, preparing: Collection[str] = ()
) -> Step | None:
    """Return the step that may begin beside those that are at work; None if none may.

    Args:
        ready: Steps whose needs are done, in the order of the chain.
        busy: Those at work.
        limits: What may run beside what.
        preparing: Those whose environments are being made.
    """
    if not limits.leave_room(busy):
        return None
    for step in ready:
        is_too_much = step.is_heavy and any(each.is_heavy for each in busy)
        waits = limits.is_alone and step.name == limits.first and (busy or preparing)
        if not is_too_much and not waits:
            return step
    return None


@dataclass(frozen=True)
class Failed:
    """How the first step that failed did so."""

    step: str
    error: BaseException


def producers(layout: Layout, chain: Chain, step: Step) -> frozenset[str]:
    """Return the steps whose results were among what the last run of a step read."""
    if not step.assumed:
        return frozenset()
    observed = last_observed(layout.records, step.name, read_record(layout.records, step.name))
    return frozenset() if observed is None else makers(layout, chain.links, observed.results)


class Graph(Others):
    """The steps of one run, by what they need of each other.

    Args:
        chain: Every step.
        registered: The names of the steps that there are; one runs without what is missing.
        limits: What may run beside what.
        console: Prints what the steps say, in the order of the chain.
        work: Runs a step.
        prepare: Makes the environments of a step that is yet to come.
        producers: Returns the steps whose results a step was seen to read.
        at_work: Is given the names of the steps that are at work, whenever they change.
    """

    def __init__(  # noqa: PLR0913 - what a run consists of, each by name
        self,
        chain: Chain,
        registered: Collection[str],
        limits: Limits,
        console: Console,
        *,
        work: Callable[[Step], None],
        prepare: Callable[[Step], object] = lambda _: None,
        producers: Callable[[Step], Collection[str]] = lambda _: (),
        at_work: Callable[[Iterable[str]], None] = lambda _: None,
    ) -> None:
        self._chain, self._registered, self._limits = chain, registered, limits
        self._console, self._work, self._prepare = console, work, prepare
        self._producers, self._at_work = producers, at_work
        self._changed = threading.Condition()
        self._steps: dict[str, Step] = {}
        self._needs: dict[str, frozenset[str]] = {}
        self._begun: dict[str, set[str]] = {}
        self._stale: set[str] = set()
        self._settling: set[str] = set()
        self._prepared: set[str] = set()
        self._threads: set[str] = set()
        self.done: set[str] = set()
        self.failed: Failed | None = None

    def run(self, goals: Iterable[str]) -> None:
        """Run steps, and what they need; after the first failure, end what is at work.

        Raises:
            StepFailedError: A run before has ended, and a thread of it goes on.
            BaseException: That of the step that failed first, see `failed`; or what a signal
                raises.
        """
        if is_closed():
            message = "a step that was to end goes on, so nothing can run in this process"
            raise StepFailedError(message, hint="run the command again")
        self.add(goals)
        try:
            with self._changed:
                while self._advance():
                    self._changed.wait()
                if self.failed is None:
                    self._await_threads(None)
            if self.failed is not None:
                self._end_threads()
        except BaseException:
            self._end_threads()
            raise
        finally:
            for name in self._chain.by_name:
                self._console.end(name)
        if self.failed is not None:
            if not self._threads:
                reopen()
            raise self.failed.error

    def add(self, goals: Iterable[str]) -> None:
        """Let steps run too, with what they need."""
        with self._changed:
            names = self._chain.with_needs(goals, self._registered) | self._steps.keys()
            self._steps = {step.name: step for step in self._chain.steps if step.name in names}
            for name, step in self._steps.items():
                needs = {*step.needs, *step.follows, *self._producers(step)}
                self._needs[name] = self._needs.get(name, frozenset()) | self._before(name, needs)
            self._console.expect(self._steps, self.done)
            self._changed.notify_all()

    def begins(self, name: str) -> None:
        """Note that a step has something to do, so that those after it are likely to."""
        with self._changed:
            self._stale.add(name)
            self._changed.notify_all()

    def settle(self, name: str) -> tuple[Step, ...]:
        """Wait until the steps that a step awaits have succeeded, and return them.

        Raises:
            RunEndedError: One has failed, or the run ends for another reason.
        """
        awaited = frozenset(self._chain[name].awaits) & self._steps.keys()
        with aside(), self._changed:
            self._settling.add(name)
            self._changed.notify_all()
            self._changed.wait_for(lambda: is_closed() or awaited <= self.done)
            self._settling.discard(name)
        if is_closed():
            raise RunEndedError
        return tuple(self._steps[each] for each in awaited)

    def unfinished(self, name: str) -> tuple[Step, ...]:
        """Return the steps that had not ended when a step began, of those before it."""
        rest = self._begun.get(name, set()) & self._before(name, self._steps)
        return tuple(self._steps[each] for each in rest)

    def _before(self, name: str, names: Iterable[str]) -> frozenset[str]:
        """Return those of some steps that come before a step in the chain."""
        earlier = itertools.takewhile(lambda each: each != name, self._steps)
        return frozenset(earlier).intersection(names)

    def _advance(self) -> bool:
        """Begin what may begin now, and return whether anything is still to come."""
        if self.failed is not None:
            return False
        while step := choose(self._ready(), self._busy(), self._limits, self._preparing()):
            self._begun[step.name] = self._steps.keys() - self.done
            self._start(step.name, step, self._run)
        if next_step := self._to_prepare():
            self._prepared.add(next_step.name)
            self._start(f"{next_step.name} environment", next_step, self._make_ready)
        return not self._steps.keys() <= self.done

    def _ready(self) -> Iterator[Step]:
        # The thread of a step that was put off may not have ended yet.
        taken = self._begun.keys() | self._threads
        rest = (step for name, step in self._steps.items() if name not in taken)
        return (step for step in rest if self._needs[step.name] <= self.done)

    def _busy(self) -> list[Step]:
        names = self._begun.keys() - self.done - self._settling
        return [self._steps[name] for name in sorted(names)]

    def _preparing(self) -> set[str]:
        return self._threads - self._begun.keys()

    def _to_prepare(self) -> Step | None:
        """Return the next step whose environments may be made while steps before it run."""
        if not self._limits.leave_room(self._busy(), len(self._preparing())):
            return None
        for name, step in self._steps.items():
            is_waiting = step.category is not None and name not in {*self._begun, *self._prepared}
            if is_waiting and self._chain.with_needs([name], self._steps) & self._stale:
                return step
        return None

    def _start(self, name: str, step: Step, body: Callable[[Step], None]) -> None:
        self._threads.add(name)
        thread = threading.Thread(target=self._within, args=(name, step, body), daemon=True)
        thread.start()

    def _within(self, name: str, step: Step, body: Callable[[Step], None]) -> None:
        """Run the body of a thread, and let the others know that it has ended."""
        try:
            with turn():
                if self._gives_way(step):
                    NICENESS.set(_NICENESS)
                body(step)
        except BaseException as error:  # noqa: BLE001 - the thread that waits for all raises it
            self._fail(step.name, error)
        finally:
            with self._changed:
                self._threads.discard(name)
                self._changed.notify_all()

    def _gives_way(self, step: Step) -> bool:
        """Return whether a step runs beside the first one, or may do so later."""
        first = self._limits.first
        is_to_come = first in self._steps and first not in self.done
        return is_to_come and step.name not in self._chain.with_needs([first], self._steps)

    def _run(self, step: Step) -> None:
        self._tell()
        with self._console.speaking(step.name):
            try:
                self._work(step)
            except TooEarlyError as error:
                self._put_off(step.name, error.steps)
                return
        with self._changed:
            self.done.add(step.name)
            self._console.end(step.name)
        self._tell()

    def _put_off(self, name: str, needs: frozenset[str]) -> None:
        """Run a step again, after others whose results it reads; from now on that is known."""
        with self._changed:
            self._needs[name] |= self._before(name, needs)
            del self._begun[name]
        self._tell()
        others = " and ".join(sorted(needs))
        self._console.notice(f"{name} reads what {others} makes, so it runs again after that")

    def _make_ready(self, step: Step) -> None:
        # What is wrong with it is said by the step itself, if that comes to need it.
        with contextlib.suppress(TrainwheelError, OSError, RunEndedError):
            self._prepare(step)

    def _fail(self, name: str, error: BaseException) -> None:
        with self._changed:
            if self.failed is None and not is_closed():
                self.failed = Failed(name, error)
                close()

    def _tell(self) -> None:
        self._at_work([name for name in self._steps if name in self._begun.keys() - self.done])

    def _end_threads(self) -> None:
        """Wait for the threads to end, whose processes are asked to, and then forced."""
        close()
        with self._changed:
            self._await_threads(GRACE)
            if self._threads:
                close(signal.SIGKILL)
                self._await_threads(_PATIENCE)

    def _await_threads(self, seconds: float | None) -> None:
        self._changed.notify_all()
        self._changed.wait_for(lambda: not self._threads, seconds)
