"""Renders the template of a model repository with copier, and asks for missing answers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment as JinjaEnvironment
from jinja2.ext import Extension

from trainwheel.errors import ConfigurationError
from trainwheel.scaffold.code import (
    assigned,
    declared,
    drawn,
    in_toml,
    listed,
    literal,
    quoted,
    settle_long,
)
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

__all__ = [
    "MAINTAINED",
    "TEMPLATE",
    "Names",
    "author_mail",
    "author_name",
    "find_copier",
    "problem_of_address",
    "problem_of_author",
    "render",
    "render_maintained",
]

TEMPLATE = Path(__file__).with_name("template")

MAINTAINED = (
    *("__main__", "batch", "engine", "errors", "installed", "job", "jsonlines", "kinds"),
    *("lazy_model", "load_lock", "loading", "manifest", "portable", "portable_curves"),
    *("portable_links", "portable_models", "portable_steps", "portable_text", "portable_trees"),
    *("provenance", "ranges", "record", "result", "schema", "served", "serving", "table"),
)
"""The modules of a model package that are the same in every repository."""

_LONGEST_AUTHOR = 76
_MAIL = r"[^\s<>@,]+@[^\s<>@,]+"
_PERSON = re.compile(rf"(?P<name>[^<>@]*?)\s*(?:<(?P<mail>{_MAIL})>)?|(?P<alone>{_MAIL})")


def problem_of_author(text: str) -> str:
    """Return what is wrong with ``NAME <MAIL>``, of which one may be missing; empty if nothing."""
    if len(text) > _LONGEST_AUTHOR:
        return f"is longer than {_LONGEST_AUTHOR} letters"
    if not text.isprintable() or not _PERSON.fullmatch(text.strip()):
        return "is not NAME <MAIL>, where one may be missing"
    return ""


def problem_of_address(text: str) -> str:
    """Return what is wrong with the address of a repository; empty if nothing, or if it is."""
    if text and not re.fullmatch(r"https?://[^\s@\"'\\]+", text):
        return "is not an address that begins with https:// and holds no password"
    return ""


def author_name(text: str) -> str:
    """Return the name in ``NAME <MAIL>``; empty if it has none."""
    match = _PERSON.fullmatch(text.strip())
    return (match["name"] or "") if match else ""


def author_mail(text: str) -> str:
    """Return the e-mail in ``NAME <MAIL>``; empty if it has none."""
    match = _PERSON.fullmatch(text.strip())
    return (match["mail"] or match["alone"] or "") if match else ""


class Names(Extension):
    """Lets the template's questions know which names can be used, and what follows from them."""

    def __init__(self, environment: JinjaEnvironment) -> None:
        super().__init__(environment)
        functions = (
            *(package_of, prefix_of, training_of, author_name, author_mail),
            *(assigned, declared, drawn, in_toml, listed, literal, quoted),
            *(problem_of_name, problem_of_package, problem_of_variable),
            *(problem_of_author, problem_of_address),
        )
        environment.filters |= {function.__name__: function for function in functions}


def find_copier() -> ModuleType:
    """Return copier, which nothing else needs.

    Raises:
        ConfigurationError: It is not installed.
    """
    try:
        import copier
    except ModuleNotFoundError:
        message = "copier is not installed beside this command"
        # Not `trainwheel[...]`: nobody can vouch for that name on the public index.
        hint = "install it there: python -m pip install copier pipenv"
        raise ConfigurationError(message, hint=hint) from None
    return copier


def render(folder: Path, answers: Mapping[str, object], *, asks: bool) -> dict[str, Any]:
    """Write the files of a model repository, and return all answers.

    Args:
        folder: Where to; new.
        answers: Those given so far, and the template's other values.
        asks: Whether to ask for the other answers at the terminal; else their defaults count.

    Raises:
        KeyboardInterrupt: The questions were ended by Ctrl-C, or by the end of the input.
    """
    copier = find_copier()
    try:
        worker = _copy(folder, answers, asks=asks)
        if answers.get("table"):
            above = {**worker.answers.combined, "layer": "table"}
            _copy(folder, above, asks=False)
    except (copier.errors.CopierAnswersInterrupt, copier.errors.InteractiveSessionError):
        raise KeyboardInterrupt from None
    everything: dict[str, Any] = dict(worker.answers.combined)
    return everything


def render_maintained(package: str, name: str, model_class: str) -> dict[str, str]:
    """Return the modules that are the same in every repository: name of the file → text.

    Args:
        package: Import name of the package.
        name: Of the distribution.
        model_class: The class that serves the model.
    """
    values = {"package": package, "name": name, "model_class": model_class}
    folder = TEMPLATE / "project" / "model" / "[= package =]"
    files = {f"{module}.py": folder / f"{module}.py.jinja" for module in MAINTAINED}
    return {
        file: settle_long(
            re.sub(r"\[= (\w+) =\]", lambda word: values[word[1]], path.read_text("utf-8"))
        )
        for file, path in files.items()
    }


def _copy(folder: Path, answers: Mapping[str, object], *, asks: bool) -> Any:
    """Render one layer of the template over what is there."""
    worker = find_copier().run_copy(
        str(TEMPLATE), folder, dict(answers),
        defaults=not asks, overwrite=True, quiet=True, unsafe=True,
    )  # fmt: skip
    for path in folder.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        path.write_text(settle_long(text), encoding="utf-8")
    return worker
