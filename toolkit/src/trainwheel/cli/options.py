"""The options after ``--``: one line that every session of a run is given.

Each session uses its own and ignores those of the others; an unknown one is refused.
"""

from __future__ import annotations

import argparse
import difflib
import functools
from collections.abc import Iterable, Sequence
from typing import Any

from trainwheel.engine.chain import Chain, Flag
from trainwheel.engine.run import Options
from trainwheel.errors import ConfigurationError

__all__ = ["parse_options"]


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
