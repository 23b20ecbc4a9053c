"""The virtual environments that steps run in, filled by uv from the lock.

An environment is made when a step needs it, not before: a step with nothing to do starts
nothing. Its stamp, written last, holds the digest of all that went in.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from uv import find_uv_bin

from trainwheel.errors import NoEnvironmentError, StepFailedError
from trainwheel.index.pip import UvSettings, parse_pip_config, translate
from trainwheel.install.bytecode import Bytecode, Interpreter
from trainwheel.install.installed import link_packages, write_hooks
from trainwheel.install.stamp import (
    STAMP,
    Seen,
    changes_in,
    note_compared,
    read_stamp,
    renew,
    sum_up,
    was_compared,
    write_stamp,
)
from trainwheel.system.command import Command, Completed
from trainwheel.system.digest import digest_json
from trainwheel.system.environ import Environment, point_uv_cache_at
from trainwheel.system.process import run, why_no_semaphores
from trainwheel.system.secrets import SecretClass
from trainwheel.system.turns import OneByOne

__all__ = [
    "Installer",
    "MachineSettings",
    "Share",
    "find_uv",
    "python_of",
    "read_pip_settings",
    "user_cache",
    "uv_cache_or_fallback",
]

_READ = frozenset({SecretClass.READ})
_UNLOCKED = re.compile(r"no trusted hash was provided for: `([^`]+)`")


def python_of(folder: Path) -> Path:
    """Return the interpreter of a virtual environment."""
    if sys.platform == "win32":  # pragma: no cover
        return folder / "Scripts" / "python.exe"
    return folder / "bin" / "python"


def user_cache(environment: Environment, name: str) -> Path | None:
    """Return a folder in the user's cache; None where the home cannot be written."""
    home = environment.get("XDG_CACHE_HOME") or f"{environment.get('HOME') or '~'}/.cache"
    try:
        folder = Path(home, name).expanduser()
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):
        return None
    return folder if os.access(folder, os.W_OK) else None


def uv_cache_or_fallback(environment: Environment, fallback: Path) -> None:
    """Keep uv's cache in ``fallback`` where the home that it would use cannot be written."""
    if not environment.get("UV_CACHE_DIR") and user_cache(environment, "uv") is None:
        point_uv_cache_at(str(fallback))


@dataclass(frozen=True)
class Share:
    """Requirements that come from one place: None for the machine's own settings."""

    requirements: str
    settings: UvSettings | None = None


@dataclass(frozen=True)
class MachineSettings:
    """Where this machine installs packages from."""

    environment: Environment
    _reading: OneByOne = field(default_factory=OneByOne, repr=False)
    _known: list[UvSettings] = field(default_factory=list, repr=False)

    @property
    def for_uv(self) -> UvSettings:
        """The settings that pip would use, as uv takes them."""
        with self._reading.at("pip"):
            if not self._known:
                pip, variables = read_pip_settings(self.environment), self.environment.variables
                has_config = _has_uv_config(self.environment)
                self._known.append(translate(pip, variables, has_uv_config=has_config))
        return self._known[0]


@dataclass(frozen=True)
class Installer:
    """Makes virtual environments and fills them, everything with hashes.

    Args:
        environment: The variables of this run.
        log: Where the output of uv is kept.
        bound_to: The only place to install from, instead of the machine's own settings.
        routing: Divides requirements by the index that each has to come from.
        bytecode: The compiled modules that environments share; None to share none.
        machine: The machine's own settings, read once for several installers.
        seen: What this run has compared already, of all its environments.
        notice: Says, but not again in a run, what an environment is or has that it should not.
        holding: Yields an environment of this run that holds exactly some requirements, or None,
            and checks after the block that it still does.
        interpreter: The Python of the environments.
    """

    environment: Environment
    log: Path | None = None
    bound_to: UvSettings | None = None
    routing: Callable[[str], Sequence[Share]] | None = None
    bytecode: Bytecode | None = None
    machine: MachineSettings | None = None
    seen: Seen = field(default_factory=Seen, repr=False)
    notice: Callable[[str], None] = field(default=lambda _: None, repr=False)
    holding: Callable[[str], contextlib.AbstractContextManager[Path | None]] = field(
        default=lambda _: contextlib.nullcontext(), repr=False
    )
    interpreter: Interpreter = field(default_factory=Interpreter)

    def ensure(
        self, folder: Path, requirements: str, *, editable: Path | None = None, alone: str = ""
    ) -> Path:
        """Return the interpreter of an environment that holds exactly ``requirements``.

        Args:
            folder: The environment; made, or made anew where its stamp says otherwise.
            requirements: Lines for ``uv pip install --require-hashes``.
            editable: A project to install on top, with the build back end that is among them.
            alone: A line for what is installed without anything that it needs.

        Raises:
            NoEnvironmentError: It cannot be made.
        """
        place, python = str(folder.resolve()), python_of(folder)
        ours = self.interpreter
        parts = [requirements, ours.version, ours.program, place, str(editable or ""), alone]
        digest = digest_json(parts)
        try:
            with self.seen.making.at(folder):
                if not self._is_whole(folder, digest):
                    self._make(folder, requirements, editable, alone)
                    write_stamp(folder, digest, self.seen)
                self.seen.environments[folder] = digest
        except StepFailedError as error:
            raise NoEnvironmentError(error.message, hint=error.hint) from None
        except OSError as error:
            refused = NoEnvironmentError.of_system(error)
            message = f"the environment {folder.name} cannot be used: {refused.message}"
            raise NoEnvironmentError(message, hint=refused.hint) from None
        return python

    def _make(self, folder: Path, requirements: str, editable: Path | None, alone: str) -> None:
        python = self.create(folder)
        self.install(python, requirements)
        self.install(python, alone, "--no-deps")
        if editable is not None:
            # uv refuses an editable where hashes are required.
            options = ("--no-deps", "--no-build-isolation", "--editable", str(editable))
            self.uv("pip", "install", "--quiet", "--python", str(python), *options)

    def _is_whole(self, folder: Path, digest: str) -> bool:
        """Return whether an environment is what was installed; looked at once in a run."""
        start, is_there = time.time_ns(), python_of(folder).exists()
        if is_there and self.seen.environments.get(folder) == digest:
            return True
        stamp = read_stamp(folder)
        if stamp is None or stamp.digest != digest:
            return False
        whole = self.environment.in_ci and not was_compared(folder)
        changes = changes_in(folder, whole=whole) if is_there else ["its interpreter is gone"]
        if changes:
            self.notice(
                f"the environment {folder.name} has changed: {sum_up(changes)}; it is made again"
            )
            return False
        write_hooks(folder)
        renew(folder, start)
        if whole:
            note_compared(folder)
        return True

    def create(self, folder: Path) -> Path:
        """Make an empty environment, and return its interpreter."""
        # First of all: what is left after a kill is not whole.
        (folder / STAMP).unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        self.uv("venv", "--quiet", "--python", self.interpreter.program, str(folder))
        write_hooks(folder)
        return python_of(folder)

    @contextlib.contextmanager
    def throw_away(self) -> Iterator[Path]:
        """Yield a fresh folder away from the sources, with an empty environment in ``env``."""
        with tempfile.TemporaryDirectory(prefix="trainwheel-", ignore_cleanup_errors=True) as name:
            folder = Path(name).resolve()
            self.create(folder / "env")
            yield folder

    @contextlib.contextmanager
    def filled(self, folder: Path, requirements: str) -> Iterator[tuple[Path, ...]]:
        """Put packages into an environment, as links where this run holds them in another one.

        Yields that other environment, if so.

        Raises:
            StepFailedError: They cannot be installed, or the other environment was changed.
        """
        with self.holding(requirements) as kept:
            if kept is not None and link_packages(kept, folder):
                yield (kept,)
            else:
                self.install(python_of(folder), requirements)
                yield ()
                if self.bytecode is not None:
                    self.bytecode.keep(folder)

    def variables(self, folder: Path, *beside: Path) -> dict[str, str]:
        """Return the variables with which a process runs in an environment.

        Args:
            folder: The environment.
            beside: Other environments whose packages it imports.
        """
        path = f"{python_of(folder).parent}{os.pathsep}{self.environment.get('PATH') or ''}"
        variables = {"PATH": path, "VIRTUAL_ENV": str(folder)}
        if self.bytecode is not None:
            variables["PYTHONPYCACHEPREFIX"] = str(self.bytecode.prepare(folder, beside))
        if reason := why_no_semaphores():
            variables["JOBLIB_MULTIPROCESSING"] = "0"
            self.notice(f"joblib starts no processes: {reason}: is /dev/shm writable?")
        return variables

    def install(self, python: Path, requirements: str, *options: str) -> None:
        """Install requirements, each with its hashes, into an environment."""
        if not requirements.strip():
            return
        shares = self.divide(requirements)
        arguments = ("pip", "install", "--quiet", "--python", str(python), "--require-hashes")
        is_divided = any(share.settings is not None for share in shares)
        # What one share needs may be in another one; the lock names all packages.
        alone = ("--no-deps",) if is_divided and "--no-deps" not in options else ()
        words = (*arguments, *options, *alone, "--requirement", "-")
        for share in shares:
            self._fill(words, share)
        self._replace_edited(python.parents[1], words, shares)
        if alone:
            self.check(python)

    def try_out(self, requirement: str) -> None:
        """Install a package alone, into a folder that is thrown away, and from no cache.

        Args:
            requirement: One line, with its hashes.

        Raises:
            StepFailedError: The place that it comes from does not answer, or does not have that.
        """
        share = self.divide(requirement)[0]
        with tempfile.TemporaryDirectory(prefix="trainwheel-") as folder:
            words = ("--quiet", "--require-hashes", "--no-deps", "--no-cache", "--target", folder)
            settings = share.settings or self.settings
            # What passes may be tried again, but not for as long as uv does by default.
            settings = replace(settings, variables={**settings.variables, "UV_HTTP_RETRIES": "1"})
            python = ("--python", sys.executable, "--requirement", "-")
            self.uv("pip", "install", *words, *python, stdin=share.requirements, settings=settings)

    def divide(self, requirements: str) -> Sequence[Share]:
        """Return locked packages by where they are installed from."""
        # Without an index no package can come from the wrong one: the digests in the lock decide.
        if self.routing is None or "--no-index" in self.settings.arguments:
            return (Share(requirements),)
        return self.routing(requirements)

    def _replace_edited(self, home: Path, words: tuple[str, ...], shares: Sequence[Share]) -> None:
        """Install packages once more that uv's cache holds edited.

        Others link to the files in that cache, so that an edit in their environments is one of it.
        """
        edited = self.seen.compare(home, is_trusted="--no-cache" in words)
        if not edited:
            return
        self.notice(f"uv's cache has been edited, so it is filled again: {', '.join(edited)}")
        self.uv("cache", "clean", *edited)
        again = [f"--reinstall-package={name}" for name in edited]
        for share in shares:
            self._fill((*words, *again), share)
        # What differs now as well is so in the wheel, whose digest is the one in the lock.
        self.seen.compare(home, edited)

    def _fill(self, words: tuple[str, ...], share: Share) -> None:
        """Install from uv's cache, or from the index where that does not hold everything.

        An index that gives its pages no lifetime would be asked for each package again, for every
        environment. The digests decide which files are installed, so old pages do no harm. Of
        environments that are made beside each other one fetches what the others find there then.
        """
        uv = partial(self.uv, *words, stdin=share.requirements, settings=share.settings)
        if "--no-cache" in words:
            uv()
            return
        with contextlib.suppress(StepFailedError):
            uv("--offline")
            return
        with self.seen.making.at("what uv fetches"):
            try:
                uv("--offline")
            except StepFailedError:
                uv()

    def check(self, python: Path) -> None:
        """Check that what is installed fits together.

        Raises:
            StepFailedError: A requirement is missing or has another version.
        """
        self.uv("pip", "check", "--python", str(python))

    def uv(self, *arguments: str, stdin: str = "", settings: UvSettings | None = None) -> Completed:
        """Run uv and return what it printed.

        Raises:
            StepFailedError: It failed; the message is the last line that it printed.
        """
        is_install = "install" in arguments
        # pip is asked for the machine's settings, which takes 0.1 s, where they matter only.
        settings = settings or self.bound_to or (self.settings if is_install else UvSettings({}))
        # A clone where the file system can: `clone` links where it cannot (docs/decisions/0014).
        more = (*settings.arguments, "--link-mode", "copy") if is_install else ()
        argv = (find_uv(), *arguments, *more)
        command = Command(argv, None, settings.variables, _READ, is_open=True, stdin=stdin)
        result = run(command, self.environment, log=self.log)
        if result.failed:
            if match := _UNLOCKED.search(result.output):
                message = f"a package needs {match[1]}, which Pipfile.lock lacks for this Python"
                raise StepFailedError(message, hint="run `nox -s lock` and commit Pipfile.lock")
            message = f"uv {arguments[0]} {arguments[1]}: {_sum_up(result.output)}"
            raise StepFailedError(message)
        return result

    @property
    def settings(self) -> UvSettings:
        """Where uv installs from: what pip would use, or the one index that it is bound to."""
        return self.bound_to or (self.machine or MachineSettings(self.environment)).for_uv


def read_pip_settings(environment: Environment) -> dict[str, str]:
    """Return pip's settings on this machine; empty where pip is not installed."""
    # `pip config list` says which of its files and variables win.
    argv = (sys.executable, "-P", "-m", "pip", "config", "list")
    command = Command(argv, secrets=_READ, is_open=True, is_private=True)
    result = run(command, environment)
    return {} if result.failed else parse_pip_config(result.output)


def _has_uv_config(environment: Environment) -> bool:
    home = (
        environment.get("XDG_CONFIG_HOME") or f"{environment.get('HOME') or '/nonexistent'}/.config"
    )
    return any(Path(folder, "uv", "uv.toml").is_file() for folder in (home, "/etc"))


def find_uv() -> str:
    """Return the path of the uv that is installed beside this toolkit."""
    return os.fspath(find_uv_bin())


def _sum_up(output: str) -> str:
    lines = [line.strip(" \u00d7\u2570\u2500\u25b6\u2502") for line in output.splitlines()]
    return " ".join(line for line in lines if line)[:600]
