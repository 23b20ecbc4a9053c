"""A model repository: its configuration, its files, and the environments of its steps."""

from __future__ import annotations

import functools
import os
import shlex
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from trainwheel.engine.cache import ResultCache
from trainwheel.engine.chain import STEP_BY_NAME
from trainwheel.engine.digests import DigestTable
from trainwheel.errors import ConfigurationError, StepFailedError
from trainwheel.index.tokens import TokenSource
from trainwheel.install.environments import Installer, fresh_bytecode
from trainwheel.install.routing import Routing, routing_of
from trainwheel.requirements.lockfile import (
    Lockfile,
    Pipfile,
    check_fresh,
    parse_lockfile,
    parse_pipfile,
    render_requirements,
    requirements,
    slice_digest,
)
from trainwheel.settings.config import Config, IndexSettings, parse_config
from trainwheel.system.console import Console
from trainwheel.system.environ import NEXUS_VARIABLES, Environment, SecretClass
from trainwheel.system.files import list_files
from trainwheel.system.process import Command, Completed, run
from trainwheel.wheel.manifest import manifest_of

__all__ = ["PROGRESS", "Project", "open_project", "secret_classes"]

PROGRESS = "\x1e"
"""What lines begin with that tell how far a tool is, and are no part of its output."""

_TAIL = 30


@dataclass(frozen=True)
class Project:
    """A model repository and what is known about this run of it.

    Args:
        root: The repository's folder.
        config: What pyproject.toml says.
        environment: The variables of this run.
        console: Where people are told.
        envdir: The folder of the steps' environments.
        verbose: Whether the tools' own output is shown.
    """

    root: Path
    config: Config
    environment: Environment
    console: Console
    envdir: Path
    verbose: bool = False

    @property
    def records(self) -> Path:
        """The folder of the step records."""
        return self.root / "build" / ".trainwheel"

    @property
    def scratch(self) -> Path:
        """Where steps make what is renamed into place at their end."""
        return self.records / "tmp"

    @property
    def store(self) -> Path:
        """What outlives a clean: the embedded index and caches."""
        return self.root / ".trainwheel"

    @property
    def index_folder(self) -> Path:
        """The files of the embedded index."""
        return self.store / "index"

    @property
    def source(self) -> Path:
        """The source root."""
        return self.root / self.config.source

    @property
    def artefact(self) -> Path:
        """The trained model."""
        return self.root / self.config.artefact_path

    @property
    def trained(self) -> frozenset[Path]:
        """What training puts into the package."""
        return frozenset({self.artefact, manifest_of(self.artefact)})

    @functools.cached_property
    def digests(self) -> DigestTable:
        """The digests of the repository's files."""
        return DigestTable(self.records / "digests.json")

    @functools.cached_property
    def cache(self) -> ResultCache:
        """What steps made of earlier inputs."""
        return ResultCache(self.store / "cache", self.config.cache_limit, self.digests.digest)

    def require_artefact(self) -> None:
        """Check that there is a trained model.

        Raises:
            StepFailedError: There is none.
        """
        if not self.artefact.is_file():
            message = f"{self.config.artefact_path} does not exist"
            raise StepFailedError(message, hint="train the model first: nox -s train")

    @functools.cached_property
    def tokens(self) -> TokenSource:
        """The passwords that commands print."""
        return TokenSource(self.environment)

    @functools.cached_property
    def pipfile(self) -> Pipfile:
        """What the Pipfile asks for."""
        return parse_pipfile(_read(self.root / "Pipfile"))

    @functools.cached_property
    def lock(self) -> Lockfile:
        """The locked packages; refused where the lock is missing, unreadable or stale."""
        lock = parse_lockfile(_read(self.root / "Pipfile.lock"))
        check_fresh(self.pipfile, lock)
        return lock

    @functools.cached_property
    def package_facts(self) -> dict[tuple[str, ...], Mapping[str, str]]:
        """What the lock says of Pipfile categories, as far as it was asked for in this run."""
        return {}

    def read_setup_py(self) -> bytes:
        """Return what setup.py holds now.

        Raises:
            ConfigurationError: There is none.
        """
        try:
            return (self.root / "setup.py").read_bytes()
        except OSError as error:
            message = f"setup.py cannot be read: {error.strerror}"
            hint = "write one that calls setup(name=…, version=…, packages=…)"
            raise ConfigurationError(message, hint=hint) from None

    def secrets(self) -> tuple[str, ...]:
        """Return the values of the passwords of indexes, as far as this run has them."""
        names = {NEXUS_VARIABLES[-1], *self.config.data_secrets}
        for index in self.config.indexes.values():
            names |= {index.password_env, index.read_password_env}
        found = (self.environment.secret(name) for name in sorted(names) if name)
        secrets = (*(secret for secret in found if secret is not None), *self.tokens.minted)
        return tuple(secret.reveal() for secret in secrets)

    def log_of(self, step: str) -> Path:
        """Return the file that keeps what a step's tools printed."""
        return self.root / "build" / "log" / f"{step}.log"

    def installer(self, step: str) -> Installer:
        """Return what makes environments for a step."""
        return Installer(self.environment, self.log_of(step), routing=self.routing)

    @functools.cached_property
    def routing(self) -> Routing | None:
        """Where packages come from that are bound to an index; None where none are."""
        return routing_of(self.config.indexes, self.environment, self.tokens, self.console)

    def categories(self, step: str) -> tuple[str, ...]:
        """Return the Pipfile categories that a step's environment takes."""
        known = STEP_BY_NAME[step].categories
        return (*known, "engine") if self._is_on_cluster(step) else known

    def _is_on_cluster(self, step: str) -> bool:
        return step == "train" and self.config.engine != "local"

    def requirements(self, step: str) -> str:
        """Return the locked packages of a step's environment, with their hashes."""
        return self.locked(*self.categories(step))

    def locked(self, *categories: str) -> str:
        """Return the locked packages of Pipfile categories, with their hashes."""
        return render_requirements(requirements(self.lock, *categories))

    def locked_digest(self, *categories: str) -> str:
        """Return one digest of what categories lock."""
        return slice_digest(self.lock, categories)

    def _home(self, step: str) -> Path:
        """Return the folder of a step's environment; training may have one for each engine."""
        return self.envdir / (f"{step}-cluster" if self._is_on_cluster(step) else step)

    def python(self, step: str) -> Path:
        """Return the interpreter of a step's environment, made or filled where it has to be."""
        return self.installer(step).ensure(self._home(step), self.requirements(step))

    def run_tool(  # noqa: PLR0913 - how a tool is run, each by name
        self,
        step: str,
        argv: tuple[str, ...],
        *,
        what: str,
        env: Mapping[str, str] | None = None,
        secrets: frozenset[SecretClass] = frozenset(),
        echo: Callable[[str], None] | None = None,
        timeout: float | None = None,
    ) -> str:
        """Run a tool in a step's environment and return what it printed.

        Args:
            step: Whose environment and log it uses.
            argv: The program, looked up in the environment first, and its arguments.
            what: What it does, for the error: "training", "the tests".
            env: Variables set on top.
            secrets: The classes of secrets that it may see.
            echo: Shows each line of its output as it comes, instead of the last ones if it fails.
            timeout: Seconds after which it is ended; None for no limit.

        Raises:
            StepFailedError: It ended in anything but 0, or too late.
        """
        log = self.log_of(step)
        command = Command(
            self._resolve(step, argv),
            cwd=self.root,
            env={**self.variables(step), **(env or {})},
            secrets=secrets,
            umask=0o022,
            timeout=timeout,
        )
        echo = echo or (self.console.line if self.verbose else None)
        hide = self.console.redact
        completed = run(command, self.environment, log=log, echo=echo, aside=PROGRESS, redact=hide)
        if completed.failed:
            if echo is None:
                for line in completed.output.splitlines()[-_TAIL:]:
                    self.console.line(f"  {line}")
            raise _failure(completed, what, log.relative_to(self.root))
        return completed.output

    def _resolve(self, step: str, argv: tuple[str, ...]) -> tuple[str, ...]:
        program = self.python(step).parent / argv[0]
        return (str(program) if program.exists() else argv[0], *argv[1:])

    def variables(self, step: str) -> dict[str, str]:
        """Return what a process needs to run in a step's environment."""
        python, folder = self.python(step), self._home(step)
        return {
            "PATH": f"{python.parent}{os.pathsep}{self.environment.get('PATH') or ''}",
            "VIRTUAL_ENV": str(folder),
            "PYTHONPYCACHEPREFIX": str(fresh_bytecode(folder, self.root)),
        }

    def outputs(self, step: str) -> dict[str, Path]:
        """Return what a step makes: the name in its scratch folder → the final place."""
        if step == "data" and not self.config.data_command:
            return {}  # what DVC brings stands among the sources
        paths = (
            self.root / output.replace("{artefact}", self.config.artefact_path)
            for output in STEP_BY_NAME[step].outputs
        )
        return {path.name: path for path in paths}

    def beside(self, step: str) -> frozenset[str]:
        """Return absolute names of what later steps put into a step's outputs."""
        return frozenset(str(self.root / name) for name in STEP_BY_NAME[step].beside)

    @property
    def tracked_data(self) -> tuple[str, ...]:
        """The data that DVC tracks: each has a file with ``.dvc`` behind its name."""
        return tuple(name for name in self.config.data if (self.root / f"{name}.dvc").is_file())

    @property
    def brings_data(self) -> bool:
        """Whether a step of its own brings what training reads."""
        return bool(self.config.data_command or self.tracked_data)

    def training_command(self, model: Path, report: Path) -> tuple[str, ...]:
        """Return the configured training command with its paths filled in."""
        words = {
            "{model}": (str(model),),
            "{report}": (str(report),),
            "{data}": self.config.training_data,
        }
        argv: list[str] = []
        for word in shlex.split(self.config.train_command):
            argv += words.get(word, (word,))
        return tuple(argv)

    def shipped_package(self) -> Iterator[Path]:
        """Yield the files of the package that goes into the wheel, without what training makes."""
        for path in list_files(self.root / self.config.package_folder):
            if path not in self.trained:
                yield path

    def metadata_files(self) -> Iterator[Path]:
        """Yield the files at the root that decide what the wheel's metadata says."""
        for pattern in ("setup.py", "setup.cfg", "pyproject.toml", "MANIFEST.in", "README*",
                        "LICENSE*", "LICENCE*", "NOTICE*"):  # fmt: skip
            yield from (path for path in sorted(self.root.glob(pattern)) if path.is_file())


def _failure(completed: Completed, what: str, log: Path) -> StepFailedError:
    message = f"{what} {_ending(completed)}"
    # pytest draws a rule around its last line.
    if last := completed.last_line.strip("= "):
        message += f": {last}"
    hint = f"its whole output is in {log}"
    if completed.is_late:
        hint = f"raise its limit, or look into {log}"
    return StepFailedError(message, hint=hint)


def _ending(completed: Completed) -> str:
    code = completed.returncode
    if completed.is_late:
        return "took too long"
    if code == -signal.SIGKILL:
        return "was killed, as the system does when memory runs out"
    if code < 0:
        return f"was ended by signal {-code}"
    return f"ended with exit code {code}"


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path.name} cannot be read: {error}"
        raise ConfigurationError(message) from None


def secret_classes(
    indexes: Mapping[str, IndexSettings], data: Sequence[str] = ()
) -> dict[str, SecretClass]:
    """Return the variables that hold configured secrets, and what each is for.

    One that is named for several purposes counts as the one that opens most.

    Args:
        indexes: The configured indexes by name.
        data: Variables with credentials of the data.
    """
    found = dict.fromkeys(data, SecretClass.DATA)
    for settings in indexes.values():
        names = (settings.read_username_env, settings.read_password_env)
        found |= dict.fromkeys(names, SecretClass.READ)
    for settings in indexes.values():
        opening = (settings.url_env, settings.username_env, settings.password_env)
        found |= dict.fromkeys(opening, SecretClass.PUBLISH)
    found.pop("", None)
    return found


def _tightened(config: Config, environment: Environment) -> Config:
    """Return the configuration with what this run demands: more of the gate, never less."""
    asked = environment.baseline_asked
    if asked not in {None, "required", "optional"}:
        message = f"TRAINWHEEL_GATE_BASELINE is {asked!r}"
        raise ConfigurationError(message, hint="set it to required, or to nothing")
    if asked != "required":
        return config
    return replace(config, gate=replace(config.gate, baseline="required"))


def open_project(
    root: Path, envdir: Path, environment: Environment, *, verbose: bool = False
) -> Project:
    """Return the model repository at ``root``.

    Raises:
        ConfigurationError: pyproject.toml is missing or wrong.
    """
    text = _read(root / "pyproject.toml")
    if text is None:
        message = f"{root} has no pyproject.toml"
        hint = "add one with a [tool.trainwheel] table"
        raise ConfigurationError(message, hint=hint)
    config = _tightened(parse_config(text), environment)
    known = replace(environment, classes=secret_classes(config.indexes, config.data_secrets))
    verbose = verbose or environment.is_verbose
    console = Console(known)
    # What brings the data, or trains on it, may print what it was given.
    console.hide(*(known.secret(name) for name in config.data_secrets if known.get(name)))
    return Project(root, config, known, console, envdir, verbose)
