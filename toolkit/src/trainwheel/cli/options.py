"""What stands after ``--``: one line of options that every session of a run is given.

Each session takes its own and ignores those of the others; what nobody knows is refused.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from trainwheel.engine.chain import FLAGS, STEPS, Flag
from trainwheel.errors import ConfigurationError

__all__ = ["Options", "parse_options"]


@dataclass(frozen=True)
class Options:
    """Parsed options.

    Args:
        values: Flag without its dashes → value; an empty text for a switch.
        names: The words that are no flags.
    """

    values: dict[str, str] = field(default_factory=dict)
    names: tuple[str, ...] = ()

    def get(self, name: str) -> str | None:
        """Return a flag's value, None where it was not given."""
        return self.values.get(name)

    def has(self, name: str) -> bool:
        """Return whether a switch was given."""
        return name in self.values


def parse_options(words: Sequence[str], sessions: Iterable[str]) -> Options:
    """Return the options of a run.

    Args:
        words: What stands after ``--``.
        sessions: The sessions of the run; words that are no flags need one that takes them.

    Raises:
        ConfigurationError: A flag that no session knows, one without its value, or a word that
            no session of this run takes.
    """
    known = {flag.name: flag for flag in FLAGS}
    options = Options({}, ())
    names: list[str] = []
    rest = list(words)
    while rest:
        word, *rest = rest
        if not word.startswith("-"):
            names.append(word)
            continue
        name, equals, value = word.partition("=")
        flag = known.get(name) or _refuse(name)
        if not flag.metavar and equals:
            message = f"{name} takes no value"
            raise ConfigurationError(message)
        if flag.metavar and not equals:
            value, *rest = rest or [""]
        if flag.metavar and (not value or value.startswith("-")):
            message = f"{name} needs a value: {name} {flag.metavar}"
            raise ConfigurationError(message)
        options.values[name.removeprefix("--")] = value
    _check_names(names, set(sessions))
    return Options(options.values, tuple(names))


def _refuse(name: str) -> Flag:
    near = difflib.get_close_matches(name, [flag.name for flag in FLAGS], 1)
    message = f"no session knows the option {name}"
    mend = f"did you mean {near[0]}?" if near else f"they know {', '.join(f.name for f in FLAGS)}"
    raise ConfigurationError(message, hint=mend)


def _check_names(names: Sequence[str], sessions: set[str]) -> None:
    takers = [step.name for step in STEPS if step.takes_names and step.name in sessions]
    if names and not takers:
        message = f"no session of this run takes {names[0]!r}"
        raise ConfigurationError(message)
