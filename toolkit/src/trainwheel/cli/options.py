"""What stands after ``--``: one line of options that every session of a run is given.

Each session takes its own and ignores those of the others; what nobody knows is refused.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import NoReturn

from trainwheel.engine.chain import Chain
from trainwheel.engine.run import Options
from trainwheel.errors import ConfigurationError

__all__ = ["parse_options"]


def parse_options(words: Sequence[str], chain: Chain, sessions: Iterable[str]) -> Options:
    """Return the options of a run.

    Args:
        words: What stands after ``--``.
        chain: Every step, with the options that it takes.
        sessions: The sessions of the run; words that are no flags need one that takes them.

    Raises:
        ConfigurationError: A flag that no session knows, one without its value, or a word that
            no session of this run takes.
    """
    known = {flag.name: flag for flag in chain.flags}
    options = Options({}, ())
    names: list[str] = []
    rest = list(words)
    while rest:
        word, *rest = rest
        if not word.startswith("-"):
            names.append(word)
            continue
        name, equals, value = word.partition("=")
        flag = known.get(name) or _refuse(name, known)
        if not flag.metavar and equals:
            message = f"{name} takes no value"
            raise ConfigurationError(message)
        if flag.metavar and not equals:
            value, *rest = rest or [""]
        if flag.metavar and (not value or value.startswith("-")):
            message = f"{name} needs a value: {name} {flag.metavar}"
            raise ConfigurationError(message)
        options.values[name.removeprefix("--")] = value
    _check_names(names, chain, set(sessions))
    return Options(options.values, tuple(names))


def _refuse(name: str, known: Iterable[str]) -> NoReturn:
    near = difflib.get_close_matches(name, list(known), 1)
    message = f"no session knows the option {name}"
    mend = f"did you mean {near[0]}?" if near else f"they know {', '.join(known)}"
    raise ConfigurationError(message, hint=mend)


def _check_names(names: Sequence[str], chain: Chain, sessions: set[str]) -> None:
    takers = [step.name for step in chain.steps if step.takes_names and step.name in sessions]
    if names and not takers:
        message = f"no session of this run takes {names[0]!r}"
        raise ConfigurationError(message)
