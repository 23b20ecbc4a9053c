#!/usr/bin/env python3
"""Make .venv with the task runner, exactly as Pipfile.lock says; make runs this at first use.

Standard library only. Python 3.6 must be able to parse and import it, so that whoever starts it
with an old Python gets one clear line: that is why its annotations are quoted.
"""

import contextlib
import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

OLDEST = (3, 11)
NEWER_PYTHONS = ("python3.13", "python3.12", "python3.11")
STAMP = ".trainwheel-stamp"
LINES_SHOWN = 15
# The user's pip configuration decides where packages come from; these would misplace them, ask
# a question, or refuse the editable install, which cannot have a hash.
PIP_VARIABLES = {
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_NO_INPUT": "1",
    "PIP_REQUIRE_HASHES": "0",
    "PIP_USER": "0",
}
MISPLACING_VARIABLES = ("PIP_PREFIX", "PIP_ROOT", "PIP_TARGET", "PIP_PYTHON", "PIP_DRY_RUN")


class BootstrapError(Exception):
    """The task runner cannot be installed; the message says why and what to do."""

    kind = "configuration"
    exit_code = 2


class InstallError(BootstrapError):
    """A tool that was started failed."""

    kind = "failed"
    exit_code = 1


def main() -> int:
    """Make the environment, or return at once where it is as the lock says."""
    root = Path(os.path.realpath(__file__)).parent
    try:
        newer = find_newer_python() if sys.version_info[:2] < OLDEST else None
        check_python(sys.version_info[:2], newer)
        if newer is not None:
            say("Python {}.{} is too old, going on with {}".format(*sys.version_info[:2], newer))
            os.execv(newer, [newer, "-I", str(root / "bootstrap.py")])  # noqa: S606
        bootstrap(root)
    except BootstrapError as error:
        say(str(error), kind=error.kind)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    return 0


def check_python(version: "tuple[int, ...]", newer: "str | None") -> None:
    """Check that this Python, or else a newer one, can make the environment.

    Raises:
        BootstrapError: There is none, or this one's modules for it are missing.
    """
    if version < OLDEST:
        if newer is None:
            message = "Python {}.{} or newer is needed, this is {}.{}".format(*OLDEST, *version[:2])
            message += "; install it, or name it: make PYTHON=/path/to/python3"
            raise BootstrapError(message)
        return
    for name in ("venv", "ensurepip"):
        if importlib.util.find_spec(name) is None:
            package = "python{}.{}-venv".format(*version[:2])
            message = f"this Python lacks its module {name}; on Debian: apt install {package}"
            raise BootstrapError(message)


def find_newer_python() -> "str | None":
    """Return a Python on PATH that is new enough and runs: a version manager's shim may not."""
    probe = f"import sys, venv, ensurepip; sys.exit(sys.version_info[:2] < {OLDEST})"
    for path in filter(None, map(shutil.which, NEWER_PYTHONS)):
        answer = subprocess.call(  # noqa: S603
            [path, "-c", probe], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        if answer == 0:
            return path
    return None


def bootstrap(root: Path) -> None:
    """Make ``root/.venv`` unless its stamp says that it holds what the lock says."""
    lock = root / "Pipfile.lock"
    packages = read_develop(lock)
    requirements, local = plan(packages)
    stamp = f"{root}\n{digest(root, packages, local)}\n"
    environment = root / ".venv"
    # The kernel drops this lock with its holder, so a kill leaves nothing behind.
    with lock.open(encoding="utf-8") as stream:
        with contextlib.suppress(OSError):  # Some network file systems have no locks.
            fcntl.flock(stream, fcntl.LOCK_EX)
        if is_current(environment, stamp):
            os.utime(str(environment / STAMP))
            return
        say("making .venv from Pipfile.lock")
        make_environment(environment)
        install(environment, requirements, [root / path for path in local])
        write_stamp(environment, stamp)


def read_develop(lock: Path) -> "dict[str, dict[str, object]]":
    """Return the lock's packages of ``[dev-packages]``."""
    fix = f"restore it: git checkout -- {lock.name}"
    try:
        content = json.loads(lock.read_text(encoding="utf-8"))
    except FileNotFoundError:
        message = f"{lock.name} is missing; {fix}"
        raise BootstrapError(message) from None
    except (OSError, ValueError) as error:
        message = f"{lock.name} cannot be read: {error}; {fix}"
        raise BootstrapError(message) from None
    packages = content.get("develop") if isinstance(content, dict) else None
    if not isinstance(packages, dict):
        message = f"{lock.name} has no packages of [dev-packages]; {fix}"
        raise BootstrapError(message)
    for name, entry in packages.items():
        if not isinstance(entry, dict) or not (is_folder(entry) or entry.get("hashes")):
            message = f"{lock.name}: {name} has neither digests nor a path; {fix}"
            raise BootstrapError(message)
    return packages


def is_folder(entry: "dict[str, object]") -> bool:
    """Return whether an entry of the lock is a project in a folder, not a release or a wheel."""
    path = str(entry.get("path", ""))
    return bool(path) and not path.endswith(".whl")


def plan(packages: "dict[str, dict[str, object]]") -> "tuple[str, list[str]]":
    """Return pip's requirements with their hashes, and the folders to install from.

    A wheel in the repository has a hash like any other; its path is relative to the repository.
    """
    lines = []
    local = []
    for name, entry in sorted(packages.items()):
        if is_folder(entry):
            local.append(str(entry["path"]))
            continue
        markers = f" ; {entry['markers']}" if "markers" in entry else ""
        hashes = "".join(f" --hash={value}" for value in as_strings(entry["hashes"]))
        extras = ",".join(as_strings(entry.get("extras")))
        target = entry.get("path") or f"{name}[{extras}]{entry.get('version', '')}"
        lines.append(f"{target}{markers}{hashes}\n")
    return "".join(lines), local


def as_strings(value: object) -> "list[str]":
    """Return the strings of a JSON array."""
    return [str(item) for item in value] if isinstance(value, list) else []


def digest(root: Path, packages: "dict[str, dict[str, object]]", local: "list[str]") -> str:
    """Return the digest of all that decides what the environment holds.

    The projects installed from folders count with their pyproject.toml: it names their commands.
    """
    parts = [sys.implementation.cache_tag, json.dumps(packages, sort_keys=True)]
    for path in local:
        project = root / path / "pyproject.toml"
        parts.append(project.read_text(encoding="utf-8") if project.is_file() else "")
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()


def is_current(environment: Path, stamp: str) -> bool:
    """Return whether the environment is whole, unmoved and of the lock's making."""
    try:
        content = os.fsdecode((environment / STAMP).read_bytes())
    except OSError:
        return False
    return content == stamp and os.access(str(environment / "bin" / "python"), os.X_OK)


def make_environment(environment: Path) -> None:
    """Make an empty environment in place of whatever a broken run or another lock left."""
    if environment.is_symlink() or environment.is_file():
        environment.unlink()
    elif environment.exists():
        shutil.rmtree(str(environment))
    # The real interpreter, not the link `python3`: an upgrade then leaves a dead link, which is
    # noticed, instead of an environment whose packages have silently gone.
    python = os.path.realpath(sys.executable)
    run([python, "-I", "-m", "venv", str(environment)], "cannot make .venv")


def install(environment: Path, requirements: str, projects: "list[Path]") -> None:
    """Install the requirements with hashes, then the projects in folders, which have none."""
    pip = [str(environment / "bin" / "python"), "-I", "-m", "pip"]
    file = environment / "requirements.txt"
    file.write_text(requirements, encoding="utf-8")
    options = ["install", "--quiet", "--no-deps"]
    failure = "cannot install the task runner"
    # From the repository, where the paths of wheels start.
    command = [*pip, *options, "--require-hashes", "--requirement", str(file)]
    run(command, failure, cwd=environment.parent)
    for project in projects:
        run([*pip, *options, "--no-build-isolation", "--editable", str(project)], failure)
    run([*pip, "check"], "Pipfile.lock does not have every package that the task runner needs")


def run(argv: "list[str]", failure: str, cwd: "Path | None" = None) -> None:
    """Run a command quietly; if it fails, show the last lines that it printed."""
    kept = {key: value for key, value in os.environ.items() if key not in MISPLACING_VARIABLES}
    done = subprocess.run(  # noqa: S603
        argv,
        env={**kept, **PIP_VARIABLES},
        cwd=None if cwd is None else str(cwd),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if done.returncode != 0:
        lines = done.stdout.decode("utf-8", "replace").strip().splitlines()
        sys.stderr.write("".join(f"  {line}\n" for line in lines[-LINES_SHOWN:]))
        message = f"{failure}; the last lines that it printed are above"
        raise InstallError(message)


def write_stamp(environment: Path, stamp: str) -> None:
    """Write the stamp as a whole, last of all: without it the environment is made anew."""
    temporary = environment / f"{STAMP}.new"
    temporary.write_bytes(os.fsencode(stamp))
    temporary.replace(environment / STAMP)


def say(text: str, kind: str = "bootstrap") -> None:
    """Print one line."""
    sys.stderr.write(f"{kind}: {text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
