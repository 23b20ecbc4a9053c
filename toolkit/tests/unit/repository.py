"""A small model repository on disk: real files, a true lock, and no package to install."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from trainwheel.cli.opening import open_run
from trainwheel.engine.environments import StepEnvironments
from trainwheel.engine.run import Run
from trainwheel.engine.tools import Tools
from trainwheel.requirements.freshness import stamp_lock
from trainwheel.requirements.pipfile import parse_pipfile
from trainwheel.steps import load_chain
from trainwheel.steps.shared.release import Release
from trainwheel.system.console import Console
from trainwheel.system.environ import Environment

PYPROJECT = """\
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[tool.trainwheel]
package = "small_model"
train.command = "python -m small_training -o {model} -t {report}"
data = ["data"]
"""
SETUP_PY = """\
from setuptools import setup

setup(
    name="small-model",
    version="0.1.0",
    install_requires=["six>=1.16.0,<2"],
    package_dir={"": "model"},
    packages=["small_model"],
)
"""
PIPFILE = """\
[packages]
six = "*"

[doc]

[train]

[test]
pytest = "*"

[package]

[upload]
"""
SIX = {"hashes": [f"sha256:{'1' * 64}"], "version": "==1.16.0"}
PYTEST = {"hashes": [f"sha256:{'2' * 64}"], "version": "==9.0.0"}
FILES = {
    "pyproject.toml": PYPROJECT,
    "setup.py": SETUP_PY,
    "Pipfile": PIPFILE,
    "README.md": "# Small\n",
    "LICENSE": "Do as you like.\n",
    "data/rows.csv": "1,2\n",
    "docs/index.md": "# Small\n",
    "tests/test_small.py": "def test_small() -> None: ...\n",
    "tests/system/test_wheel.py": "def test_wheel() -> None: ...\n",
    "model/small_model/__init__.py": '"""Small."""\n',
    "model/small_model/classifier.py": "def predict_record(record): return record\n",
    "model/small_model/py.typed": "",
    "model/small_training/__main__.py": "print('training')\n",
    "model/small_model/artefact/model.joblib": "weights",
    "model/small_model/artefact/model.joblib.json": "{}",
}


LITTER = (
    *("README.md~", ".setup.py.swp", "data/.rows.csv.swp", "data/.DS_Store", "data/#rows.csv#"),
    *("data/.idea/a/b.xml", "docs/index.md~", "tests/.test_small.py.swp", "tests/Thumbs.db"),
    *("tests/system/test_wheel.py~", "model/small_model/classifier.py~", "model/.DS_Store"),
    *("model/small_model/.ipynb_checkpoints/classifier-checkpoint.py", "model/small_model/._x"),
    *("model/small_training/.__main__.py.swp", "model/small_training/__main__.py~", ".git/index"),
    *("model/small_model/artefact/.DS_Store", "build/train/.metrics.json.swp"),
)
"""What editors and systems leave in it."""

RELEASE = Release(
    name="small-model", version="0.1.0", releases=True, always=False, reason="first",
    release_key="ab" * 32,
)  # fmt: skip


def make_repository(root: Path) -> Path:
    """Write the repository below ``root``, and return that."""
    for name, text in FILES.items():
        write(root, name, text)
    write_lock(root)
    return root


def write_lock(
    root: Path, *, six: str = "==1.16.0", pytest: str = "==9.0.0", helper: str = "",
    engine: Sequence[str] = (),
) -> None:  # fmt: skip
    """Write a lock for the Pipfile with these versions, and a runtime package in a folder.

    Names of ``engine`` make a category of the Pipfile, and are locked there.
    """
    if engine:
        lines = "".join(f'{name} = "*"\n' for name in engine)
        write(root, "Pipfile", f"{PIPFILE}\n[engine]\n{lines}")
    local = {"helper": {"path": helper}} if helper else {}
    content = {
        "_meta": {"hash": {"sha256": ""}, "pipfile-spec": 6, "requires": {}, "sources": []},
        "default": {"six": {**SIX, "version": six}, **local},
        "develop": {},
        **{name: {} for name in ("doc", "train", "package", "upload")},
        "test": {"pytest": {**PYTEST, "version": pytest}},
        **({"engine": dict.fromkeys(engine, SIX)} if engine else {}),
    }
    text = (root / "Pipfile").read_text(encoding="utf-8")
    write(root, "Pipfile.lock", stamp_lock(json.dumps(content), parse_pipfile(text)))


def write(root: Path, name: str, text: str) -> Path:
    """Write a file of the repository."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def open_here(
    root: Path, variables: Mapping[str, str] | None = None, *, stream: io.StringIO | None = None,
    tools: Tools | None = None,
) -> Run:  # fmt: skip
    """Open the repository as a run of its own does, printing to ``stream``."""
    chain = load_chain()
    run = open_run(root, root / ".nox", Environment(variables or {}), chain.categories)
    console = Console(run.environment, stream or io.StringIO())
    own = StepEnvironments(run.workspace, console, root / ".nox", chain.categories, run.tokens)
    return replace(run, console=console, tools=tools or own)
