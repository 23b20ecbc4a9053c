"""Environments of tests, filled from wherever this machine installs packages from."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from integration.once import Once
from integration.tiny import ROOT
from trainwheel.install.environments import Installer, find_uv, python_of
from trainwheel.requirements.lockfile import parse_lockfile, render_requirements, requirements
from trainwheel.system.environ import read_environment

__all__ = [
    "clone_environment",
    "install_into",
    "install_tool",
    "locked_for_extra",
    "locked_packages",
    "make_environment",
    "make_venv",
]


def make_environment(folder: Path, *words: str | Path, python: str = sys.executable) -> Path:
    """Make an environment, have uv install what these words say, and return its interpreter."""
    variables = {**os.environ, **Installer(read_environment()).settings.variables}
    argv = (find_uv(), "venv", "--quiet", "--python", python, str(folder))
    subprocess.run(argv, env=variables, check=True)
    made = python_of(folder)
    install_into(made, *words)
    return made


def install_into(python: Path, *words: str | Path) -> None:
    """Have uv install what these words say, if any, beside an interpreter."""
    settings = Installer(read_environment()).settings
    argv = ("pip", "install", "--quiet", "--python", python, *settings.arguments, *words)
    if words:
        variables = {**os.environ, **settings.variables}
        subprocess.run([find_uv(), *map(str, argv)], env=variables, check=True)


def clone_environment(folder: Path, target: Path) -> Path:
    """Copy an environment by hard links, compiled modules too, and return its interpreter."""
    shutil.copytree(folder, target, symlinks=True, copy_function=os.link)
    return python_of(target)


def make_venv(once: Once, target: Path) -> None:
    """Make an environment as ``python -m venv`` does, by a copy of one that it has made."""

    def make(folder: Path) -> None:
        subprocess.run([sys.executable, "-m", "venv", folder / "env"], check=True)
        # What pip imports is compiled once too.
        subprocess.run([folder / "env/bin/pip", "--version"], check=True, capture_output=True)

    # A blank in its path: how its scripts begin then is right in any other place too.
    source = once.folder("new venv", make) / "env"
    clone_environment(source, target)
    for path in (target / "bin").iterdir():
        # Scripts name the environment that they are of.
        if not path.is_symlink() and str(source) in (text := path.read_text(encoding="utf-8")):
            mode = path.stat().st_mode
            path.unlink()
            path.write_text(text.replace(str(source), str(target)), encoding="utf-8")
            path.chmod(mode)


def install_tool(once: Once, name: str, *pins: str) -> Path:
    """Return the program of a tool that has an environment of its own, with these pins."""
    folder = once.folder(f"tool-{name}", lambda folder: make_environment(folder / "env", *pins))
    return folder / "env" / "bin" / name


def locked_packages(category: str = "packages") -> str:
    """Return what this repository locks in a category, with digests, as lines for pip."""
    lock = parse_lockfile((ROOT / "Pipfile.lock").read_text(encoding="utf-8"))
    return render_requirements(requirements(lock, category))


def locked_for_extra(extra: str) -> str:
    """Return what this repository locks of what the library needs with one of its extras."""
    seen, left = set[tuple[str, str]](), [("trainwheel", ""), ("trainwheel", extra)]
    while left:
        name, chosen = left.pop()
        if (name, chosen) in seen:
            continue
        seen.add((name, chosen))
        for needed in map(Requirement, requires(name) or ()):
            if needed.marker is None or needed.marker.evaluate({"extra": chosen}):
                left += [(canonicalize_name(needed.name), more) for more in ("", *needed.extras)]
    lock = parse_lockfile((ROOT / "Pipfile.lock").read_text(encoding="utf-8"))
    names = {name for name, _ in seen}
    return render_requirements(row for row in requirements(lock, "toolkit") if row.name in names)
