"""Renders the template of a model repository with copier, and asks what it was not told."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment as JinjaEnvironment
from jinja2.ext import Extension

from trainwheel.errors import ConfigurationError
from trainwheel.scaffold.names import (
    package_of,
    prefix_of,
    problem_of_name,
    problem_of_package,
    problem_of_variable,
    training_of,
)

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["TEMPLATE", "Names", "find_copier", "render"]

TEMPLATE = Path(__file__).with_name("template")


class Names(Extension):
    """Lets the template's questions know which names will do, and what follows from them."""

    def __init__(self, environment: JinjaEnvironment) -> None:
        super().__init__(environment)
        functions = (package_of, prefix_of, training_of)
        judges = (problem_of_name, problem_of_package, problem_of_variable)
        environment.filters |= {function.__name__: function for function in (*functions, *judges)}


def find_copier() -> ModuleType:
    """Return copier, which only this needs.

    Raises:
        ConfigurationError: It is not installed.
    """
    try:
        import copier
    except ModuleNotFoundError:
        message = "copier is not installed beside this command"
        # No name of the library on an index is taken on trust.
        hint = "install it there: python -m pip install copier pipenv"
        raise ConfigurationError(message, hint=hint) from None
    return copier


def render(folder: Path, told: Mapping[str, object], *, asks: bool) -> dict[str, Any]:
    """Write the files of a model repository, and return all answers.

    Args:
        folder: Where to; new.
        told: What is known: the answers given, and what the template takes beside them.
        asks: Whether to ask for the other answers at the terminal; else their defaults count.

    Raises:
        KeyboardInterrupt: The questions were ended by Ctrl-C.
    """
    copier = find_copier()
    try:
        worker = copier.run_copy(
            str(TEMPLATE), folder, dict(told), defaults=not asks, quiet=True, unsafe=True
        )
    except copier.errors.CopierAnswersInterrupt:
        raise KeyboardInterrupt from None
    answers: dict[str, Any] = dict(worker.answers.combined)
    return answers
