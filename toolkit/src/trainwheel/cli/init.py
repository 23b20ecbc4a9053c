"""``trainwheel init``: a new model repository, ready to be released from."""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

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


@dataclass(frozen=True)
class _Option:
    """An option that was given, or its default.

    Args:
        flag: As it is typed.
        answer: Its name in the template.
        value: What was given; None for nothing.
        default: What counts where nobody is asked.
        problem: Why the value cannot be taken; empty where it can.
    """

    flag: str
    answer: str
    value: object
    default: object
    problem: str


def _init(arguments: argparse.Namespace) -> None:
    environment = read_environment()
    console = Console(environment)
    find_copier()
    folder = Path(os.path.abspath(arguments.directory))  # noqa: PTH100 - links stay as they are
    check_place(folder)
    asks = sys.stdin.isatty() and sys.stdout.isatty() and not environment.in_ci
    options = list(_options(arguments, folder.name, asks=asks))
    problems = [f"{option.flag} {option.problem}" for option in options if option.problem]
    if problems:
        raise ConfigurationError("; ".join(problems), hint="see trainwheel init --help")
    answers = {
        option.answer: option.default if option.value is None else option.value
        for option in options
        if not asks or option.value is not None
    }
    create(folder, answers, environment, console, asks=asks)


def _options(arguments: argparse.Namespace, folder_name: str, *, asks: bool) -> Iterator[_Option]:
    """Yield the options; an answer that will be asked for is checked there."""
    name = arguments.name or name_of(folder_name)
    package = arguments.package or package_of(name)
    variable = arguments.index_url_env or NEXUS_VARIABLE
    services = _services(arguments.ci)
    yield _Option(
        "--name", "name", arguments.name, name,
        _quoted(name, problem_of_name(name)) if not asks or arguments.name else "",
    )  # fmt: skip
    yield _Option(
        "--package", "package", arguments.package, package,
        _quoted(package, problem_of_package(package, _importable()))
        if not asks or arguments.package else "",
    )  # fmt: skip
    yield _Option("--task", "task", arguments.task, TASKS[0], "")
    yield _Option(
        "--index-url-env", "index_url_env", arguments.index_url_env, NEXUS_VARIABLE,
        _quoted(variable, problem_of_variable(variable)),
    )  # fmt: skip
    yield _Option("--ci", "ci", services, list(CI_SERVICES), problem_of_services(services or ()))


def _quoted(value: str, problem: str) -> str:
    return f"{value!r} {problem}" if problem else ""


def _services(text: str | None) -> list[str] | None:
    if text is None:
        return None
    names = [name.strip().lower() for name in text.split(",") if name.strip()]
    return [] if names == [_NO_SERVICE] else names


def _importable() -> set[str]:
    """Return what is installed beside this command: a package of that name would hide it."""
    return set(importlib.metadata.packages_distributions())
