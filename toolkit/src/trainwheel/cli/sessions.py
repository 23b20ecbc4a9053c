"""Register the steps of the chain as Nox sessions."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import nox

from trainwheel.cli.runner import hush_nox, run_session, tell_nox_of_uv
from trainwheel.engine.chain import STEPS, Step
from trainwheel.errors import ConfigurationError
from trainwheel.system.process import handle_termination

__all__ = ["register"]


def register(*, only: Iterable[str] | None = None, exclude: Iterable[str] = ()) -> None:
    """Register the sessions of the chain in a noxfile.

    Args:
        only: The steps to register; all of them where it is None.
        exclude: Steps to leave out; a step that needs one of them runs without it.

    Raises:
        SystemExit: A name is no step. Nox shows the traceback of anything else that a noxfile
            raises.
    """
    try:
        chosen = _choose(only, _names(exclude))
    except ConfigurationError as error:
        sys.exit(str(error))
    nox.options.stop_on_first_error = True
    handle_termination()
    hush_nox(chosen)
    tell_nox_of_uv()
    for step in STEPS:
        if step.name in chosen:
            _register(step, chosen)


def _choose(only: Iterable[str] | None, left_out: frozenset[str]) -> frozenset[str]:
    steps = tuple(step.name for step in STEPS)
    chosen = _names(steps if only is None else only)
    unknown = sorted((chosen | left_out).difference(steps))
    if unknown:
        message = f"register() knows no step {unknown[0]!r}"
        raise ConfigurationError(message, hint=f"the steps are {', '.join(steps)}")
    return chosen - left_out


def _names(names: Iterable[str]) -> frozenset[str]:
    # One name alone is meant as it is, and not as its letters.
    return frozenset((names,) if isinstance(names, str) else names)


def _register(step: Step, chosen: frozenset[str]) -> None:
    def body(session: nox.Session) -> None:
        run_session(step.name, session, Path.cwd(), chosen)

    body.__name__ = step.name
    body.__doc__ = f"{step.help}."
    # A step makes its environment itself, and only when it has something to do: Nox would make
    # it, or start uv to look at it, before the step can say that nothing changed.
    requires = [name for name in step.needs if name in chosen]
    decorate = nox.session(name=step.name, venv_backend="none", requires=requires, default=False)
    decorate(body)
