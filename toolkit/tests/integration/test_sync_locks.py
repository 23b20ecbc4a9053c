"""One project, locked by pipenv, uv and Poetry, is built into the same metadata from every lock."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.environments import install_tool
from integration.once import once_for
from integration.test_locking import serve
from trainwheel.cli.main import main
from trainwheel.install.environments import find_uv
from trainwheel.system.digest import digest_file
from unit.wheels import write_wheel

pytestmark = [pytest.mark.integration, pytest.mark.slow]

RELEASES = {
    "tiny_a": ("tiny-b>=1", "tiny-deep ; extra == 'more'"),
    **dict.fromkeys(("tiny_b", "tiny_deep", "tiny_posix", "tiny_test"), ()),
}
GROUPS = """
[dependency-groups]
base = ["tiny-b"]
dev = ["Tiny_Test>=1", {include-group = "base"}]
"""
PROJECT = """
[project]
name = "mine"
version = "1.0"
requires-python = ">=3.11"
dependencies = [
    "Tiny.A[more]>=1",
    "tiny_posix<3,>=1 ; os_name == 'posix'",
]
"""
POETRY = """
[tool.poetry.dependencies]
python = ">=3.11"
"Tiny.A" = { version = ">=1", extras = ["more"] }
tiny_posix = { version = "<3,>=1", markers = "os_name == 'posix'" }
"""
PIPFILE = """
[[source]]
url = "ADDRESS"
name = "here"
verify_ssl = false

[packages]
"Tiny.A" = { version = ">=1", extras = ["more"] }
tiny_posix = { version = "<3,>=1", markers = "os_name == 'posix'" }

[dev-packages]
Tiny_Test = ">=1"
tiny-b = "*"
"""
HEAD = "[metadata]\nname = mine\nversion = 1.0\n"
# Without [project], the lists of Poetry say what the project needs, and setuptools reads these.
TARGETS = {
    "pyproject.toml": {"pyproject.toml": PROJECT + GROUPS},
    "setup.py": {
        "pyproject.toml": POETRY + GROUPS,
        "setup.cfg": HEAD,
        "setup.py": "from setuptools import setup\n\nsetup(install_requires=[])\n",
    },
    "setup.cfg": {
        "pyproject.toml": POETRY + GROUPS,
        "setup.cfg": f"{HEAD}\n[options]\ninstall_requires =\n    gone\n",
    },
}
EXPORTED = ("pylock.toml", "requirements.txt")
LOCKS = ("Pipfile.lock", "uv.lock", "poetry.lock", *EXPORTED)
BUILD = "from setuptools import build_meta as b; b.prepare_metadata_for_build_wheel('.')"


@pytest.fixture(scope="module")
def poetry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real one, in an environment of its own."""
    return install_tool(once_for(tmp_path_factory), "poetry", "poetry==2.5.1")


@pytest.fixture(scope="module")
def locked(poetry: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Each lock, made by its own tool; below ``main`` those that cannot tell groups apart."""
    root = tmp_path_factory.mktemp("locks")
    for name, requires in RELEASES.items():
        folder = root / "index/simple" / name.replace("_", "-")
        headers = "Provides-Extra: more" if name == "tiny_a" else ""
        wheels = [
            write_wheel(folder, name, version, requires=requires, headers=headers)
            for version in ("1.0", "2.0")
        ]
        links = [f'<a href="{w.name}#sha256={digest_file(w)}">{w.name}</a>' for w in wheels]
        (folder / "index.html").write_text(f"<!DOCTYPE html>\n{'<br>'.join(links)}\n")
    with serve(root / "index") as url:
        source = f'[[tool.poetry.source]]\nname = "here"\nurl = "{url}/"\n'
        text = f"{PROJECT}{GROUPS}\n[tool.poetry]\npackage-mode = false\n{source}"
        (root / "pyproject.toml").write_text(text)
        (root / "Pipfile").write_text(PIPFILE.replace("ADDRESS", url))
        there = ("--default-index", url)
        _run(root, poetry, "lock")
        _run(root, find_uv(), "lock", *there)
        (root / "main").mkdir()
        for name in EXPORTED:
            words = (find_uv(), "export", *there, "--no-emit-project", "--output-file")
            _run(root, *words, name, "--all-groups")
            _run(root, *words, f"main/{name}", "--no-dev")
        _run(root, sys.executable, "-P", "-m", "pipenv", "lock")
        yield root


@pytest.mark.parametrize("policy", ["locked", "direct", "compatible", "declared"])
@pytest.mark.parametrize("target", TARGETS)
def test_the_same_pins_are_the_same_metadata(
    target: str, policy: str, locked: Path, tmp_path: Path
) -> None:
    metadata = {name: _metadata(tmp_path / name, name, target, policy, locked) for name in LOCKS}

    first = metadata["uv.lock"]
    assert b"[more]" in first
    assert (b"tiny-b==2.0\n" in first) == (policy == "locked")
    assert (b"tiny-test" in first) == (policy != "locked")
    assert {name: data.decode() for name, data in metadata.items() if data != first} == {}


def _metadata(project: Path, lock: str, target: str, policy: str, locked: Path) -> bytes:
    """Sync a project with a lock, and return what setuptools makes of it."""
    project.mkdir()
    for name, text in TARGETS[target].items():
        (project / name).write_text(text)
    folder = locked / "main" if policy == "locked" and lock in EXPORTED else locked
    (project / lock).write_bytes((folder / lock).read_bytes())
    if lock == "Pipfile.lock":
        (project / "Pipfile").write_bytes((locked / "Pipfile").read_bytes())
    options = ("--pins", policy, *(() if policy == "locked" else ("--dev-extra", "dev")))
    assert main(["sync", str(project), *options]) == 0
    assert main(["sync", str(project), "--check", *options]) == 0
    _run(project, sys.executable, "-c", BUILD)
    return (project / "mine-1.0.dist-info/METADATA").read_bytes()


def _run(folder: Path, *argv: str | Path) -> None:
    steering = ("PIP_", "UV_", "PIPENV_", "POETRY_", "VIRTUAL_ENV", "XDG_")
    variables = {k: v for k, v in os.environ.items() if not k.startswith(steering)}
    variables |= {"PIP_CONFIG_FILE": os.devnull, "PIPENV_IGNORE_VIRTUALENVS": "1"}
    done = subprocess.run(
        [*map(str, argv)], cwd=folder, env=variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
