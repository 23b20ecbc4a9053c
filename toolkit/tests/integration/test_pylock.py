"""The lock beside a wheel installs, by pip and by uv, what repeats the golden predictions."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.pylock import Pylock

from integration.tiny import TinyProject
from trainwheel.install.environments import find_uv, python_of
from trainwheel.requirements.pylock import pylock_path
from trainwheel.wheel.proof import read_proof

pytestmark = [pytest.mark.integration, pytest.mark.slow]

UV = (find_uv(), "pip")
PIP = (sys.executable, "-P", "-m", "pip")
REPEAT = """
import importlib, json, sys
module, _, name = sys.argv[1].partition(":")
predict = getattr(importlib.import_module(module), name)
assert all(predict(row["input"]) == row["prediction"] for row in json.load(sys.stdin))
"""


@pytest.mark.parametrize("words", [
    (*UV, "install", "--python", "{python}", "-r"),
    (*UV, "sync", "--python", "{python}"),
    (*PIP, "--python", "{python}", "install", "-r"),
], ids=["uv pip install", "uv pip sync", "pip install"])  # fmt: skip
def test_it_installs_exactly_what_was_proved(
    published: TinyProject, words: tuple[str, ...], tmp_path: Path
) -> None:
    lock = pylock_path(published.wheel)
    home = tmp_path / "home"
    _run(find_uv(), "venv", "--python", sys.executable, str(home))
    python = python_of(home)

    _run(*(word.format(python=python) for word in words), str(lock))

    packages = Pylock.from_dict(tomllib.loads(lock.read_text(encoding="utf-8"))).packages
    versions = {package.name: str(package.version) for package in packages}
    listed = _run(*UV, "list", "--python", str(python), "--format", "json")
    assert {row["name"]: row["version"] for row in json.loads(listed)} == versions
    assert all(package.index is None for package in packages)
    proof = read_proof(published.wheel)
    rows = [{"input": row.input, "prediction": row.prediction} for row in proof.golden]
    _run(str(python), "-P", "-c", REPEAT, proof.predict, stdin=json.dumps(rows))


def test_a_file_with_another_digest_is_refused(published: TinyProject, tmp_path: Path) -> None:
    lock, digest = pylock_path(published.wheel), read_proof(published.wheel).sha256
    lock.write_text(lock.read_text(encoding="utf-8").replace(digest, "0" * 64), encoding="utf-8")
    _run(find_uv(), "venv", "--python", sys.executable, str(tmp_path / "home"))
    words = (*UV, "sync", "--python", str(python_of(tmp_path / "home")))

    with pytest.raises(subprocess.CalledProcessError) as caught:
        _run(*words, str(lock))
    assert "hash" in caught.value.stderr.lower()


def _run(*argv: str, stdin: str = "") -> str:
    variables = {**os.environ, "PIP_NO_CACHE_DIR": "1"}
    return subprocess.run(
        argv, input=stdin, capture_output=True, text=True, check=True, env=variables
    ).stdout
