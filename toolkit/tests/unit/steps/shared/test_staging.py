"""The clean copy that a wheel is built from, and the key that says whether it differs."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from trainwheel.errors import LockfileError
from trainwheel.steps.shared.staging import describe_tree_drift, release_key, stage, stage_package
from unit.repository import (
    FILES,
    PYPROJECT,
    SETUP_PY,
    make_repository,
    open_here,
    write,
    write_lock,
)

Change = Callable[[Path], object]


UNCHANGED: dict[str, Change] = {
    "version": lambda root: write(root, "setup.py", SETUP_PY.replace('"0.1.0"', '"7.0"')),
    "docs": lambda root: write(root, "docs/index.md", "changed"),
    "tests": lambda root: write(root, "tests/test_small.py", "changed"),
    "data": lambda root: write(root, "data/rows.csv", "changed"),
    "training": lambda root: write(root, "model/small_training/__main__.py", "changed"),
    "our settings": lambda root: write(root, "pyproject.toml", PYPROJECT + "tolerance = 0.1\n"),
    "other settings": lambda root: write(root, "pyproject.toml", PYPROJECT + "[tool.ruff]\n"),
    "test package": lambda root: write_lock(root, pytest="==9.9.9"),
    "cache": lambda root: write(root, "model/small_model/__pycache__/a.pyc", "changed"),
    "mode": lambda root: (root / "README.md").chmod(0o600),
    "time": lambda root: os.utime(root / "README.md", (1, 1)),
    "record": lambda root: write(root, "build/.trainwheel/train.json", "{}"),
}
CHANGED: dict[str, Change] = {
    "module": lambda root: write(root, "model/small_model/classifier.py", "changed"),
    "new module": lambda root: write(root, "model/small_model/more.py", ""),
    "gone module": lambda root: (root / "model/small_model/py.typed").unlink(),
    "renamed module": lambda root: (root / "model/small_model/py.typed").rename(
        root / "model/small_model/other.typed"
    ),
    "artefact": lambda root: write(root, "model/small_model/artefact/model.joblib", "changed"),
    "readme": lambda root: write(root, "README.md", "changed"),
    "licence": lambda root: write(root, "LICENSE", "changed"),
    "notice": lambda root: write(root, "NOTICE", ""),
    "setup.cfg": lambda root: write(root, "setup.cfg", "[metadata]\ndescription = x\n"),
    "name": lambda root: write(root, "setup.py", SETUP_PY.replace("small-model", "other-model")),
    "project table": lambda root: write(root, "pyproject.toml", PYPROJECT + "[tool.setuptools]\n"),
    "build back end": lambda root: write(
        root, "pyproject.toml", PYPROJECT.replace('["setuptools"]', '["setuptools>=80"]')
    ),
    "direct requirement": lambda root: write_lock(root, six="==1.17.0"),
}


@pytest.mark.parametrize("change", UNCHANGED.values(), ids=UNCHANGED)
def test_the_key_stays_where_the_same_would_be_shipped(root: Path, change: Change) -> None:
    before = release_key(open_here(root).workspace)
    change(root)

    assert release_key(open_here(root).workspace) == before


@pytest.mark.parametrize("change", CHANGED.values(), ids=CHANGED)
def test_the_key_moves_with_what_would_be_shipped(root: Path, change: Change) -> None:
    before = release_key(open_here(root).workspace)
    change(root)

    assert release_key(open_here(root).workspace) != before


def test_the_key_does_not_depend_on_where_the_repository_is(tmp_path: Path) -> None:
    roots = [make_repository(tmp_path / name) for name in ("here", "there")]

    assert len({release_key(open_here(root).workspace) for root in roots}) == 1


STAGED = [
    "LICENSE",
    "README.md",
    "model/small_model/__init__.py",
    "model/small_model/classifier.py",
    "model/small_model/py.typed",
    "pyproject.toml",
    "setup.py",
]


def files_of(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_only_what_belongs_into_a_wheel_is_copied(root: Path, tmp_path: Path) -> None:
    for name in (".env", "secrets.toml", ".git/config", "build/version.json", "conftest.py"):
        write(root, name, "private")

    stage(open_here(root).workspace, "0.1.7", tmp_path / "staged")

    assert files_of(tmp_path / "staged") == STAGED


def test_what_is_copied_keeps_its_bytes_apart_from_the_version(root: Path, tmp_path: Path) -> None:
    stage(open_here(root).workspace, "0.1.7", tmp_path / "staged")

    texts = {name: (tmp_path / "staged" / name).read_text() for name in STAGED}
    assert texts.pop("setup.py") == SETUP_PY.replace("0.1.0", "0.1.7")
    assert texts == {name: FILES[name] for name in texts}
    assert (root / "setup.py").read_text() == SETUP_PY


def test_the_copy_requires_what_is_locked_whatever_the_work_tree_says(
    root: Path, tmp_path: Path
) -> None:
    write(root, "setup.py", SETUP_PY.replace("six>=1.16.0,<2", "six<1"))

    stage(open_here(root).workspace, "0.1.0", tmp_path / "staged")

    assert (tmp_path / "staged" / "setup.py").read_text() == SETUP_PY
    assert describe_tree_drift(open_here(root).workspace) == (
        "setup.py differs from the lock, which the wheel follows: nox -s sync"
    )


def test_a_work_tree_that_agrees_is_not_spoken_of(root: Path) -> None:
    assert describe_tree_drift(open_here(root).workspace) == ""


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077, 0o777], ids=oct)
def test_modes_are_the_same_whatever_the_umask(root: Path, tmp_path: Path, mask: int) -> None:
    (root / "README.md").chmod(0o600)
    (root / "model/small_model/classifier.py").chmod(0o755)
    workspace = open_here(root).workspace
    before = os.umask(mask)
    try:
        stage(workspace, "0.1.7", tmp_path / "staged")
    finally:
        os.umask(before)

    modes = {
        (path.is_dir(), stat.S_IMODE(path.stat().st_mode))
        for path in [tmp_path / "staged", *(tmp_path / "staged").rglob("*")]
    }
    assert modes == {(True, 0o755), (False, 0o644)}


def test_a_link_is_copied_as_the_file_that_it_leads_to(root: Path, tmp_path: Path) -> None:
    (root / "model/small_model/linked.py").symlink_to("classifier.py")

    stage(open_here(root).workspace, "0.1.7", tmp_path / "staged")

    copy = tmp_path / "staged/model/small_model/linked.py"
    assert not copy.is_symlink()
    assert copy.read_text() == FILES["model/small_model/classifier.py"]


def test_a_package_of_this_machine_is_not_promised_to_others(root: Path, tmp_path: Path) -> None:
    write(root, "Pipfile", (root / "Pipfile").read_text().replace(
        'six = "*"', 'six = "*"\nhelper = {path = "./helper"}'
    ))  # fmt: skip
    write_lock(root, helper="./helper")

    with pytest.raises(LockfileError, match="the runtime package helper is a file or folder of"):
        stage(open_here(root).workspace, "0.1.7", tmp_path / "staged")

    assert not (tmp_path / "staged").exists()


def test_a_package_is_staged_with_the_artefact_that_it_is_given(root: Path, tmp_path: Path) -> None:
    fresh = write(tmp_path, "scratch/model.joblib", "fresh weights")
    write(tmp_path, "scratch/model.joblib.json", '{"fresh": true}')

    stage_package(open_here(root).workspace, tmp_path / "source", fresh)

    folder = tmp_path / "source/small_model/artefact"
    assert (folder / "model.joblib").read_text() == "fresh weights"
    assert (folder / "model.joblib.json").read_text() == '{"fresh": true}'
    assert files_of(tmp_path / "source") == sorted([
        *(name.removeprefix("model/") for name in STAGED if name.startswith("model/")),
        *("small_model/artefact/model.joblib", "small_model/artefact/model.joblib.json"),
    ])  # fmt: skip


def test_what_training_made_is_not_staged_for_the_build(root: Path, tmp_path: Path) -> None:
    # setuptools would read it whole.
    stage(open_here(root).workspace, "0.1.7", tmp_path / "staged")

    assert not (tmp_path / "staged/model/small_model/artefact").exists()
