#!/usr/bin/env python3
"""Make .venv with the task runner, exactly as Pipfile.lock says; make runs this at first use.

The pip that Python itself contains fetches uv, and uv installs everything else in a fraction of
the time. Where packages come from is what pip is configured to, for both.

Standard library only. Python 3.6 must be able to parse and import it, so that whoever starts it
with an old Python gets one clear line: that is why its annotations are quoted.
"""

import sys

try:
    import ast
    import contextlib
    import fcntl
    import hashlib
    import importlib.util
    import json
    import os
    import re
    import shutil
    import subprocess
    import sysconfig
    from pathlib import Path
except ImportError as error:  # Debian's python3-minimal has no json.
    line = "configuration: this Python lacks its module {}; on Debian: apt install python3-venv\n"
    sys.stderr.write(line.format(error.name))
    sys.exit(2)

OLDEST = (3, 11)
NEWER_PYTHONS = ("python3.13", "python3.12", "python3.11")
STAMP = ".trainwheel-stamp"
LINES_SHOWN = 15
# The user's pip configuration decides where packages come from; these would ask a question.
PIP_VARIABLES = {
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_NO_INPUT": "1",
    "PIP_REQUIRE_HASHES": "0",
    "PIP_USER": "0",
}
# These would misplace packages, install them unchecked or not at all, or refuse the editable
# install, which cannot have a hash.
WITHHELD_VARIABLES = (
    *("PIP_PREFIX", "PIP_ROOT", "PIP_TARGET", "PIP_PYTHON", "PIP_DRY_RUN", "UV_SYSTEM_PYTHON"),
    *("UV_NO_EDITABLE", "UV_NO_VERIFY_HASHES", "UV_REQUIRE_HASHES", "UV_WORKING_DIR"),
)
# From here to UV_PATHS as trainwheel.index.pip has it, which cannot be imported yet.
PIP_SECTIONS = ("global", "install", ":env:")
UV_INDEXES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL")
BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "PIP_CERT")
UV_PATHS = {"cert": "SSL_CERT_FILE", "client-cert": "SSL_CLIENT_CERT"}


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
    except OSError as error:  # A full disk, a checkout that can only be read.
        say("{}: {}".format(error.filename or "the system", error.strerror or error), "failed")
        return InstallError.exit_code
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
    package = "python{}.{}-venv".format(*version[:2])
    for name in ("venv", "ensurepip"):
        if importlib.util.find_spec(name) is None:
            message = f"this Python lacks its module {name}; on Debian: apt install {package}"
            raise BootstrapError(message)
    if find_pip() is None:
        message = f"the module ensurepip of this Python lacks pip; on Debian: apt install {package}"
        raise BootstrapError(message)


def find_pip() -> "Path | None":
    """Return the wheel of pip that belongs to this Python; distributions move it elsewhere.

    ensurepip looks in the same order; its functions for that differ between versions.
    """
    moved = sysconfig.get_config_var("WHEEL_PKG_DIR")
    folders = [Path(moved)] if moved else []
    spec = importlib.util.find_spec("ensurepip")
    if spec is not None and spec.origin is not None:
        folders.append(Path(spec.origin).parent / "_bundled")
    for folder in folders:
        wheels = sorted(folder.glob("pip-*.whl"))
        if wheels:
            return wheels[-1]
    return None


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
    local = [str(entry["path"]) for _, entry in sorted(packages.items()) if is_folder(entry)]
    stamp = f"{root}\n{digest(root, packages, local)}\n"
    environment = root / ".venv"
    # The kernel drops this lock with its holder, so a kill leaves nothing behind.
    with lock.open(encoding="utf-8") as stream:
        with contextlib.suppress(OSError):  # Some network file systems have no locks.
            fcntl.flock(stream, fcntl.LOCK_EX)
        if is_current(environment, stamp):
            with contextlib.suppress(OSError):  # A checkout may only be read.
                os.utime(str(environment / STAMP))
            return
        say("making .venv from Pipfile.lock")
        make_environment(environment)
        install(environment, packages, local)
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
    if "uv" not in packages:
        message = f"{lock.name}: [dev-packages] has no uv, which installs the others; {fix}"
        raise BootstrapError(message)
    return packages


def is_folder(entry: "dict[str, object]") -> bool:
    """Return whether an entry of the lock is a project in a folder, not a release or a wheel."""
    path = str(entry.get("path", ""))
    return bool(path) and not path.endswith(".whl")


def plan(packages: "dict[str, dict[str, object]]") -> str:
    """Return the requirements, with their hashes, of all packages but those in folders.

    A wheel in the repository has a hash like any other; its path is relative to the repository.
    """
    lines = []
    for name, entry in sorted(packages.items()):
        if is_folder(entry):
            continue
        markers = f" ; {entry['markers']}" if "markers" in entry else ""
        hashes = "".join(f" --hash={value}" for value in as_strings(entry["hashes"]))
        extras = ",".join(as_strings(entry.get("extras")))
        target = entry.get("path") or f"{name}[{extras}]{entry.get('version', '')}"
        lines.append(f"{target}{markers}{hashes}\n")
    return "".join(lines)


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
    run([python, "-I", "-m", "venv", "--without-pip", str(environment)], "cannot make .venv")


def install(
    environment: Path, packages: "dict[str, dict[str, object]]", projects: "list[str]"
) -> None:
    """Install uv by pip and the others by uv, with hashes; projects in folders have none."""
    root = environment.parent  # Where the paths of wheels and projects start.
    python = str(environment / "bin" / "python")
    file = environment / "requirements.txt"
    options = ["install", "--quiet", "--no-deps"]
    by_hash = [*options, "--require-hashes", "--requirement", str(file)]
    failure = "cannot install the task runner"
    # Beside what is installed. Unpacked, for from the archive it would be compiled at each start.
    unpacked = environment / "pip"
    shutil.unpack_archive(str(find_pip()), str(unpacked), "zip")
    pip = [python, "-I", str(unpacked / "pip")]
    others = dict(packages)
    file.write_text(plan({"uv": others.pop("uv")}), encoding="utf-8")
    run([*pip, *by_hash], failure, root)
    file.write_text(plan(others), encoding="utf-8")
    variables, indexes = read_settings(pip, root)
    shutil.rmtree(str(unpacked))
    uv = [str(environment / "bin" / "uv"), "pip"]
    # Not linked: an edit in .venv would be one in the cache, and in what others fill from it.
    into = ["--python", python, "--link-mode", "copy", *indexes]
    run([*uv, *by_hash, *into], failure, root, variables)
    for project in projects:
        editable = ["--no-build-isolation", "--editable", project]
        run([*uv, *options, *editable, *into], failure, root, variables)
    incomplete = "Pipfile.lock does not have every package that the task runner needs"
    run([*uv, "check", "--python", python], incomplete, root, variables)


def read_settings(pip: "list[str]", root: Path) -> "tuple[dict[str, str], list[str]]":
    """Return the variables and arguments for uv, by the configuration that ``pip`` reads."""
    failure = "cannot read the configuration of pip; look at: pip config list"
    settings = parse_pip_config(run([*pip, "config", "list"], failure, root, is_private=True))
    given = dict(os.environ)
    variables, arguments = translate(settings, given, has_uv_config=has_uv_config(given))
    return {**variables, **uv_cache_or_fallback(root, given)}, arguments


def parse_pip_config(text: str) -> "dict[str, str]":
    """Return setting to value from what ``pip config list`` prints (``section.key='value'``)."""
    values = {section: {} for section in PIP_SECTIONS}  # type: "dict[str, dict[str, str]]"
    for line in text.splitlines():
        name, _, value = line.partition("=")
        section, _, key = name.rpartition(".")
        if section in values:
            try:
                values[section][key] = str(ast.literal_eval(value))
            except (ValueError, SyntaxError):
                values[section][key] = value
    return {key: value for section in PIP_SECTIONS for key, value in values[section].items()}


def translate(
    pip: "dict[str, str]", variables: "dict[str, str]", *, has_uv_config: bool
) -> "tuple[dict[str, str], list[str]]":
    """Return the variables and arguments with which uv installs from where pip would.

    uv reads nothing of pip's; what is configured for uv itself is left alone.
    """
    settings = {}
    arguments = []
    if not has_uv_config and not any(name in variables for name in UV_INDEXES):
        settings.update(translate_indexes(pip))
        if pip.get("no-index", "").strip().lower() in ("1", "true", "yes", "on"):
            arguments = ["--no-index"]
    if "find-links" in pip and not has_uv_config:
        links = (at_home(link, variables) for link in pip["find-links"].split())
        settings["UV_FIND_LINKS"] = ",".join(links)
    if "trusted-host" in pip:
        settings["UV_INSECURE_HOST"] = " ".join(pip["trusted-host"].split())
    bundles = [variables[name] for name in BUNDLES if variables.get(name)]
    if bundles:
        settings["SSL_CERT_FILE"] = bundles[0]
    for key in filter(pip.__contains__, UV_PATHS):
        settings[UV_PATHS[key]] = at_home(pip[key], variables)
    timeout = pip.get("timeout") or pip.get("default-timeout")
    if timeout:  # In whole seconds only.
        settings["UV_HTTP_TIMEOUT"] = timeout.strip().partition(".")[0]
    if "proxy" in pip:
        settings.update(HTTP_PROXY=pip["proxy"], HTTPS_PROXY=pip["proxy"])
    return {name: settings[name] for name in settings if name not in variables}, arguments


def translate_indexes(pip: "dict[str, str]") -> "dict[str, str]":
    """Return the variables for uv that name the indexes."""
    settings = {}
    if "index-url" in pip:
        settings["UV_DEFAULT_INDEX"] = pip["index-url"].strip()
    if "extra-index-url" in pip:
        settings["UV_EXTRA_INDEX_URL"] = " ".join(pip["extra-index-url"].split())
        settings["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    return settings


def at_home(path: str, variables: "dict[str, str]") -> str:
    """Return a path with the home folder in place of ``~``, as pip reads it."""
    return variables.get("HOME", "~") + path[1:] if path.startswith("~/") else path


def has_uv_config(variables: "dict[str, str]") -> bool:
    """Return whether a configuration file of uv's own may name the indexes."""
    home = variables.get("XDG_CONFIG_HOME") or f"{variables.get('HOME') or '/nonexistent'}/.config"
    return any(Path(folder, "uv", "uv.toml").is_file() for folder in (home, "/etc"))


def uv_cache_or_fallback(root: Path, variables: "dict[str, str]") -> "dict[str, str]":
    """Return the variable that keeps uv's cache in the repository if the home cannot be written."""
    if variables.get("UV_CACHE_DIR", "").strip():
        return {}
    home = variables.get("XDG_CACHE_HOME") or f"{variables.get('HOME') or '~'}/.cache"
    try:
        cache = Path(home, "uv").expanduser()
        cache.mkdir(parents=True, exist_ok=True)
        if os.access(str(cache), os.W_OK):
            return {}
    except (OSError, RuntimeError):
        pass
    return {"UV_CACHE_DIR": str(root / ".trainwheel" / "uv-cache")}


def run(
    argv: "list[str]",
    failure: str,
    cwd: "Path | None" = None,
    variables: "dict[str, str] | None" = None,
    *,
    is_private: bool = False,
) -> str:
    """Run a command quietly and return its output; if it fails, show its last lines.

    Private output holds passwords, and is never shown.
    """
    kept = {key: value for key, value in os.environ.items() if key not in WITHHELD_VARIABLES}
    try:
        done = subprocess.run(  # noqa: S603
            argv,
            env={**kept, **PIP_VARIABLES, **(variables or {})},
            cwd=None if cwd is None else str(cwd),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if is_private else subprocess.STDOUT,
            check=False,
        )
    except OSError as error:
        message = f"{failure}: cannot start {argv[0]}: {error.strerror}"
        raise InstallError(message) from None
    output = done.stdout.decode("utf-8", "replace")
    if done.returncode != 0:
        lines = [] if is_private else mask(output).strip().splitlines()
        sys.stderr.write("".join(f"  {line}\n" for line in lines[-LINES_SHOWN:]))
        message = failure if is_private else f"{failure}; the last lines that it printed are above"
        raise InstallError(message)
    return output


def mask(text: str) -> str:
    """Return a text without the user names and passwords of addresses."""
    return re.sub(r"://[^\s/]*@", "://***@", text)


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
