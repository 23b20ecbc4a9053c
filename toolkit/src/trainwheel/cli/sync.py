"""``trainwheel sync``: any repository's requirements, also one that uses nothing else of ours."""

from __future__ import annotations

import argparse
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

from trainwheel.cli.opening import open_here
from trainwheel.errors import ConfigurationError, StepFailedError
from trainwheel.install.environments import uv_cache_or_fallback
from trainwheel.requirements.lockfile import PIPFILE_LOCK
from trainwheel.requirements.locks import choose_lock
from trainwheel.requirements.pins import POLICIES
from trainwheel.settings.config import parse_sync_settings
from trainwheel.steps.shared.synced import Builder, check_built, examine, read_files, settle
from trainwheel.steps.sync import ENGINES, builder_of, choose_engine, require_check
from trainwheel.system.command import Command
from trainwheel.system.console import Console
from trainwheel.system.environ import Environment, read_environment
from trainwheel.system.files import decode, read_text
from trainwheel.system.process import run

__all__ = ["add_sync"]

_TAIL = 30


def add_sync(parser: argparse.ArgumentParser) -> None:
    """Give a parser the arguments of ``sync``, and what it runs."""
    parser.add_argument("folder", nargs="?", type=Path, default=Path(), metavar="FOLDER")
    parser.add_argument(
        "--pins", choices=POLICIES, metavar="POLICY",
        help="locked: all that is locked, which pins whoever installs a library; direct: what the "
        "Pipfile names, at the locked version; compatible (the default): at least that, below "
        "the next major one, scikit-learn exactly; declared: as the Pipfile says",
    )  # fmt: skip
    parser.add_argument(
        "--lock", metavar="FILE",
        help="the lock to read, where there are several: Pipfile.lock, pylock.toml, uv.lock, "
        "poetry.lock or requirements.txt",
    )  # fmt: skip
    parser.add_argument("--check", action="store_true", help="print the difference, write nothing")
    parser.add_argument(
        "--built", action="store_true",
        help="with --check: compare what the build back end would build",
    )  # fmt: skip
    parser.add_argument(
        "--dev-extra", metavar="NAME", help="write [dev-packages] as this extra, such as dev"
    )
    parser.add_argument(
        "--engine", choices=ENGINES, default=ENGINES[0],
        help="pipenv-setup: let the real one write setup.py (Python 3.9 to 3.13)",
    )  # fmt: skip
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> None:
    root, environment = arguments.folder, read_environment()
    if not root.is_dir():
        message = f"{root} is not a folder"
        raise ConfigurationError(message)
    source = read_files(root).get("pyproject.toml", b"")
    settings = parse_sync_settings(decode(source, "pyproject.toml"))
    if arguments.dev_extra:
        settings = settings.with_extra(arguments.dev_extra, "dev-packages")
    store = (root / ".trainwheel").resolve()
    uv_cache_or_fallback(environment, store / "uv-cache")
    lock_name = choose_lock(root, arguments.lock)
    engine, settings = choose_engine(arguments.engine, settings, store, read_environment())
    if arguments.pins:
        settings = replace(settings, pins=arguments.pins)
    if arguments.built:
        require_check(check=arguments.check, engine=arguments.engine)
        notices = Console(environment, sys.stderr)
        builder = _builder(root, source, environment, notices)
        show = Console(environment)
        check_built(root, settings, builder, console=notices, show=show, lock_name=lock_name)
        return
    # Another tool may read the difference from standard output, so nothing else goes there.
    notices = Console(environment, sys.stderr if arguments.check else sys.stdout)
    if engine and lock_name != PIPFILE_LOCK:
        message = f"pipenv-setup does not read {lock_name}"
        raise ConfigurationError(message, hint="run it without --engine")
    try:
        change = examine(root, settings, engine, lock_name=lock_name)
    except ConfigurationError as error:
        # Only a model repository has the session; elsewhere pipenv made the lock.
        if "trainwheel" not in (read_text(root / "noxfile.py") or ""):
            error.hint = error.hint.replace("nox -s lock", "pipenv lock")
        raise
    settle(root, change, check=arguments.check, console=notices, show=Console(environment))


def _builder(root: Path, pyproject: bytes, environment: Environment, console: Console) -> Builder:
    """Return the environment to build in: that of a model repository, else the one of this command.

    A repository that has no lock for its build has no other environment that we know of.
    """
    table = tomllib.loads(decode(pyproject, "pyproject.toml")).get("tool", {}).get("trainwheel", {})
    if "package" in table:
        return builder_of(open_here(root.resolve(), environment))
    console.notice(f"the build back end runs in {sys.prefix}, as this is not a model repository")

    def run_here(argv: tuple[str, ...]) -> None:
        result = run(Command((sys.executable, *argv[1:]), cwd=root), environment)
        if result.failed:
            message = f"the build back end failed: {result.last_line}"
            raise StepFailedError(message, details=tuple(result.output.splitlines()[-_TAIL:-1]))

    return Builder(sys.prefix, "install it there, with pip or uv", run_here)
