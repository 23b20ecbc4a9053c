"""``trainwheel wheelhouse``: all that is locked, in a folder, for machines without a network."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path

from trainwheel.cli.opening import open_here
from trainwheel.install.routing import routing_of
from trainwheel.install.wheelhouse import Wheelhouse, plan_downloads
from trainwheel.requirements.lockfile import LockedRequirement, local_packages
from trainwheel.system.console import Console
from trainwheel.system.text import describe_size

__all__ = ["add_wheelhouse"]


def add_wheelhouse(parser: argparse.ArgumentParser) -> None:
    """Give a parser the arguments of ``wheelhouse``."""
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="made where it is missing")
    parser.add_argument(
        "categories", nargs="*", metavar="CATEGORY", help="of the Pipfile (default: all)"
    )
    parser.set_defaults(run=_collect)


def _collect(arguments: argparse.Namespace) -> None:
    run = open_here()
    indexes = run.workspace.config.indexes
    routing = routing_of(indexes, run.environment, run.tokens)
    groups = plan_downloads(run.workspace.lock, arguments.categories)
    wheelhouse = Wheelhouse(arguments.folder, run.environment, routing)
    every = tuple(requirement for group in groups for requirement in group)
    for group in groups:
        wheelhouse.fetch(group)
    _sum_up(run.console, wheelhouse, every)


def _sum_up(
    console: Console, wheelhouse: Wheelhouse, packages: Sequence[LockedRequirement]
) -> None:
    for name in local_packages(packages):
        console.notice(f"{name} is skipped: it is a folder of the repository")
    if strangers := tuple(wheelhouse.strangers(packages)):
        more = f" and {len(strangers) - 1} more" if len(strangers) > 1 else ""
        console.notice(f"{strangers[0]}{more} in {wheelhouse.folder} is in none of the categories")
    files = wheelhouse.files()
    size = describe_size(sum(path.stat().st_size for path in files))
    console.line(f"{len(files)} files, {size}, in {wheelhouse.folder}")
    folder = wheelhouse.folder.resolve()
    # pip takes a space for the end of an address, uv a comma.
    is_plain = not {" ", ",", "\t", "%"} & set(str(folder))
    where = shlex.quote(str(folder) if is_plain else folder.as_uri().replace(",", "%2C"))
    console.command("install from there: ", f"export PIP_NO_INDEX=1 PIP_FIND_LINKS={where}")
