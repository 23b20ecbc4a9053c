"""Pipfile.lock is complete: with digests required, every step's environment installs from it.

What is resolved here downloads nothing but metadata: for every supported Python, on Linux
and on macOS, each locked version has a file with a locked digest that fits, and nothing that it
needs is missing from the lock. Every other test that makes an environment installs for real.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from trainwheel.install.environments import Installer
from trainwheel.requirements.lockfile import (
    check_fresh,
    parse_lockfile,
    render_requirements,
    requirements,
)
from trainwheel.requirements.pipfile import parse_pipfile
from trainwheel.system.environ import read_environment

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[3]
# Debian 12's Python: a package that asks for a later patch release of 3.11 would be left out.
RESOLVED = ("3.11.2", "3.12", "3.13")
LINUX, MACOS = "x86_64-unknown-linux-gnu", "aarch64-apple-darwin"
TARGETS = [*((LINUX, python) for python in RESOLVED), (MACOS, RESOLVED[-1])]
ENVIRONMENTS = {
    "dev-packages": ("dev-packages",),
    "doc": ("packages", "sklearn", "doc"),
    "data": ("data",),
    "train": ("packages", "sklearn", "train"),
    "engine": ("packages", "sklearn", "train", "engine"),
    "report": ("packages", "sklearn", "report"),
    "test": ("packages", "sklearn", "test"),
    "lint": ("lint",),
    "package": ("package",),
    "upload": ("upload",),
    "toolkit": ("toolkit",),
}


def hashed_requirements(name: str) -> str:
    lock = parse_lockfile((ROOT / "Pipfile.lock").read_text(encoding="utf-8"))
    return render_requirements(requirements(lock, *ENVIRONMENTS[name]))


def uv(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    settings = Installer(read_environment()).settings
    return subprocess.run(
        [sys.executable, "-m", "uv", *arguments],
        input=stdin,
        env={**os.environ, **settings.variables},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )


def test_the_lock_is_the_lock_of_the_pipfile() -> None:
    pipfile = parse_pipfile((ROOT / "Pipfile").read_text(encoding="utf-8"))

    check_fresh(pipfile, parse_lockfile((ROOT / "Pipfile.lock").read_text(encoding="utf-8")))

    covered = {category for categories in ENVIRONMENTS.values() for category in categories}
    # What the benchmarks run beside is never part of CI.
    assert covered == set(pipfile.categories) - {"bench"}


def test_neither_file_names_an_index() -> None:
    texts = [(ROOT / name).read_text(encoding="utf-8") for name in ("Pipfile", "Pipfile.lock")]

    assert not [word for word in ("://", '"index"', "[[source]]") if any(word in t for t in texts)]


@pytest.mark.slow
@pytest.mark.parametrize(("platform", "python"), TARGETS)
@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_every_locked_environment_is_complete(
    name: str, python: str, platform: str, tmp_path: Path
) -> None:
    where = ("--python-version", python, "--python-platform", platform, "--target", str(tmp_path))
    options = ("--quiet", "--dry-run", "--require-hashes", "--requirement", "-")

    completed = uv("pip", "install", *where, *options, stdin=hashed_requirements(name))

    assert completed.returncode == 0, completed.stdout
