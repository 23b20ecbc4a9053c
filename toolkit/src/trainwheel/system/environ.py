"""The environment of this process: CI facts, credentials, and what children may see of it.

This is the only module that reads ``os.environ``. Everything else is handed an `Environment`.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

from trainwheel.system.digest import digest_json
from trainwheel.system.secrets import Secret, SecretClass, Secrets

__all__ = ["Environment", "point_uv_cache_at", "python_version", "read_environment"]

NEXUS_VARIABLES = ("NEXUS_LOCAL_REPO_URL", "NEXUS_USERNAME", "NEXUS_PASSWORD")

# What decides where packages are installed from; such an address may carry a password.
_READ_PATTERN = re.compile(r"(PIP|UV|PIPENV)_.*|NETRC", re.ASCII)
_PUBLISH_PATTERN = re.compile(r"(NEXUS|TWINE)_.*", re.ASCII)
# A virtual environment's own variables would leak into the environment that a step runs in.
_INTERPRETER_VARIABLES = frozenset(
    {"PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "PYTHONSAFEPATH", "VIRTUAL_ENV", "COVERAGE_FILE"}
    | {"PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX"}
)
_THREADS = r"(OMP|GOMP|KMP|OPENBLAS|GOTO|MKL|BLIS|VECLIB|NUMEXPR)_\w+|LOKY_MAX_CPU_COUNT"
_FIXED = re.compile(
    r"PATH|HOME|USER|LOGNAME|SHELL|LANG|LANGUAGE|LC_\w+|TZ|TMPDIR|TEMP|TMP|JOBLIB_TEMP_FOLDER"
    rf"|XDG_\w+_(HOME|DIRS?)|{_THREADS}|(CUDA|NVIDIA|DYLD)_\w+|LD_LIBRARY_PATH"
    r"|(?i:(https?|ftp|all|no)_proxy)"
    r"|SSL_CERT_(FILE|DIR)|(AWS|CURL|REQUESTS)_CA_BUNDLE"
    r"|NODE_EXTRA_CA_CERTS|GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
    re.ASCII,
)
"""What a process needs to run on this machine; what it computes should depend on none of it."""

# Without SYSTEMROOT no socket opens there, and without USERPROFILE there is no home.
_WINDOWS = re.compile(
    r"SYSTEM(ROOT|DRIVE)|WINDIR|COMSPEC|PATHEXT|OS|USER(NAME|DOMAIN|PROFILE)|HOME(DRIVE|PATH)"
    r"|(LOCAL)?APPDATA|(COMMON)?PROGRAM(DATA|FILES|W6432).*|ALLUSERSPROFILE|PUBLIC|COMPUTERNAME"
    r"|NUMBER_OF_PROCESSORS|PROCESSOR_\w+",
    re.ASCII,
)
_LAST = 30
"""Lines of output in which a variable is looked for that a process misses."""

_WORD = re.compile(r"(['\"]?)\b([^\W\d]\w*)\b\1")


@dataclass(frozen=True)
class Environment:
    """A snapshot of the environment variables, and what the chain reads out of them.

    Args:
        variables: Names to values, as the process got them.
        classes: Further variables that hold secrets, by the configuration, and what each is for.
        secrets: What this run has read so far and must not show.
        train_env: Variables that the configuration hands on to what runs the user's code.
    """

    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    classes: Mapping[str, SecretClass] = field(default_factory=dict)
    secrets: Secrets = field(default_factory=Secrets, repr=False, compare=False)
    train_env: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Read the secrets of the data, which a child may print that is given them."""
        for name, purpose in self.classes.items():
            if purpose is SecretClass.DATA:
                self.secret(name)

    def get(self, name: str) -> str | None:
        """Return a variable's value; present but blank counts as absent."""
        value = self.variables.get(name, "").strip()
        return value or None

    def is_set(self, name: str) -> bool:
        """Return whether the variable is present, be it empty."""
        return name in self.variables

    def secret(self, name: str) -> Secret | None:
        """Return a secret exactly as it was given, None where the variable is absent."""
        return self.secrets.read(self.variables[name]) if name in self.variables else None

    @property
    def build_number(self) -> str | None:
        """The CI service's build number (Jenkins, then GitHub Actions, then GitLab).

        GitHub counts the runs of each workflow by themselves. A workflow that publishes nothing
        says so by a number that is empty, for its own would be too low.
        """
        if self.is_set("BUILD_NUMBER"):
            return self.get("BUILD_NUMBER")
        # GitLab counts all pipelines of a project by one counter.
        return self.get("GITHUB_RUN_NUMBER") or self.get("CI_PIPELINE_IID")

    @property
    def is_without_number(self) -> bool:
        """Whether the build number is set to nothing, so that none counts for this run."""
        return self.is_set("BUILD_NUMBER") and self.build_number is None

    def dask(self, name: str) -> str | None:
        """Return what this machine or job says of the cluster: SCHEDULER, CA_FILE and so on."""
        return self.get(f"TRAINWHEEL_DASK_{name}")

    @property
    def wants_nexus(self) -> bool:
        """Whether any of the Nexus variables is present, be it empty."""
        return any(map(self.is_set, NEXUS_VARIABLES))

    @property
    def in_ci(self) -> bool:
        """Whether a CI service runs this."""
        return self.get("CI") not in {None, "0", "false"} or self.is_set("JENKINS_URL")

    @property
    def is_verbose(self) -> bool:
        """Whether the output of the tools is wanted."""
        return self.get("TRAINWHEEL_VERBOSE") not in {None, "0", "false"}

    @property
    def waits(self) -> bool:
        """Whether a run waits for another one that is at work in the repository."""
        return self.get("TRAINWHEEL_WAIT") not in {None, "0", "false"}

    @property
    def wants_colour(self) -> bool:
        """Whether colour is allowed on a terminal: see no-color.org."""
        return not self.variables.get("NO_COLOR") and self.get("TERM") != "dumb"

    def for_child(
        self,
        additions: Mapping[str, str],
        allowed: frozenset[SecretClass],
        *,
        is_open: bool = False,
    ) -> dict[str, str]:
        """Return the environment of a child process.

        Args:
            additions: Variables to set on top.
            allowed: Classes of secrets that the child may see.
            is_open: Whether it sees all but secrets and what is a Python's own, instead of a
                fixed set and the variables named in the configuration.
        """
        variables = {
            name: value
            for name, value in self.variables.items()
            if self._reaches(name, allowed, is_open=is_open)
        }
        return {**variables, **additions}

    def _reaches(self, name: str, allowed: frozenset[SecretClass], *, is_open: bool) -> bool:
        purpose = self.purpose(name)
        if purpose is not None or name in _INTERPRETER_VARIABLES:
            return purpose in allowed
        is_fixed = _FIXED.fullmatch(name) or (os.name == "nt" and _WINDOWS.fullmatch(name))
        return is_open or name in self.train_env or bool(is_fixed)

    def purpose(self, name: str) -> SecretClass | None:
        """Return what the secret in a variable is for; None where it holds no secret."""
        if name in self.classes:
            return self.classes[name]
        if _PUBLISH_PATTERN.fullmatch(name):
            return SecretClass.PUBLISH
        return SecretClass.READ if _READ_PATTERN.fullmatch(name) else None

    @property
    def facts(self) -> dict[str, str]:
        """The variables named in the configuration that are set: a clause → a digest of the value.

        The value may be a secret, and records are files.
        """
        return {
            f"the variable {name}": digest_json(self.variables[name])
            for name in sorted(self.train_env & self.variables.keys())
        }

    def withheld(self, output: str, child: Mapping[str, str]) -> str:
        """Return a clause about the variable that a child misses; empty for none.

        Args:
            output: What the child printed: in its last lines is a name that is set here.
            child: The variables that it had.
        """
        names = self.variables.keys() - child.keys() - _INTERPRETER_VARIABLES
        text = "\n".join(output.splitlines()[-_LAST:])
        words = [(match[2], bool(match[1])) for match in _WORD.finditer(text) if match[2] in names]
        # In quotation marks as in KeyError: 'alpha'; else a word that hardly is one of English.
        quoted = [name for name, is_quoted in words if is_quoted]
        others = [name for name, _ in words if name[2:] and (name.isupper() or "_" in name)]
        for name in (quoted or others)[-1:]:
            fix = "name it in tool.trainwheel.train.env"
            fix = fix if self.purpose(name) is None else "it is a secret of other processes"
            return f"the variable {name} of this shell: {fix}"
        return ""


def read_environment(
    classes: Mapping[str, SecretClass] | None = None, secrets: Secrets | None = None
) -> Environment:
    """Return a snapshot of this process's environment; see `Environment`."""
    return Environment(dict(os.environ), classes or {}, secrets or Secrets())


def python_version() -> str:
    """Return the version of the Python that runs this: ``3.11.7``."""
    return ".".join(map(str, sys.version_info[:3]))


def point_uv_cache_at(folder: str) -> None:
    """Make uv, also where Nox starts it, keep its cache in ``folder``."""
    os.environ["UV_CACHE_DIR"] = folder
