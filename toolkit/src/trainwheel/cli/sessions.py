"""Register the steps as Nox sessions."""

from __future__ import annotations

import sys
from collections.abc import Iterable

import nox

from trainwheel.cli.nox import hush, name_uv
from trainwheel.cli.runner import Runner
from trainwheel.engine.chain import Chain, Step
from trainwheel.errors import ConfigurationError
from trainwheel.steps import load_chain
from trainwheel.system.environ import read_environment
from trainwheel.system.process import handle_termination

__all__ = ["register"]


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
        chosen = _choose(chain, only, _names(exclude))
    except ConfigurationError as error:
        sys.exit(str(error))
    nox.options.stop_on_first_error = True
    handle_termination()
    hush(chosen)
    name_uv(read_environment())
    runner = Runner(chain, chosen)
    for step in chain.steps:
        if step.name in chosen:
            _register(step, chosen, runner)


def _choose(chain: Chain, only: Iterable[str] | None, excluded: frozenset[str]) -> frozenset[str]:
    chosen = _names(chain.by_name if only is None else only)
    unknown = sorted((chosen | excluded).difference(chain.by_name))
    if unknown:
        message = f"register() knows no step {unknown[0]!r}"
        raise ConfigurationError(message, hint=f"the steps are {', '.join(chain.by_name)}")
    return chosen - excluded


def _names(names: Iterable[str]) -> frozenset[str]:
    # One name alone is meant as it is, and not as its letters.
    return frozenset((names,) if isinstance(names, str) else names)


def _register(step: Step, chosen: frozenset[str], runner: Runner) -> None:
    def body(session: nox.Session) -> None:
        runner(step, session)

    body.__name__ = step.name
    body.__doc__ = f"{step.help}."
    # A step makes its environment itself, and only when it has something to do: Nox would make
    # it, or start uv to look at it, before the step can say that nothing changed.
    requires = [name for name in step.needs if name in chosen]
    decorate = nox.session(name=step.name, venv_backend="none", requires=requires, default=False)
    decorate(body)
