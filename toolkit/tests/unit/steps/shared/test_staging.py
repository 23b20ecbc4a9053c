"""The clean copy that a wheel is built from, and the key that says whether it differs."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from trainwheel.errors import LockfileError
from trainwheel.requirements.setup_py import read_list
from trainwheel.steps.shared.staging import describe_tree_drift, release_key, stage, stage_package
from unit.repository import (
    FILES,
    LITTER,
    PYPROJECT,
    SETUP_PY,
    make_repository,
    open_here,
    write,
    write_lock,
)

Change = Callable[[Path], object]
MODULE = "model/small_model/classifier.py"


def text(name: str, content: str = "changed") -> Change:
    return lambda root: write(root, name, content)


UNCHANGED: dict[str, Change] = {
    "version": text("setup.py", SETUP_PY.replace('"0.1.0"', '"7.0"')),
    "docs": text("docs/index.md"), "tests": text("tests/test_small.py"),
    "data": text("data/rows.csv"), "training": text("model/small_training/__main__.py"),
    "our settings": text("pyproject.toml", f"{PYPROJECT}tolerance = 0.1\n"),
    "other settings": text("pyproject.toml", f"{PYPROJECT}[tool.ruff]\n"),
    "test package": lambda root: write_lock(root, pytest="==9.9.9"),
    "cache": text("model/small_model/__pycache__/a.pyc"),
    "editors": lambda root: [write(root, name, "left") for name in LITTER],
    "named": lambda root: (
        write(root, "pyproject.toml", f"{PYPROJECT}ignore = ['*.log', 'model/small_model/a/b']\n"),
        write(root, "model/small_model/x.log", ""), write(root, "model/small_model/a/b/c.txt", ""),
    ),
    "mode": lambda root: (root / "README.md").chmod(0o600),
    "time": lambda root: os.utime(root / "README.md", (1, 1)),
    "record": text("build/.trainwheel/train.json", "{}"),
}  # fmt: skip
CHANGED: dict[str, Change] = {
    "module": text(MODULE), "new module": text("model/small_model/more.py", ""),
    "missing module": lambda root: (root / "model/small_model/py.typed").unlink(),
    "renamed module": lambda root: (root / MODULE).rename(root / "model/small_model/other.py"),
    "artefact": text("model/small_model/artefact/model.joblib"), "readme": text("README.md"),
    "licence": text("LICENSE"), "notice": text("NOTICE", ""),
    "setup.cfg": text("setup.cfg", "[metadata]\ndescription = x\n"),
    "name": text("setup.py", SETUP_PY.replace("small-model", "other-model")),
    "project table": text("pyproject.toml", f"{PYPROJECT}[tool.setuptools]\n"),
    "back end": text("pyproject.toml", PYPROJECT.replace('["setuptools"]', '["setuptools>=80"]')),
    "model card": text("pyproject.toml", f"{PYPROJECT}card.limits = 'Not for children.'\n"),
    "direct requirement": lambda root: write_lock(root, six="==1.17.0"),
}  # fmt: skip


def key_of(root: Path) -> str:
    return release_key(open_here(root).workspace)


@pytest.mark.parametrize("name", [*UNCHANGED, *CHANGED])
def test_the_key_changes_with_what_would_be_shipped(root: Path, name: str) -> None:
    before = key_of(root)

    {**UNCHANGED, **CHANGED}[name](root)

    assert (key_of(root) != before) is (name in CHANGED)


def test_the_key_does_not_depend_on_the_place_of_the_repository(root: Path, tmp_path: Path) -> None:
    assert key_of(root) == key_of(make_repository(tmp_path / "there"))


STAGED = ["LICENSE", "README.md", "model/small_model/__init__.py", MODULE,
          "model/small_model/py.typed", "pyproject.toml", "setup.py"]  # fmt: skip


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The folder to copy to."""
    return tmp_path / "staged"


def files_of(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_only_what_belongs_into_a_wheel_is_copied_with_the_version(root: Path, copy: Path) -> None:
    private = (".env", "secrets.toml", ".git/config", "build/version.json", "conftest.py")
    for name in (*LITTER, *private):
        write(root, name, "private")

    stage(open_here(root).workspace, "0.1.7", copy)

    assert files_of(copy) == STAGED
    texts = {name: (copy / name).read_text() for name in STAGED}
    assert texts.pop("setup.py") == SETUP_PY.replace("0.1.0", "0.1.7")
    assert texts == {name: FILES[name] for name in texts}
    assert (root / "setup.py").read_text() == SETUP_PY


def test_a_file_that_setup_py_names_is_copied_to_its_place_and_decides(
    root: Path, copy: Path
) -> None:
    keys = []
    for content in ("old", "new"):
        write(root, "docs/page.rst", content)
        write(root, "setup.py", f"{SETUP_PY}# docs/page.rst\n")
        keys.append(key_of(root))

    stage(open_here(root).workspace, "0.1.7", copy)

    assert (copy / "docs/page.rst").read_text() == "new"
    assert keys[0] != keys[1]


def test_the_copy_requires_what_is_locked(
    root: Path, copy: Path, sentence: Callable[[object], None]
) -> None:
    assert describe_tree_drift(open_here(root).workspace) == ""
    write(root, "setup.py", SETUP_PY.replace("six>=1.16.0,<2", "six<1"))

    stage(open_here(root).workspace, "0.1.0", copy)

    assert (copy / "setup.py").read_text() == SETUP_PY
    sentence(describe_tree_drift(open_here(root).workspace))


@pytest.mark.parametrize("is_portable", [True, False])
def test_the_estimators_packages_are_required_where_it_is_the_only_form(
    root: Path, copy: Path, *, is_portable: bool
) -> None:
    keys = 'portable = "default"\nsync.extras = { sklearn = "engine" }\n'
    write(root, "pyproject.toml", f"{PYPROJECT}{keys}")
    write_lock(root, engine=["joblib"])
    form = {"portable": {"file": "model.npz", "is_default": True}} if is_portable else {}
    write(root, "model/small_model/artefact/model.joblib.json", json.dumps(form))
    workspace = open_here(root).workspace

    stage(workspace, "0.1.0", copy)

    staged = (copy / "setup.py").read_bytes()
    assert ("joblib>=1.16.0,<2" in read_list(staged)) is not is_portable
    assert "six>=1.16.0,<2" in read_list(staged)
    assert read_list(staged, "sklearn") == ("joblib>=1.16.0,<2",)
    # By the configuration alone the file of the repository is behind either way.
    assert describe_tree_drift(workspace)


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077, 0o777], ids=oct)
def test_modes_are_the_same_whatever_the_umask(root: Path, copy: Path, mask: int) -> None:
    (root / "README.md").chmod(0o600)
    (root / MODULE).chmod(0o755)
    workspace = open_here(root).workspace
    before = os.umask(mask)
    try:
        stage(workspace, "0.1.7", copy)
    finally:
        os.umask(before)

    paths = [copy, *copy.rglob("*")]
    modes = {(path.is_dir(), stat.S_IMODE(path.stat().st_mode)) for path in paths}
    assert modes == {(True, 0o755), (False, 0o644)}


def test_a_symbolic_link_is_copied_as_its_file(root: Path, copy: Path) -> None:
    (root / "model/small_model/linked.py").symlink_to("classifier.py")

    stage(open_here(root).workspace, "0.1.7", copy)

    assert not (copy / "model/small_model/linked.py").is_symlink()
    assert (copy / "model/small_model/linked.py").read_text() == FILES[MODULE]


def test_a_package_in_a_folder_of_this_machine_is_refused(
    root: Path, copy: Path, sentence: Callable[[object], None]
) -> None:
    pipfile = (root / "Pipfile").read_text()
    line = 'six = "*"'
    write(root, "Pipfile", pipfile.replace(line, f'{line}\nhelper = {{path = "./helper"}}'))
    write_lock(root, helper="./helper")

    with pytest.raises(LockfileError, match="helper") as caught:
        stage(open_here(root).workspace, "0.1.7", copy)

    sentence(caught.value)
    assert not copy.exists()


def test_a_package_is_staged_with_a_given_artefact(root: Path, tmp_path: Path, copy: Path) -> None:
    model = write(tmp_path, "scratch/model.joblib", "fresh weights").parent
    write(tmp_path, "scratch/model.joblib.json", '{"fresh": true}')

    os.utime(model / "model.joblib", (1, 1))
    workspace = open_here(root).workspace
    workspace.digests.digest(model / "model.joblib")

    stage_package(workspace, copy, model)
    workspace.digests.save()

    digests = json.loads(workspace.layout.digests.read_bytes())["files"]
    # It is linked, which changes the time of change and no byte.
    assert digests[f"{model}/model.joblib"][0][3] == (model / "model.joblib").stat().st_ctime_ns
    folder = copy / "small_model/artefact"
    assert (folder / "model.joblib").read_text() == "fresh weights"
    assert (folder / "model.joblib.json").read_text() == '{"fresh": true}'
    package = [name.removeprefix("model/") for name in STAGED if name.startswith("model/")]
    names = ("model.joblib", "model.joblib.json")
    assert set(files_of(copy)) == {*package, *(f"small_model/artefact/{name}" for name in names)}


PROJECT = '[project]\nname = "small-model"\ndynamic = ["version"]\ndependencies = [{}]\n\n'
OTHERS = {
    "setup.cfg": "[options]\ninstall_requires =\n    six<1\n",
    "pyproject.toml": PROJECT.format('"six<1"') + PYPROJECT,
}


@pytest.mark.parametrize("name", OTHERS)
def test_the_file_that_lists_requirements_is_corrected_in_the_copy_alone(
    root: Path, copy: Path, name: str
) -> None:
    write(root, "setup.py", SETUP_PY.replace('    install_requires=["six>=1.16.0,<2"],\n', ""))
    write(root, name, OTHERS[name])

    stage(open_here(root).workspace, "0.1.0", copy)

    text = (copy / name).read_text()
    assert "six<1" not in text
    assert "six>=1.16.0,<2" in text
    assert (root / name).read_text() == OTHERS[name]
    assert name in describe_tree_drift(open_here(root).workspace)
