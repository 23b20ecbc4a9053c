"""The steps as Nox sessions: registered, run in one run, and our errors in one line."""

from __future__ import annotations

import argparse
import atexit
import contextlib
import difflib
import functools
import itertools
import re
import shlex
import shutil
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import nox

from trainwheel.cli.nox import (
    hush,
    name_uv,
    named_sessions,
    queued_sessions,
    selected_sessions,
)
from trainwheel.cli.opening import open_run
from trainwheel.engine.chain import Chain, Flag, Step
from trainwheel.engine.execute import is_stale, require_current, settle
from trainwheel.engine.graph import Graph, Limits, producers
from trainwheel.engine.records import Failure, forget_failure, note_failure
from trainwheel.engine.run import Options, Run, TooEarlyError
from trainwheel.errors import ConfigurationError, StepFailedError, TrainwheelError, UncertainError
from trainwheel.install.environments import uv_cache_or_fallback
from trainwheel.requirements.freshness import is_stamped
from trainwheel.steps import load_chain
from trainwheel.system.console import Console, flush_output
from trainwheel.system.environ import read_environment
from trainwheel.system.files import read_text
from trainwheel.system.lock import note_step, take
from trainwheel.system.process import handle_termination, is_closed

__all__ = ["register"]

_SESSION = re.compile(r"(?:nox -s|make) ([\w.]+)")
_SKEW = 1.0
"""Seconds: a file system's clock may be another machine's."""


def register(*, only: Iterable[str] | None = None, exclude: Iterable[str] = ()) -> None:
    """Register the sessions of the chain in a noxfile.

    Args:
        only: The steps to register; all of them where it is None.
        exclude: Steps to skip; a step that needs one of them runs without it.

    Raises:
        SystemExit: A name is not one of a step. Nox shows the traceback of anything else that a
            noxfile raises.
    """
    chain = load_chain()
    try:
        names = _choose(chain, only, _names(exclude))
    except ConfigurationError as error:
        sys.exit(str(error))
    nox.options.stop_on_first_error = True
    handle_termination()
    atexit.register(_flush_quietly)
    hush(names)
    name_uv(read_environment())
    runner = _Runner(chain, names)
    for step in chain.steps:
        if step.name in names:
            _register(step, runner)


def _flush_quietly() -> None:
    # What Nox itself has printed, as for `nox --list`.
    with contextlib.suppress(SystemExit):
        flush_output()


def _choose(chain: Chain, only: Iterable[str] | None, exclude: frozenset[str]) -> frozenset[str]:
    names = _names(chain.by_name if only is None else only)
    unknown = sorted((names | exclude).difference(chain.by_name))
    if unknown:
        message = f"register() does not know the step {unknown[0]!r}"
        raise ConfigurationError(message, hint=f"the steps are {', '.join(chain.by_name)}")
    return names - exclude


def _names(names: Iterable[str]) -> frozenset[str]:
    # One name alone is meant as it is, and not as its letters.
    return frozenset((names,) if isinstance(names, str) else names)


def _register(step: Step, runner: _Runner) -> None:
    def body(session: nox.Session) -> None:
        runner(step, session)

    body.__name__ = step.name
    body.__doc__ = f"{step.help}."
    # A step makes its environment itself, and only when it has something to do: Nox would make
    # it, or start uv to look at it, before the step can say that nothing changed. What it needs
    # runs within the same session, for Nox runs one after the other.
    nox.session(name=step.name, venv_backend="none", default=False)(body)


class _Runner:
    """Runs steps for the sessions of one noxfile, all in one run.

    Args:
        chain: Every step.
        registered: The names of the steps that the noxfile has.
    """

    def __init__(self, chain: Chain, registered: frozenset[str]) -> None:
        self._chain = chain
        self._registered = registered
        self._run: Run | None = None
        self._lock: int | None = None
        self._is_checked = False
        self._steps: frozenset[str] = frozenset()
        self._graph: Graph | None = None
        self._batch: list[str] = []

    def __call__(self, step: Step, session: nox.Session) -> None:
        """Run a step for a Nox session; an error of ours ends the session with one line."""
        try:
            run = self._open(session)
            if step.takes_lock:
                self._keep_others_out(run, _command(session))
            if step.needs_lockfile:
                if step.takes_lock:
                    _adopt(run)
                run.workspace.lock  # noqa: B018 - a lock that cannot be used is refused here
            self._check_once(run)
            if step.is_link:
                self._run_links(run, session)
            else:
                self._note_steps([step.name])
                self._work(run, step)
        except (TrainwheelError, OSError) as error:
            self._stop(session, error)

    def _run_links(self, run: Run, session: nox.Session) -> None:
        """Run a link of the chain, and those whose sessions follow it at once, in one graph.

        What is not of the chain, or of the user's own, comes between them as it was asked for.
        """
        if self._graph is None or session.name not in self._batch:
            links = {link.name for link in self._chain.links} & self._registered
            following = itertools.takewhile(links.__contains__, queued_sessions(session))
            self._batch = [session.name, *following]
            self._graph = self._graph_of(run)
            try:
                self._graph.run(self._batch)
            except (TrainwheelError, OSError):
                if self._graph.failed is None:  # no step has begun, so none of them has failed
                    self._graph = None
                    raise
        self._batch.remove(session.name)
        # Where what failed is needed by one that follows, the session of that one ends with it.
        if self._graph.failed is not None and session.name not in self._graph.done:
            raise self._graph.failed.error

    def _graph_of(self, run: Run) -> Graph:
        config, layout = run.workspace.config, run.workspace.layout
        limits = Limits(run.jobs, "train", is_alone=config.train_alone)
        graph = Graph(
            self._chain,
            self._registered,
            limits,
            run.console,
            work=lambda step: self._work(replace(run, others=graph), step),
            prepare=lambda step: (run.tools.python(step.name), step.prepare(run)),
            producers=lambda step: producers(layout, self._chain, step),
            at_work=self._note_steps,
        )
        return graph

    def _work(self, run: Run, step: Step) -> None:
        start = time.time()
        try:
            for name in step.follows_records:
                # In a run that has made nothing, it was up to date a moment ago.
                is_due = name in self._registered and name not in step.awaits
                if is_due and (run.made or name not in run.steps):
                    require_current(run.workspace, self._chain[name])
            step.run(run)
            settle(run, step)
        except Exception as error:
            # One that is not the first has not failed, nor has one that runs again.
            if not is_closed() and not isinstance(error, TooEarlyError):
                _note(run, step.name, error, start)
            raise
        forget_failure(run.workspace.layout.records, step.name)

    def _note_steps(self, names: Iterable[str]) -> None:
        if self._lock is not None:
            note_step(self._lock, ", ".join(names))

    def _stop(self, session: nox.Session, error: TrainwheelError | OSError) -> NoReturn:
        """End a session with an error, in which no secret of this run is shown."""
        environment = self._run.environment if self._run is not None else read_environment()
        problem = StepFailedError.of_system(error) if isinstance(error, OSError) else error
        for line in problem.details:
            Console(environment).line(f"  {line}")
        failed, step = self._graph and self._graph.failed, ""
        if failed and failed.error is error and failed.step != session.name:
            step = f"{failed.step}: "
        text = f"{step}{problem}{self._afterwards(session, problem)}"
        session.error(environment.secrets.redact(text))

    def _afterwards(self, session: nox.Session, error: TrainwheelError) -> str:
        """Return what was asked for, where an error says that another session is to be run."""
        targets = {step.target: step.name for step in self._chain.steps}
        sessions = {targets.get(name, name) for name in _SESSION.findall(error.hint)}
        is_other = sessions and not sessions & named_sessions(session)
        if isinstance(error, UncertainError):
            return ""  # what settles an upload leaves nothing of it to do
        return f", then {_command(session)}" if is_other else ""

    def _open(self, session: nox.Session) -> Run:
        """Return the run, which is made once, so that configuration and lock are read once."""
        self._steps = self._steps or selected_sessions(session, self._chain.by_name)
        steps = self._chain.with_needs(self._steps | {session.name}, self._registered)
        options = parse_options(session.posargs, self._chain, steps)
        if self._run is None:
            root, environment = Path.cwd(), read_environment()
            folder = session.cache_dir.parent.resolve()
            verbose = options.has("verbose")
            uv_cache_or_fallback(environment, root / ".trainwheel" / "uv-cache")
            environment = read_environment()
            categories = self._chain.categories
            self._run = open_run(root, folder, environment, categories, verbose=verbose)
        run = replace(self._run, options=options, steps=steps, registered=self._registered)
        run = replace(run, named=named_sessions(session))
        return replace(run, is_stale=lambda name: is_stale(run, self._chain[name]))

    def _keep_others_out(self, run: Run, command: str) -> int:
        """Take the lock of the repository, once in a run, and clear what a killed run left."""
        if self._lock is not None:
            return self._lock
        layout, wait = run.workspace.layout, run.options.has("wait") or run.environment.waits
        self._lock = take(layout.lock, command=command, wait=wait, notify=run.console.notice)
        shutil.rmtree(layout.scratch, ignore_errors=True)
        return self._lock

    def _check_once(self, run: Run) -> None:
        """Check what can be known before the first step of a run that could not come to its end."""
        if self._is_checked:
            return
        for step in self._chain.steps:
            if step.name in run.steps and step.check is not None:
                step.check(run)
        self._is_checked = True


def _adopt(run: Run) -> None:
    """Let a lock that pipenv wrote by itself be as if `nox -s lock` had written it."""
    root = run.workspace.layout.root
    if is_stamped(text := read_text(root / "Pipfile.lock")) or text is None:
        return
    from trainwheel.install.lock import adopt_lock

    if notice := adopt_lock(root, run.environment):
        run.console.notice_once(notice)


def _command(session: nox.Session) -> str:
    """Return what was typed, as far as Nox says it."""
    posargs = ("--", *session.posargs) if session.posargs else ()
    return shlex.join(("nox", "-s", *sorted(named_sessions(session)), *posargs))


def _note(run: Run, step: str, error: Exception, start: float) -> None:
    """Let ``trainwheel status`` show how a step failed, until its session succeeds."""
    layout, log = run.workspace.layout, run.workspace.layout.log(step)
    problem = StepFailedError.of_system(error) if isinstance(error, OSError) else error
    name = type(error).__name__
    message = problem.message if isinstance(problem, TrainwheelError) else f"{name}: {error}"
    text = run.environment.secrets.redact(" ".join(message.split()))
    with contextlib.suppress(OSError):  # what went wrong matters more
        is_new = log.is_file() and log.stat().st_mtime > start - _SKEW
        failure = Failure(time.time(), text, layout.relative(log) if is_new else "")
        note_failure(layout.records, step, failure)


def parse_options(words: Sequence[str], chain: Chain, sessions: Iterable[str]) -> Options:
    """Return the options of a run.

    Args:
        words: What stands after ``--``.
        chain: Every step, with the options that it takes.
        sessions: The sessions of the run; words that are not flags need one that takes them.

    Raises:
        ConfigurationError: A flag that no session knows, one without its value, or a word that
            no session of this run takes.
    """
    flags = {flag.name: flag for flag in chain.flags}
    try:
        values, names = _parser(chain.flags).parse_known_args(words)
    except argparse.ArgumentError as error:
        flag = flags[str(error.argument_name)]
        needs = f"needs a value: {flag.name} {flag.metavar}" if flag.metavar else "takes no value"
        message = f"{flag.name} {needs}"
        raise ConfigurationError(message) from None
    for name in (name.partition("=")[0] for name in names if name.startswith("-")):
        near = difflib.get_close_matches(name, flags, 1)
        message = f"no session knows the option {name}"
        hint = f"did you mean {near[0]}?" if near else f"they know {', '.join(flags)}"
        raise ConfigurationError(message, hint=hint)
    if names and not any(chain[name].takes_names for name in sessions):
        message = f"no session of this run takes {names[0]!r}"
        raise ConfigurationError(message)
    return Options(vars(values), tuple(names))


@functools.cache  # every session of a run asks for the same one
def _parser(flags: tuple[Flag, ...]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    for flag in flags:
        kind: dict[str, Any] = {"action": "store_const", "const": ""}
        kind = {"type": _value} if flag.metavar else kind
        name = flag.name.removeprefix("--")
        parser.add_argument(flag.name, dest=name, default=argparse.SUPPRESS, **kind)
    return parser


def _value(text: str) -> str:
    if not text or text.startswith("-"):  # argparse takes "" and "-1" for values
        raise ValueError
    return text
