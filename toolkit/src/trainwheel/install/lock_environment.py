"""A temporary copy of what locking reads, on which pipenv and uv work.

pipenv writes where it runs: Pipfile.lock, the metadata of local packages, an environment in the
home. In the copy all of that is thrown away.
"""

from __future__ import annotations

import functools
import itertools
import json
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from trainwheel.errors import ConfigurationError, LockfileError
from trainwheel.index.access import for_pip, for_uv, parse_address
from trainwheel.index.pip import UvSettings
from trainwheel.index.target import Target
from trainwheel.install.bytecode import Interpreter
from trainwheel.install.conflicts import raise_for
from trainwheel.install.environments import Installer, python_of
from trainwheel.requirements.changes import parse_pins
from trainwheel.requirements.pipfile import Pipfile
from trainwheel.system.command import Command
from trainwheel.system.environ import Environment, python_version
from trainwheel.system.process import run
from trainwheel.system.secrets import SecretClass

__all__ = ["LockEnvironment", "find_python", "read_interpreter"]

DEFAULT_PYTHON = "3.11"
"""The oldest supported: what it needs, the newer ones can install as well."""

_READ = frozenset({SecretClass.READ})
_NOT_COPIED = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info")
# Variables that would send pipenv to another environment or Python than those of the copy; the
# first one is set inside `pipenv shell` and `pipenv run`.
_OVERRIDES = frozenset(
    f"PIPENV_{name}"
    for name in ("ACTIVE", "DEFAULT_PYTHON_VERSION", "IGNORE_VIRTUALENVS", "PYTHON", "SKIP_LOCK")
)
_INDEXES = frozenset({"UV_DEFAULT_INDEX", "UV_EXTRA_INDEX_URL"})
# The digest of a Pipfile without [[source]] covers pipenv's default source, and pipenv takes
# that from the machine's pip configuration: withheld here, so that every machine gets the same.
_DESCRIBE = (
    "import importlib.util, json, sys, sysconfig; print(json.dumps([sys.version, "
    "sys.implementation.cache_tag, importlib.util.MAGIC_NUMBER.hex(), "
    "sysconfig.get_path('stdlib')]))"
)
_HASH_SCRIPT = "from pipenv.project import Project; print(Project().pipfile.calculate_hash())"


@dataclass(frozen=True)
class LockEnvironment:
    """The folder with the copies; `set_up` makes it.

    Args:
        folder: A temporary folder, deleted by whoever made it.
        pipfile: What is locked.
        environment: The variables of this run.
        log: Where the output of pipenv and uv is kept.
        index_url: The one index to ask, without credentials; empty for the machine's own.
    """

    folder: Path
    pipfile: Pipfile
    environment: Environment
    log: Path | None = None
    index_url: str = ""

    @property
    def project(self) -> Path:
        """The copy of the repository."""
        return self.folder / "project"

    def set_up(self, root: Path) -> None:
        """Copy the Pipfile and the local packages that it names, and make an environment."""
        self.copy_pipfile(root)
        for path in sorted(set(_local_paths(self.pipfile))):
            _copy(root.resolve(), path, self.project)
        version = str(self.pipfile.raw.get("requires", {}).get("python_version", DEFAULT_PYTHON))
        python = find_python(version, self.environment)
        self._uv("venv", "--quiet", "--python", python, str(self.folder / "env"))

    def copy_pipfile(self, root: Path) -> None:
        """Copy the Pipfile alone, which is enough for `pipenv_hash`."""
        self.project.mkdir()
        shutil.copyfile(root / "Pipfile", self.project / "Pipfile")

    def pipenv_lock(self, pipfile: str | None = None) -> str:
        """Run `pipenv lock` and return the lock; ``pipfile`` stands in for the project's own."""
        if pipfile is not None:
            (self.project / "Pipfile").write_text(pipfile, encoding="utf-8")
        argv = (sys.executable, "-P", "-m", "pipenv", "lock")
        command = Command(argv, self.project, self._variables, _READ, is_open=True)
        result = run(command, self._without_overrides, log=self.log)
        if "No module named pipenv" in result.last_line:
            message = "pipenv is not installed"
            raise ConfigurationError(message, hint="add it to [dev-packages], or install it")
        raise_for(result, "pipenv lock")
        return (self.project / "Pipfile.lock").read_text(encoding="utf-8")

    def pipenv_hash(self) -> str:
        """Return ``_meta.hash`` as pipenv computes it where pip is not configured, or nothing."""
        variables = {**self._variables, "PIP_CONFIG_FILE": os.devnull}
        argv = (sys.executable, "-P", "-c", _HASH_SCRIPT)
        command = Command(argv, self.project, variables, is_open=True)
        result = run(command, self._without_overrides, log=self.log)
        match = re.fullmatch(r"[0-9a-f]{64}", result.last_line)
        return match[0] if match and not result.failed else ""

    def resolve(
        self,
        requirements: Sequence[str],
        options: Sequence[str] = (),
        *,
        pins: Mapping[str, str] = MappingProxyType({}),
        bounds: Mapping[str, str] = MappingProxyType({}),
        seconds: float | None = None,
    ) -> dict[str, str]:
        """Return what to lock for ``requirements``, staying with ``pins`` where they still fit.

        uv reads the pins of its earlier output as preferences and moves only those that
        ``--upgrade-package`` names, or that no longer fit with these.

        Args:
            requirements: Lines of a requirements file.
            options: More options of uv.
            pins: Name → version as locked.
            bounds: Name → version that others have.
            seconds: When to give up; None for no limit.

        Raises:
            NoSolutionError: No versions fit together.
            StepFailedError: It failed otherwise.
        """
        constraints = self.folder / "constraints.txt"
        constraints.write_text(_as_requirements(bounds), encoding="utf-8")
        output = self.folder / "pins.txt"
        output.write_text(_as_requirements(pins), encoding="utf-8")
        listing = self.project / "requirements.in"
        lines = [*_source_lines(self.pipfile), *requirements]
        listing.write_text("\n".join(lines), encoding="utf-8")
        plain = ("--quiet", "--no-header", "--no-annotate", "--no-strip-markers")
        python = str(python_of(self.folder / "env"))
        files = ("--constraint", str(constraints), "--output-file", str(output), str(listing))
        arguments = ("pip", "compile", *plain, *options, "--python", python, *files)
        self._uv(*arguments, seconds=seconds)
        return parse_pins(output.read_text(encoding="utf-8").splitlines())

    def _uv(self, *arguments: str, seconds: float | None = None) -> None:
        argv = (sys.executable, "-P", "-m", "uv", *arguments)
        extra = self._settings.arguments if "compile" in arguments else ()
        variables = {**self._settings.variables, "NO_COLOR": "1", "UV_PYTHON_DOWNLOADS": "never"}
        argv = (*argv, *extra)
        command = Command(argv, self.project, variables, _READ, is_open=True, timeout=seconds)
        result = run(command, self.environment, log=self.log)
        raise_for(result, f"uv {arguments[0]}")

    @functools.cached_property
    def _settings(self) -> UvSettings:
        """Where uv looks: at the Pipfile's sources, as pipenv does, else where pip would."""
        if self._index is not None:
            return for_uv(self._index, self.environment.variables)
        settings = Installer(self.environment, self.log).settings
        if not self.pipfile.sources:
            return settings
        others = {key: value for key, value in settings.variables.items() if key not in _INDEXES}
        return UvSettings({**others, "UV_INDEX_STRATEGY": "unsafe-best-match"})

    @property
    def _without_overrides(self) -> Environment:
        variables = self.environment.variables
        others = {name: value for name, value in variables.items() if name not in _OVERRIDES}
        return replace(self.environment, variables=others)

    @property
    def _variables(self) -> dict[str, str]:
        """Keep pipenv in the copy: its environment, its files, and no `.env` of the user's."""
        return {
            "COLUMNS": "1000",
            "NO_COLOR": "1",
            "PIPENV_DONT_LOAD_ENV": "1",
            "PIPENV_NOSPIN": "1",
            "PIPENV_PIPFILE": str(self.project / "Pipfile"),
            "PIPENV_VERBOSITY": "-1",
            "VIRTUAL_ENV": str(self.folder / "env"),
            "WORKON_HOME": str(self.folder / "environments"),
            **self._pip_variables,
        }

    @property
    def _pip_variables(self) -> dict[str, str]:
        if self._index is None:
            return {}
        # The address is another one in each run, and nothing should be kept by it.
        settings = for_pip(self._index, {}, self.environment.variables)
        return {**settings, "PIP_NO_CACHE_DIR": "1"}

    @property
    def _index(self) -> Target | None:
        if not self.index_url:
            return None
        return parse_address("the indexes", self.index_url, self.environment.secrets)


def find_python(version: str, environment: Environment) -> str:
    """Return an interpreter of that version: this one, or one that uv finds on the machine.

    Raises:
        ConfigurationError: There is none.
    """
    if version == python_version().rpartition(".")[0]:
        return sys.executable
    argv = (sys.executable, "-P", "-m", "uv", "python", "find", "--no-project", "--system", version)
    env = {"UV_PYTHON_DOWNLOADS": "never"}
    result = run(Command(argv, env=env, is_open=True, is_private=True), environment)
    if not result.failed:
        return result.last_line
    # uv gives up at a pyenv shim of a version that is installed but not selected.
    if shutil.which("pyenv", path=environment.get("PATH") or ""):
        command = Command(("pyenv", "prefix", version), is_open=True, is_private=True)
        result = run(command, environment)
        if not result.failed:
            return str(Path(result.last_line, "bin", "python"))
    message = f"locking needs Python {version}, which is not on PATH"
    raise ConfigurationError(message, hint=f"install it, or run: uv python install {version}")


def read_interpreter(version: str, environment: Environment) -> Interpreter:
    """Return a Python of that version that environments can be made with.

    Raises:
        ConfigurationError: There is none, or it does not run.
    """
    program = find_python(version, environment)
    if program == sys.executable:
        return Interpreter()
    argv = (program, "-I", "-c", _DESCRIBE)
    result = run(Command(argv, is_private=True), environment)
    try:
        return Interpreter(program, *json.loads(result.last_line))
    except (ValueError, TypeError):
        message = f"{program} does not run: {result.last_line}"
        raise ConfigurationError(message) from None


def _local_paths(pipfile: Pipfile) -> Iterator[str]:
    for packages in pipfile.categories.values():
        yield from (package.path for package in packages if package.path)


def _source_lines(pipfile: Pipfile) -> Iterator[str]:
    """Yield the Pipfile's sources for uv, which fills in ``${USER}`` and the like itself."""
    options = itertools.chain(["--index-url"], itertools.repeat("--extra-index-url"))
    for option, source in zip(options, pipfile.sources, strict=False):
        yield f"{option} {source.get('url', '')}"


def _copy(root: Path, path: str, project: Path) -> None:
    source = (root / path.removeprefix("file:")).resolve()
    if not source.is_relative_to(root) or source == root:
        message = f"Pipfile: the path {path} is not inside the repository"
        raise LockfileError(message, hint="move the package into it, or name a release")
    if not source.exists():
        message = f"Pipfile: the path {path} does not exist"
        raise LockfileError(message, hint="fix the path")
    target = project / source.relative_to(root)
    if source.is_dir():
        shutil.copytree(source, target, ignore=_NOT_COPIED, dirs_exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def _as_requirements(pins: Mapping[str, str]) -> str:
    return "".join(f"{name}=={version}\n" for name, version in sorted(pins.items()))
