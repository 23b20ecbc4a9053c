"""``trainwheel init``, a new model repository, and ``update``, which renews what is not its own."""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from trainwheel.cli.opening import open_here
from trainwheel.engine.run import Run
from trainwheel.errors import ConfigurationError, RefusedError, StepFailedError
from trainwheel.requirements.setup_py import read_distribution_name
from trainwheel.scaffold.answers import MOST_COPIED, Source, describe, table_answers
from trainwheel.scaffold.columns import Kind, examine
from trainwheel.scaffold.create import Start, check_place, create
from trainwheel.scaffold.draft import AS, draft
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
from trainwheel.scaffold.rendering import find_copier, render_maintained
from trainwheel.scaffold.table import find_layout, print_table
from trainwheel.scaffold.target import Ask, Wishes
from trainwheel.system.console import Console
from trainwheel.system.environ import Environment, read_environment
from trainwheel.system.files import read_text, write_atomically
from trainwheel.system.git import find_changed

__all__ = ["add_init", "add_update"]

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
    _add_table(parser)
    parser.set_defaults(run=_init)


def add_update(parser: argparse.ArgumentParser) -> None:
    """Give a parser the arguments of ``update``."""
    parser.add_argument("--write", action="store_true", help="write what differs")
    parser.set_defaults(run=_update)


def _update(arguments: argparse.Namespace) -> None:
    """Compare the modules that are the same in every repository with those of this version.

    Raises:
        ConfigurationError: The package has none of them.
        StepFailedError: Without ``--write``, some differ.
        RefusedError: One that would be replaced has changes that nothing could bring back.
    """
    run = open_here()
    layout, package = run.workspace.layout, run.workspace.config.package
    name = read_distribution_name(run.workspace.read_setup_py())
    is_regressor = (layout.package / "regressor.py").is_file()
    texts = render_maintained(package, name, "Regressor" if is_regressor else "Classifier")
    present = {file: read_text(layout.package / file) for file in texts}
    if present["serving.py"] is None and present["loading.py"] is None:
        message = f"{package} has none of the modules that trainwheel renews"
        hint = "it loads its model by itself; trainwheel init shows the modules at work"
        raise ConfigurationError(message, hint=hint)
    names = [file for file in texts if texts[file] != present[file]]
    for file in names:
        state = "is missing" if present[file] is None else "differs"
        run.console.line(f"{layout.relative(layout.package / file)} {state}")
    if names and not arguments.write:
        message = f"{len(names)} of {len(texts)} modules are not those of this version"
        raise StepFailedError(message, hint="write them: trainwheel update --write")
    _replace(run, {layout.package / file: texts[file] for file in names})
    state = f"{len(names)} modules renewed; look at them: git diff" if names else "nothing differs"
    run.console.outcome("update", state)


def _replace(run: Run, texts: Mapping[Path, str]) -> None:
    """Write files that git can bring back as they were."""
    changed = find_changed(run.workspace.layout.root, run.environment, list(texts))
    if texts and changed is None:
        message = "this is not a git repository with a commit, which could bring the old files back"
        raise RefusedError(message, hint="commit the repository")
    for name in changed or ():
        message = f"{name} has changes that are not committed"
        raise RefusedError(message, hint="commit them, so that nothing is lost")
    for path, text in texts.items():
        write_atomically(path, text.encode())


def _add_table(parser: argparse.ArgumentParser) -> None:
    """Give a parser the arguments that say what the model is to be trained on."""
    group = parser.add_argument_group("a model of your own table")
    origin = group.add_mutually_exclusive_group()
    origin.add_argument("--from", dest="table", type=Path, metavar="FILE",
                        help="CSV, TSV or Parquet")  # fmt: skip
    origin.add_argument("--from-command", metavar="COMMAND", help="prints the table as CSV")
    group.add_argument("--target", default="", metavar="COLUMN", help="to predict")
    for name, text in (("drop", "that the model does not read"), ("text", "of free text")):
        group.add_argument(f"--{name}", action="append", default=[], metavar="COLUMN", help=text)
    group.add_argument("--as", dest="kinds", action="append", default=[], metavar="COLUMN=KIND",
                       type=_kind, help=f"what a column is: {', '.join(AS)}")  # fmt: skip
    group.add_argument("--key", default="", metavar="COLUMN", help="that decides what is held out")
    group.add_argument("--positive", default="", metavar="CLASS", help="of two, to look for")
    group.add_argument("--encoding", default="", help="of CSV; default: utf-8")
    group.add_argument("--copy", action="store_true", help="copy the table into the repository")


def _kind(word: str) -> tuple[str, Kind]:
    column, mark, kind = word.rpartition("=")
    if not mark or kind not in AS:
        message = f"--as {word}: it is not COLUMN=KIND, with a kind among {', '.join(AS)}"
        raise ConfigurationError(message, hint="see trainwheel init --help")
    return column, Kind(kind)


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
    with _source(arguments, environment) as source:
        if source is not None:
            answers |= _of_table(arguments, source, folder, console, _ask if asks else None)
        create(folder, Start(answers, asks, source), environment, console)


@contextmanager
def _source(arguments: argparse.Namespace, environment: Environment) -> Iterator[Source | None]:
    """Yield the table that the options name, with what a command prints in a file; or none.

    Raises:
        ConfigurationError: It cannot be read, or an option makes no sense without it.
    """
    path, command = arguments.table, arguments.from_command
    if path is None and not command:
        names = ("target", "drop", "text", "kinds", "key", "positive", "encoding", "copy")
        if any(getattr(arguments, name) for name in names):
            message = "the options about a table are given, and no table"
            raise ConfigurationError(message, hint="name it: --from FILE")
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="trainwheel-") as scratch:
        if command:
            path = print_table(command, Path(scratch), environment)
        layout = find_layout(path, arguments.encoding)
        if arguments.copy and path.stat().st_size > MOST_COPIED:
            message = f"{path} is too large to be copied into a repository"
            raise ConfigurationError(message, hint="leave out --copy: then it stays where it is")
        yield Source(path, layout, command or "", arguments.copy)


def _of_table(
    arguments: argparse.Namespace, source: Source, folder: Path, console: Console, ask: Ask | None
) -> dict[str, Any]:
    """Return the answers that follow from a table, and say what a person should know of it."""
    kinds = {**dict(arguments.kinds), **dict.fromkeys(arguments.text, Kind.TEXT)}
    wishes = Wishes(
        arguments.target, tuple(arguments.drop), arguments.key, kinds, arguments.task or "",
        arguments.positive,
    )  # fmt: skip
    console.line(f"reading {'what the command printed' if source.command else source.name}")
    made = draft(examine(source.path, source.layout), wishes, ask)
    for notice in made.notices:
        console.notice(notice)
    description = describe(made, "" if source.command else source.name)
    table = table_answers(made, source, folder)
    return {"task": made.task, "description": description, "gate": [], "table": table}


def _ask(question: str, choices: Sequence[str]) -> str:
    """Ask at the terminal.

    Raises:
        KeyboardInterrupt: The question was ended by Ctrl-C.
    """
    # It comes with copier, which asks by it too.
    questionary = importlib.import_module("questionary")
    answer: str = questionary.select(question, choices=list(choices)).unsafe_ask()
    return answer


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
    problems = {name: check(answers[name]) for name, check in checks.items() if name in answers}
    if problems.get("name") and answers.get("package") == package_of(answers["name"]):
        del problems["package"]
    for name, problem in problems.items():
        if problem:
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
