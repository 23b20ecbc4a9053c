"""Tables of the documentation, made from the code that they describe."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from trainwheel import errors
from trainwheel.engine.chain import VERBOSE, Flag, Step
from trainwheel.engine.layout import Layout
from trainwheel.settings.config import Config
from trainwheel.settings.keys import keys_of
from trainwheel.settings.tables import GateSettings, IndexSettings, RuleSettings
from trainwheel.steps import load_chain

__all__ = [
    "exit_codes",
    "gate_keys",
    "gate_settings",
    "index_keys",
    "keys",
    "kinds",
    "options",
    "sessions",
    "staleness",
    "targets",
]

_TARGET = re.compile(r"^(?P<name>[a-z.]+):.*?## (?P<help>.*)$", re.MULTILINE)

_SAMPLE = Layout(Path(), Path("model"), Path("model/package"), (Path("artefact"),))
"""Paths as the manual names them."""


def targets(makefile: str) -> str:
    """Return the make targets with the help that stands beside them in the Makefile."""
    rows = [(f"`make {match['name']}`", match["help"]) for match in _TARGET.finditer(makefile)]
    return _table(("command", "what it does"), rows)


def sessions() -> str:
    """Return the Nox sessions."""
    rows = [
        (f"`{step.name}`", step.help, _codes(step.needs), _codes(step.awaits), _environment(step),
         _takes(step))
        for step in load_chain().steps
    ]  # fmt: skip
    heads = ("session", "what it does", "after", "if these succeed", "its packages", "takes")
    return _table(heads, rows)


def staleness() -> str:
    """Return what makes the steps of the chain stale, and what they make."""
    rows = [
        (f"`{step.name}`", ", ".join(group.words for group in step.inputs),
         _codes(path.as_posix() for path in step.outputs(_SAMPLE)))
        for step in load_chain().links
        if step.inputs
    ]  # fmt: skip
    return _table(("step", "files that make it stale", "what it makes"), rows)


def options() -> str:
    """Return the options that stand after ``--``."""
    rows = [(_spelling(flag), _takers(flag), flag.help) for flag in load_chain().flags]
    return _table(("option", "taken by", "meaning"), rows)


def _takers(flag: Flag) -> str:
    steps = load_chain().steps
    takers = [step.name for step in steps if flag in step.flags]
    return "every session" if len(takers) == len(steps) else _codes(takers)


def keys() -> str:
    """Return the keys of ``[tool.trainwheel]``."""
    return _keys(Config)


def index_keys() -> str:
    """Return the keys of ``[tool.trainwheel.index.NAME]``."""
    return _keys(IndexSettings)


def gate_keys() -> str:
    """Return the keys of ``[tool.trainwheel.gate.METRIC]``."""
    return _keys(RuleSettings)


def gate_settings() -> str:
    """Return the keys of ``[tool.trainwheel.gate]`` itself."""
    return _keys(GateSettings)


def exit_codes() -> str:
    """Return the exit codes of the ``trainwheel`` command."""
    rows = [("0", "", "done, or done already")]
    for code, kind in sorted({(error.exit_code, error.kind) for error in _errors()}):
        about = [_sentence(error) for error in _errors() if (error.exit_code, error.kind)
                 == (code, kind) and error is not errors.TrainwheelError]  # fmt: skip
        rows.append((str(code), f"`{kind}:`", " ".join(about)))
    rows += [("130", "", "interrupted"), ("141", "", "nobody reads the output: `… | head -1`")]
    return _table(("code", "the line begins with", "when"), rows)


def kinds() -> str:
    """Return the first words of the line that says why a run stopped."""
    words = sorted({(error.exit_code, error.kind) for error in _errors()})
    return ", ".join(f"`{kind}:`" for _, kind in words)


def _errors() -> tuple[type[errors.TrainwheelError], ...]:
    return tuple(
        value
        for value in vars(errors).values()
        if inspect.isclass(value) and issubclass(value, errors.TrainwheelError)
    )


def _sentence(error: type[errors.TrainwheelError]) -> str:
    return (inspect.getdoc(error) or "").splitlines()[0]


def _keys(declared: type) -> str:
    rows = [
        (f"`{key.name}`", "must be given" if key.is_required else _default(key.default), key.help)
        for key in keys_of(declared)
    ]
    return _table(("key", "default", "meaning"), rows)


def _default(shown: str) -> str:
    return f"`{shown}`" if shown else "none"


def _environment(step: Step) -> str:
    if step.category is None:
        return "none"
    return f"`[{step.category}]`" if step.alone else f"`[packages]` and `[{step.category}]`"


def _takes(step: Step) -> str:
    flags = [_spelling(flag) for flag in step.flags if flag is not VERBOSE]
    return ", ".join([*flags, *([f"`{step.takes_names}`"] if step.takes_names else [])])


def _spelling(flag: Flag) -> str:
    return f"`{flag.name} {flag.metavar}`" if flag.metavar else f"`{flag.name}`"


def _codes(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(_lines(heads, rows))


def _lines(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"|{'---|' * len(heads)}"
    for row in rows:
        yield f"| {' | '.join(map(_cell, row))} |"


def _cell(text: str) -> str:
    # A bar would end the cell, two underscores would make what follows bold.
    return text.replace("|", "&#124;").replace("__", r"\_\_")
