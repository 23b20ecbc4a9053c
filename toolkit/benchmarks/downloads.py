"""Where packages come from while a chain is timed, and how many bytes arrive."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from benchmarks.checkouts import move_aside

from trainwheel.index.pip import parse_pip_config
from trainwheel.install.environments import Installer
from trainwheel.requirements.lockfile import Lockfile, render_requirements, requirements
from trainwheel.system.environ import read_environment

TOOLS = ("uv", "pip", "pipenv", "virtualenv")
"""What has a folder of downloads below XDG_CACHE_HOME; virtualenv unpacks those that it brings."""

_PLACES = ("find-links", "extra-index-url", "index-url")
INTERFACES = Path("/proc/net/dev")


def network_only() -> dict[str, str]:
    """Return pip's settings on this machine as variables, without folders of packages on its disk.

    One tool would take a package from such a folder where another one downloads it.
    """
    variables = {"PIP_CONFIG_FILE": "/dev/null", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    argv = (sys.executable, "-P", "-m", "pip", "config", "list")
    printed = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    for name, value in parse_pip_config(printed).items():
        places = [p for p in value.split() if name not in _PLACES or p.startswith("http")]
        if places:
            variables[f"PIP_{name.upper().replace('-', '_')}"] = " ".join(places)
    # pipenv asks an index of its own for a lock that names none.
    mirror = variables.get("PIP_INDEX_URL")
    return variables | ({"PIPENV_PYPI_MIRROR": mirror} if mirror else {})


def received() -> int:
    """Return how many bytes have come to this machine, on all interfaces but loopback."""
    rows = (line.partition(":") for line in INTERFACES.read_text().splitlines() if ":" in line)
    return sum(int(counts.split()[0]) for name, _, counts in rows if name.strip() != "lo")


def forget(cache: Path, aside: Path, *, downloads: bool = False) -> None:
    """Empty a folder of caches; the downloads stay unless they are to go too.

    Args:
        cache: The folder.
        aside: Where what is forgotten is moved; see `benchmarks.checkouts.move_aside`.
        downloads: Whether the downloads go too.
    """
    for child in cache.iterdir() if cache.is_dir() else ():
        if downloads or child.name not in TOOLS:
            move_aside(child, aside)


def size_of_pictures(lock: Lockfile, folder: Path, variables: Mapping[str, str]) -> int:
    """Return how many bytes arrive for what only the lock's [report] has: matplotlib and its own.

    Args:
        lock: The lock.
        folder: An empty one, for an environment and uv's cache.
        variables: What a chain is run with.
    """
    present = {package.name for package in requirements(lock, "packages")}
    rows = tuple(row for row in requirements(lock, "report") if row.name not in present)
    own = {**variables, "XDG_CACHE_HOME": str(folder / "cache")}
    installer = Installer(replace(read_environment(), variables=own))
    before = received()
    python = installer.create(folder / "env")
    installer.install(python, render_requirements(rows), "--no-deps")
    return received() - before


def make_pipenv(folder: Path, lock: Lockfile) -> Path:
    """Return a folder for PATH that has pipenv alone, as a user installs it once; it has run."""
    packages = render_requirements(requirements(lock, "dev-packages"))
    python = Installer(read_environment()).ensure(folder / "env", packages)
    (folder / "bin").mkdir()
    (folder / "bin" / "pipenv").symlink_to(python.with_name("pipenv"))
    subprocess.run((folder / "bin" / "pipenv", "--version"), check=True, capture_output=True)
    return folder / "bin"


def base_python() -> Path:
    """Return the folder of the Python that all environments are made with, not a wrapper of it."""
    return Path(sys.base_prefix, "bin")
