"""The root's bootstrap.py on a tiny project: a real venv, pip and uv, packages with hashes."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import pytest

from integration.once import Once
from integration.tiny import ROOT, Run, run_to_end, serve_index
from trainwheel.install.wheelhouse import Wheelhouse
from trainwheel.requirements.lockfile import parse_lockfile, requirements
from trainwheel.system.environ import read_environment
from unit.wheels import write_wheel

pytestmark = pytest.mark.integration

STAMP = ".venv/.trainwheel-stamp"
LOCK = (ROOT / "Pipfile.lock").read_text(encoding="utf-8")
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


def write_lock(root: Path, wheel: Path, **digests: str) -> None:
    digest = f"sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}"
    name = wheel.name.partition("-")[0]
    develop = {
        "uv": json.loads(LOCK)["develop"]["uv"],
        name: {"version": "==1.0", "hashes": [digest]},
        "tiny-lib": {"path": "./lib dir", "editable": True},
    }
    for package, other in digests.items():
        develop[package]["hashes"] = [f"sha256:{other}"]
    (root / "Pipfile.lock").write_text(json.dumps({"_meta": {}, "develop": develop}))


@pytest.fixture(scope="session")
def uv_wheel(once: Once) -> Path:
    """The wheel of uv that is locked."""
    locked = requirements(parse_lockfile(LOCK), "dev-packages")
    (uv,) = (requirement for requirement in locked if requirement.name == "uv")
    folder = once.folder("uv", lambda path: Wheelhouse(path, read_environment()).fetch([uv]))
    (wheel,) = folder.iterdir()
    return wheel


@pytest.fixture
def project(tmp_path: Path, uv_wheel: Path) -> Path:
    # What both tools could mistake for an extra, a fragment, an escape or a variable.
    root = tmp_path / "a b é#[c]%41${HOME}"
    (root / "lib dir" / "src").mkdir(parents=True)
    (root / "lib dir" / "src" / "tiny_lib.py").write_text("")
    (root / "lib dir" / "back_end.py").write_text(BACK_END)
    (root / "lib dir" / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "back_end"\nbackend-path = ["."]\n'
    )
    shutil.copy(ROOT / "bootstrap.py", root)
    write_lock(root, write_wheel(tmp_path / "wheels", "tiny_runner", "1.0"))
    os.link(uv_wheel, tmp_path / "wheels" / uv_wheel.name)
    return root


def bootstrap(root: Path, **variables: str) -> Run:
    """Run it as make does, with the wheels of this test as the only place to install from."""
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(root.parent / "home"),
        "PIP_CONFIG_FILE": os.devnull, "PIP_FIND_LINKS": (root.parent / "wheels").as_uri(),
        "PIP_NO_INDEX": "1", **variables,
    }  # fmt: skip
    present = {name: value for name, value in environment.items() if value}
    return run_to_end((sys.executable, "bootstrap.py"), root, present)


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
    variables |= dict.fromkeys(("UV_REQUIRE_HASHES", "UV_SYSTEM_PYTHON", "UV_NO_EDITABLE"), "1")

    completed = bootstrap(project, **variables, HOME="/proc/nonexistent")
    assert completed.code == 0, completed.output
    assert len(completed.output.splitlines()) == 1
    assert imports(project, "tiny_runner, tiny_lib, tiny_tool")
    assert (project / STAMP).read_text().splitlines()[0] == str(project.resolve())
    assert (project / ".trainwheel" / "uv-cache").is_dir()

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


@pytest.mark.parametrize("package", ["uv", "tiny_runner"])
def test_a_wheel_with_another_digest_is_refused_and_leaves_no_stamp(
    project: Path, package: str
) -> None:
    wheel = project.parent / "wheels" / "tiny_runner-1.0-py3-none-any.whl"
    write_lock(project, wheel, **{package: "ab" * 32})

    # pip has no such variable; uv would take any file.
    completed = bootstrap(project, UV_NO_VERIFY_HASHES="1")

    assert completed.code == 1
    assert "ab" * 32 in completed.output
    assert not imports(project, package)
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


@pytest.mark.parametrize("is_known", [True, False])
def test_all_comes_from_the_index_of_pips_configuration_and_its_password_is_not_left(
    project: Path, *, is_known: bool
) -> None:
    home, password = project.parent / "home", "p@s/s:w%rd #'\"&$HOME"
    (home / ".config" / "pip").mkdir(parents=True)
    with serve_index(project.parent / "wheels", protect_reads=True, password=password) as index:
        word = quote(password if is_known else password + "x", safe="")
        address = index.url.replace("//", f"//{index.username}:{word}@") + "simple/"
        text = f"[global]\nindex-url = {address}\n[install]\ntimeout = 20.5\n"
        (home / ".config" / "pip" / "pip.conf").write_text(text)
        where = dict.fromkeys(("PIP_FIND_LINKS", "PIP_NO_INDEX", "PIP_CONFIG_FILE"), "")
        completed = bootstrap(project, **where)

    assert completed.code == (0 if is_known else 1), completed.output
    assert imports(project, "uv, tiny_runner, tiny_lib") is is_known
    assert word not in completed.output
    kept = [path for path in project.rglob("*") if path.is_file() and not path.is_symlink()]
    assert [path for path in kept if word.encode() in path.read_bytes()] == []
