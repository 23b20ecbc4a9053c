"""One commit gives one wheel, byte for byte, wherever, whenever and by whomever it is built."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import trainwheel
from integration.tiny import ROOT, TinyProject, clear, copy_of
from pythons import find_python
from trainwheel.requirements.lockfile import parse_lockfile, render_requirements, requirements
from wheel_differences import compare_wheels

pytestmark = [pytest.mark.integration, pytest.mark.slow]

TOLD_BY_PYTHON = {
    "tiny_model/artefact/model.joblib.json",
    "tiny_model-0.1.0.dist-info/trainwheel/provenance.json",
    "tiny_model-0.1.0.dist-info/sboms/tiny-model.cdx.json",
    "tiny_model-0.1.0.dist-info/RECORD",
}
"""Members that name the Python that trained, or a digest of what does."""


def explain(first: Path, second: Path) -> str:
    """Return what differs: our own word, member by member, and diffoscope's."""
    argv = (sys.executable, "-m", "diffoscope.main", "--text", "-", str(first), str(second))
    found = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
    return "\n".join((*compare_wheels(first, second), found.stdout, found.stderr))


def test_another_machine_makes_the_same_wheel(published: TinyProject, tmp_path: Path) -> None:
    elsewhere = clear(copy_of(published, tmp_path / "modèle d'essai"))
    for path in elsewhere.root.rglob("*.py"):
        os.utime(path, (1, 1))
        path.chmod(0o600)

    run = elsewhere.nox(
        "package", TZ="America/St_Johns", LANG="C", LC_ALL="C", USER="somebody",
        PYTHONHASHSEED="7", PYTHONOPTIMIZE="1", SOURCE_DATE_EPOCH="1",
    )  # fmt: skip

    assert run.code == 0, run.output
    wheel = elsewhere.wheel
    assert wheel.read_bytes() == published.wheel.read_bytes(), explain(published.wheel, wheel)


@pytest.mark.bench
def test_another_python_makes_the_same_wheel_but_for_its_own_name(
    published: TinyProject, tmp_path: Path
) -> None:
    if not (python := find_python("3.13")):
        pytest.skip("there is no Python 3.13 on this machine")
    runner = tmp_path / "runner"
    lock = parse_lockfile((ROOT / "Pipfile.lock").read_text(encoding="utf-8"))
    subprocess.run(("uv", "venv", "-q", "--python", python, str(runner)), check=True)
    subprocess.run(
        ("uv", "pip", "install", "-q", "--python", str(runner / "bin/python"), "-r", "-"),
        input=render_requirements(requirements(lock, "dev-packages")),
        text=True,
        check=True,
    )
    elsewhere = clear(copy_of(published, tmp_path / "elsewhere"))
    elsewhere = replace(elsewhere, envdir=tmp_path / "environments")
    source = str(Path(trainwheel.__file__).parents[1])
    argv = (str(runner / "bin/python"), *elsewhere.argv("package")[1:])

    run = elsewhere.run(*argv, PYTHONPATH=source)

    assert run.code == 0, run.output
    differences = compare_wheels(published.wheel, elsewhere.wheel)
    assert {told.partition(":")[0] for told in differences} <= TOLD_BY_PYTHON, explain(
        published.wheel, elsewhere.wheel
    )
    assert any("provenance.json" in told for told in differences)
