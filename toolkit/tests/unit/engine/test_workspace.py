"""What a model repository holds, read from its files."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from trainwheel.errors import ConfigurationError, StepFailedError
from trainwheel.steps import load_chain
from unit.repository import make_repository, open_here, write

Sentence = Callable[[object], None]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small model repository."""
    return make_repository(tmp_path / "a b é")


@pytest.mark.parametrize(
    ("step", "expected"),
    [("train", ["six==1.16.0"]), ("test", ["pytest==9.0.0", "six==1.16.0"]), ("upload", [])],
)
def test_a_step_gets_the_runtime_packages_and_its_own_category(
    root: Path, step: str, expected: list[str]
) -> None:
    workspace = open_here(root).workspace

    text = workspace.locked(*load_chain().categories(step, workspace.config))

    assert re.findall(r"^\w+==[\d.]+", text, re.MULTILINE) == expected
    assert text.count("--hash=sha256:") == len(expected)


def test_a_category_that_is_missing_counts_as_empty(root: Path) -> None:
    workspace = open_here(root).workspace

    assert workspace.locks("test", "pytest")
    assert not workspace.locks("test", "six")
    assert not workspace.locks("engine", "distributed")
    assert workspace.locked_digest("test", "engine") == workspace.locked_digest("test")
    assert workspace.locked_digest("test") != workspace.locked_digest("train")


@pytest.mark.parametrize(("command", "argv"), [
    ("python train.py {model} {report}", ("python", "train.py", "/m", "/r")),
    ("python train.py -d {data}", ("python", "train.py", "-d", "data/a b", "data/c")),
    ("python -m t '{model}' \"a b\"", ("python", "-m", "t", "/m", "a b")),
    ("python t.py --out={model}", ("python", "t.py", "--out={model}")),
])  # fmt: skip
def test_the_training_command_gets_its_paths_as_words(
    root: Path, command: str, argv: tuple[str, ...]
) -> None:
    workspace = open_here(root).workspace
    config = replace(workspace.config, train_command=command, data=("data/a b", "data/c"))

    assert replace(workspace, config=config).training_command(Path("/m"), Path("/r")) == argv


def test_a_repository_without_setup_py_says_what_to_write(root: Path, sentence: Sentence) -> None:
    (root / "setup.py").unlink()

    with pytest.raises(ConfigurationError, match=r"setup\.py") as caught:
        open_here(root).workspace.read_setup_py()

    sentence(caught.value)


def test_a_repository_without_a_model_says_how_to_make_one(root: Path, sentence: Sentence) -> None:
    workspace = open_here(root).workspace
    workspace.require_artefact()
    workspace.layout.artefact.unlink()

    with pytest.raises(StepFailedError, match=r"model\.joblib") as caught:
        workspace.require_artefact()

    sentence(caught.value)


def test_what_training_makes_is_not_among_the_files_of_the_package(root: Path) -> None:
    workspace = open_here(root).workspace

    assert {path.name for path in workspace.shipped_package()} == {
        "__init__.py",
        "classifier.py",
        "py.typed",
    }


def test_files_that_decide_the_metadata_are_those_at_the_root(root: Path) -> None:
    (root / "NOTICE.d").mkdir()
    write(root, "docs/README.md", "")

    names = [path.name for path in open_here(root).workspace.metadata_files()]

    assert names == ["setup.py", "pyproject.toml", "README.md", "LICENSE"]


@pytest.mark.parametrize(("file", "text", "names"), [
    ("setup.py", "long_description=open('docs/page.rst').read()", ["docs/page.rst"]),
    ("setup.py", 'Path(__file__).parent / "docs" / "page.rst"', ["docs/page.rst"]),
    ("setup.py", "open('HISTORY').read() + open('VERSION.txt').read()", ["HISTORY", "VERSION.txt"]),
    ("setup.cfg", "[metadata]\nlong_description = file:\n  HISTORY,\n  docs/page.rst\n[other]\n",
     ["HISTORY", "docs/page.rst"]),
    ("pyproject.toml", '[project]\nreadme = {file = "docs/page.rst"}', ["docs/page.rst"]),
    ("pyproject.toml", '[tool.setuptools.dynamic]\nversion = {file = ["VERSION.txt"]}',
     ["VERSION.txt"]),
    ("setup.py", "# data/rows.csv, ../outside.md, docs, large.txt, model/small_model/own.md", []),
    ("pyproject.toml", '[tool.other]\nfile = "docs/page.rst"', []),
])  # fmt: skip
def test_files_that_are_named_there_decide_too(
    root: Path, file: str, text: str, names: list[str]
) -> None:
    for name in ("docs/page.rst", "HISTORY", "VERSION.txt", "../outside.md", "data/rows.csv"):
        write(root, name, "")
    write(root, "model/small_model/own.md", "")
    write(root, "large.txt", "x" * (2 << 20))
    old = (root / file).read_text() if (root / file).exists() else ""
    write(root, file, f"{old}\n{text}\n")
    workspace = open_here(root).workspace

    usual = {file, "setup.py", "pyproject.toml", "README.md", "LICENSE"}
    paths = list(map(workspace.layout.relative, workspace.metadata_files()))
    assert [path for path in paths if path not in usual] == names
    assert len(paths) == len(set(paths))


def test_data_that_dvc_tracks_is_data_and_its_file_too(root: Path) -> None:
    assert not open_here(root).workspace.fetches_data

    write(root, "data.dvc", "")

    workspace = open_here(root).workspace
    assert workspace.tracked_data == ("data",)
    assert workspace.fetches_data
    assert workspace.is_data("data/rows.csv")
    assert workspace.is_data("data.dvc")
    assert not workspace.is_data("database.py")
