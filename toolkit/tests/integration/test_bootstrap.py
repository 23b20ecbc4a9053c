"""The root's bootstrap.py on a tiny project: a real venv, a real pip, one package with hashes."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[3]
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


def build_wheel(folder: Path, name: str, requires: str = "") -> Path:
    """Write a wheel with one module that says where it came from."""
    folder.mkdir(exist_ok=True)
    wheel = folder / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    needed = f"Requires-Dist: {requires}\n" if requires else ""
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(f"{name}.py", "LOCKED = True\n")
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{needed}"
        archive.writestr(f"{info}/METADATA", metadata)
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return wheel


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
    write_lock(root, build_wheel(tmp_path / "wheels", "tiny_runner"))
    return root


def bootstrap(root: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run it as make does, with the wheels of this test as the only place to install from."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(root.parent / "home"),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_FIND_LINKS": (root.parent / "wheels").as_uri(),
        "PIP_NO_INDEX": "1",
        **variables,
    }
    return subprocess.run(
        [sys.executable, "bootstrap.py"],
        cwd=root,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )


def imports(root: Path, module: str) -> bool:
    argv = [str(root / ".venv" / "bin" / "python"), "-I", "-c", f"import {module}"]
    return subprocess.run(argv, check=False, capture_output=True).returncode == 0


def test_the_environment_holds_the_lock_and_the_editable_project(project: Path) -> None:
    completed = bootstrap(project)

    assert completed.returncode == 0, completed.stdout
    assert completed.stdout == "bootstrap: making .venv from Pipfile.lock\n"
    assert imports(project, "tiny_runner, tiny_lib")
    assert (project / STAMP).read_text().splitlines()[0] == str(project.resolve())


def test_a_wheel_of_the_repository_is_installed_by_its_digest(project: Path) -> None:
    wheel = build_wheel(project / "wheels", "tiny_tool")
    lock = project / "Pipfile.lock"
    document = json.loads(lock.read_text())
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    entry = {"path": f"./wheels/{wheel.name}", "hashes": [f"sha256:{digest}"]}
    document["develop"]["tiny-tool"] = entry
    lock.write_text(json.dumps(document))

    completed = bootstrap(project)
    assert completed.returncode == 0, completed.stdout
    assert imports(project, "tiny_tool")

    entry["hashes"] = [f"sha256:{'0' * 64}"]
    lock.write_text(json.dumps(document))
    refused = bootstrap(project)
    assert refused.returncode == 1
    assert "hashes" in refused.stdout.lower()
    assert "failed: cannot install the task runner" in refused.stdout


def test_a_second_run_only_touches_the_stamp(project: Path) -> None:
    bootstrap(project)
    witness = project / ".venv" / "witness"
    witness.touch()
    os.utime(project / STAMP, (1, 1))

    completed = bootstrap(project)

    assert completed.returncode == 0
    assert completed.stdout == ""
    assert witness.exists()
    assert (project / STAMP).stat().st_mtime > 1


def test_a_half_made_environment_is_made_anew(project: Path) -> None:
    (project / ".venv" / "bin").mkdir(parents=True)
    (project / ".venv" / "bin" / "python").symlink_to(sys.executable)

    assert bootstrap(project).returncode == 0
    assert imports(project, "tiny_runner, tiny_lib")


@pytest.mark.slow
def test_an_environment_whose_python_has_gone_is_made_anew(project: Path) -> None:
    bootstrap(project)
    python = project / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to("/nonexistent/python3.11")

    assert bootstrap(project).returncode == 0
    assert imports(project, "tiny_runner")


@pytest.mark.slow
def test_a_moved_environment_is_made_anew(project: Path) -> None:
    bootstrap(project)
    moved = project.rename(project.with_name("elsewhere"))

    completed = bootstrap(moved)

    assert completed.stdout == "bootstrap: making .venv from Pipfile.lock\n"
    assert imports(moved, "tiny_lib")


def test_a_wheel_with_another_digest_is_refused_and_leaves_no_stamp(project: Path) -> None:
    write_lock(project, project.parent / "wheels" / "tiny_runner-1.0-py3-none-any.whl", "ab" * 32)

    completed = bootstrap(project)

    assert completed.returncode == 1
    assert "DO NOT MATCH THE HASHES" in completed.stdout
    last = completed.stdout.splitlines()[-1]
    assert last.startswith("failed: cannot install the task runner")
    assert not (project / STAMP).exists()


def test_a_package_that_the_lock_lacks_is_told(project: Path) -> None:
    write_lock(project, build_wheel(project.parent / "wheels", "tiny_other", "tiny-missing"))

    completed = bootstrap(project)

    assert completed.returncode == 1
    assert "tiny-missing" in completed.stdout
    assert completed.stdout.splitlines()[-1].startswith(
        "failed: Pipfile.lock does not have every package"
    )


def test_pip_settings_of_the_user_that_would_misplace_are_withheld(project: Path) -> None:
    variables = {"PIP_USER": "1", "PIP_TARGET": str(project / "t"), "PIP_REQUIRE_HASHES": "1"}

    completed = bootstrap(project, **variables)

    assert completed.returncode == 0, completed.stdout
    assert imports(project, "tiny_runner, tiny_lib")


def test_a_home_that_cannot_be_written_does_no_harm(project: Path) -> None:
    completed = bootstrap(project, HOME="/proc/nonexistent")

    assert completed.returncode == 0, completed.stdout
    assert imports(project, "tiny_runner")


def test_a_missing_lock_is_one_line(project: Path) -> None:
    (project / "Pipfile.lock").unlink()

    completed = bootstrap(project)

    assert completed.returncode == 2
    assert completed.stdout == (
        "configuration: Pipfile.lock is missing; restore it: git checkout -- Pipfile.lock\n"
    )
    assert not (project / ".venv").exists()


def test_two_at_once_make_one_environment(project: Path) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_FIND_LINKS": (project.parent / "wheels").as_uri(),
        "PIP_NO_INDEX": "1",
    }
    started = [
        subprocess.Popen(
            [sys.executable, "bootstrap.py"],
            cwd=project,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        for _ in range(2)
    ]

    told = [process.communicate()[0] for process in started]

    assert [process.returncode for process in started] == [0, 0]
    assert sorted(told) == ["", "bootstrap: making .venv from Pipfile.lock\n"]
    assert imports(project, "tiny_runner, tiny_lib")
