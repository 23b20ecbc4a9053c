"""``trainwheel sync``: any repository's requirements, also one that uses nothing else of ours."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from trainwheel.errors import ConfigurationError
from trainwheel.install.environments import uv_cache_or_fallback
from trainwheel.requirements.lockfile import PIPFILE_LOCK
from trainwheel.requirements.locks import choose_lock
from trainwheel.requirements.pins import POLICIES
from trainwheel.settings.config import parse_sync_settings
from trainwheel.steps.shared.synced import examine, read_files, settle
from trainwheel.steps.sync import ENGINES, choose_engine
from trainwheel.system.console import Console
from trainwheel.system.environ import read_environment
from trainwheel.system.files import decode

__all__ = ["add_sync"]


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
        extras = {**settings.extras, arguments.dev_extra: "dev-packages"}
        settings = replace(settings, extras=extras)
    store = (root / ".trainwheel").resolve()
    uv_cache_or_fallback(environment, store / "uv-cache")
    lock_name = choose_lock(root, arguments.lock)
    engine, settings = choose_engine(arguments.engine, settings, store, read_environment())
    if arguments.pins:
        settings = replace(settings, pins=arguments.pins)
    # Another tool may read the difference from standard output, so nothing else goes there.
    notices = Console(environment, sys.stderr if arguments.check else sys.stdout)
    if engine and lock_name != PIPFILE_LOCK:
        message = f"pipenv-setup does not read {lock_name}"
        raise ConfigurationError(message, hint="run it without --engine")
    change = examine(root, settings, engine, lock_name=lock_name)
    settle(root, change, check=arguments.check, console=notices, show=Console(environment))
