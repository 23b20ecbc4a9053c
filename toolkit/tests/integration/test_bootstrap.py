"""The root's bootstrap.py on a tiny project: a real venv, a real pip, one package with hashes."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from integration.tiny import ROOT, Run, run_to_end
from unit.wheels import write_wheel

pytestmark = pytest.mark.integration

STAMP = ".venv/.trainwheel-stamp"
# A build back end of a dozen lines, so that the editable install needs no network.
BACK_END = """\
import os, zipfile
def build_editable(directory, config_settings=None, metadata_directory=None):
    name = "tiny_lib-1.0-py3-none-any.whl"
    info = "tiny_lib-1.0.dist-info"
    with zipfile.ZipFile(os.path.join(directory, name), "w") as wheel:
        wheel.writestr("tiny_lib.pth", os.path.join(os.getcwd(), "src"))
        metadata = "Metadata-Version: 2.1\\nName: tiny-lib\\nVersion: 1.0\\n"
        wheel.writestr(f"{info}/METADATA", metadata)
        tags = "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
        wheel.writestr(f"{info}/WHEEL", tags)
        wheel.writestr(f"{info}/RECORD", "")
    return name
"""


def write_lock(root: Path, wheel: Path, digest: str = "") -> None:
    digest = digest or hashlib.sha256(wheel.read_bytes()).hexdigest()
    name = wheel.name.partition("-")[0]
    develop = {
        name: {"version": "==1.0", "hashes": [f"sha256:{digest}"]},
        "tiny-lib": {"path": "./lib dir", "editable": True},
    }
    (root / "Pipfile.lock").write_text(json.dumps({"_meta": {}, "develop": develop}))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "a b é"
    (root / "lib dir" / "src").mkdir(parents=True)
    (root / "lib dir" / "src" / "tiny_lib.py").write_text("")
    (root / "lib dir" / "back_end.py").write_text(BACK_END)
    (root / "lib dir" / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "back_end"\nbackend-path = ["."]\n'
    )
    shutil.copy(ROOT / "bootstrap.py", root)
    write_lock(root, write_wheel(tmp_path / "wheels", "tiny_runner", "1.0"))
    return root


def bootstrap(root: Path, **variables: str) -> Run:
    """Run it as make does, with the wheels of this test as the only place to install from."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(root.parent / "home"),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_FIND_LINKS": (root.parent / "wheels").as_uri(),
        "PIP_NO_INDEX": "1",
        **variables,
    }
    return run_to_end((sys.executable, "bootstrap.py"), root, environment)


def imports(root: Path, module: str) -> bool:
    argv = [str(root / ".venv" / "bin" / "python"), "-I", "-c", f"import {module}"]
    return subprocess.run(argv, check=False, capture_output=True).returncode == 0


@pytest.mark.slow
def test_a_wheel_of_the_repository_and_the_lock_are_installed_once_and_again_after_a_move(
    project: Path,
) -> None:
    wheel = write_wheel(project / "wheels", "tiny_tool", "1.0")
    lock = project / "Pipfile.lock"
    document = json.loads(lock.read_text())
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    entry = {"path": f"./wheels/{wheel.name}", "hashes": [f"sha256:{digest}"]}
    document["develop"]["tiny-tool"] = entry
    lock.write_text(json.dumps(document))
    # What would send packages elsewhere is not passed on, and no home is needed.
    variables = {"PIP_USER": "1", "PIP_TARGET": str(project / "t"), "PIP_REQUIRE_HASHES": "1"}

    completed = bootstrap(project, **variables, HOME="/proc/nonexistent")
    assert completed.code == 0, completed.output
    assert len(completed.output.splitlines()) == 1
    assert imports(project, "tiny_runner, tiny_lib, tiny_tool")
    assert (project / STAMP).read_text().splitlines()[0] == str(project.resolve())

    witness = project / ".venv" / "witness"
    witness.touch()
    os.utime(project / STAMP, (1, 1))
    again = bootstrap(project)
    assert (again.code, again.output) == (0, "")
    assert witness.exists()
    assert (project / STAMP).stat().st_mtime > 1

    moved = project.rename(project.with_name("elsewhere"))
    assert bootstrap(moved).code == 0
    assert imports(moved, "tiny_runner, tiny_lib, tiny_tool")
    assert not (moved / ".venv" / "witness").exists()


def test_a_wheel_with_another_digest_is_refused_and_leaves_no_stamp(project: Path) -> None:
    write_lock(project, project.parent / "wheels" / "tiny_runner-1.0-py3-none-any.whl", "ab" * 32)

    completed = bootstrap(project)

    assert completed.code == 1
    assert "DO NOT MATCH THE HASHES" in completed.output
    assert completed.output.splitlines()[-1].startswith("failed: ")
    assert not (project / STAMP).exists()


def test_a_missing_lock_is_one_line(project: Path) -> None:
    (project / "Pipfile.lock").unlink()

    completed = bootstrap(project)

    assert completed.code == 2
    assert completed.output.startswith("configuration: Pipfile.lock ")
    assert len(completed.output.splitlines()) == 1
    assert not (project / ".venv").exists()


def test_two_at_once_make_one_environment_in_place_of_a_half_made_one(project: Path) -> None:
    python = project / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to("/nonexistent/python3.11")

    with ThreadPoolExecutor(2) as pool:
        ended = list(pool.map(bootstrap, [project, project]))

    assert [completed.code for completed in ended] == [0, 0]
    assert sorted(len(completed.output.splitlines()) for completed in ended) == [0, 1]
    assert imports(project, "tiny_runner, tiny_lib")
