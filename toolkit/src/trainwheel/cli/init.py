"""``trainwheel init``: a new model repository, ready to be released from."""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from trainwheel.errors import ConfigurationError
from trainwheel.scaffold.create import check_place, create
from trainwheel.scaffold.names import (
    CI_SERVICES,
    NEXUS_VARIABLE,
    TASKS,
    name_of,
    package_of,
    problem_of_name,
    problem_of_package,
    problem_of_services,
    problem_of_variable,
)
from trainwheel.scaffold.rendering import find_copier
from trainwheel.system.console import Console
from trainwheel.system.environ import read_environment

__all__ = ["add_init"]

_NO_SERVICE = "none"


def add_init(parser: argparse.ArgumentParser) -> None:
    """Give a parser the arguments of ``init``."""
    parser.add_argument("directory", type=Path, metavar="DIRECTORY", help="new or empty")
    parser.add_argument("--name", help="of the distribution; default: that of the directory")
    parser.add_argument("--package", help="to import; default: the name with underscores")
    parser.add_argument("--task", choices=TASKS, help=f"default: {TASKS[0]}")
    parser.add_argument(
        "--index-url-env", metavar="VARIABLE",
        help=f"holds the address of your index; default: {NEXUS_VARIABLE}",
    )  # fmt: skip
    parser.add_argument(
        "--ci", metavar="SERVICE,…",
        help=f"services to write files for, or {_NO_SERVICE}; default: {','.join(CI_SERVICES)}",
    )  # fmt: skip
    parser.set_defaults(run=_init)


def _init(arguments: argparse.Namespace) -> None:
    environment = read_environment()
    console = Console(environment)
    find_copier()
    folder = Path(os.path.abspath(arguments.directory))  # noqa: PTH100 - links stay as they are
    check_place(folder)
    asks = sys.stdin.isatty() and sys.stdout.isatty() and not environment.in_ci
    answers = _answers(arguments)
    if not asks:
        answers = {**_defaults(folder.name, answers), **answers}
    if problems := list(_problems(answers)):
        raise ConfigurationError("; ".join(problems), hint="see trainwheel init --help")
    create(folder, answers, environment, console, asks=asks)


def _answers(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the options that were given, by their names in the template."""
    options = {**vars(arguments), "ci": _services(arguments.ci)}
    names = ("name", "package", "task", "index_url_env", "ci")
    return {name: options[name] for name in names if options[name] is not None}


def _defaults(folder_name: str, answers: Mapping[str, Any]) -> dict[str, Any]:
    """Return what counts where nobody is asked."""
    name = name_of(folder_name)
    package = package_of(answers.get("name", name))
    services, variable = list(CI_SERVICES), NEXUS_VARIABLE
    return {
        "name": name,
        "package": package,
        "task": TASKS[0],
        "index_url_env": variable,
        "ci": services,
    }


def _problems(answers: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the answers; one that will be asked for is checked there."""
    checks: dict[str, Callable[[str], str]] = {
        "name": problem_of_name,
        "package": lambda package: problem_of_package(package, _importable()),
        "index_url_env": problem_of_variable,
    }
    for name, check in checks.items():
        if name in answers and (problem := check(answers[name])):
            yield f"--{name.replace('_', '-')} {answers[name]!r} {problem}"
    if problem := problem_of_services(answers.get("ci", ())):
        yield f"--ci {problem}"


def _services(text: str | None) -> list[str] | None:
    if text is None:
        return None
    names = [name.strip().lower() for name in text.split(",") if name.strip()]
    return [] if names == [_NO_SERVICE] else names


def _importable() -> set[str]:
    """Return what is installed beside this command: a package of that name would hide it."""
    return set(importlib.metadata.packages_distributions())
