"""What the tests of the model read counts, and of the settings only those of their tools."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from integration.layouts.layout import Layout, Repository, put
from integration.tiny import TinyProject, copy_of

pytestmark = pytest.mark.integration

TEST = """\
from pathlib import Path
import helpers.rows
import tiny_model
def test_rows():
    assert helpers.rows.ROWS and Path("shared/rows.txt").read_text()
"""
FILES = {"tests/system/test_tiny_model.py": TEST, "helpers/rows.py": "ROWS = 1\n",
         "helpers/other.py": "", "shared/rows.txt": "1", "shared/other.txt": "1",
         "tox.ini": "[tox]\n"}  # fmt: skip


@pytest.fixture(scope="session")
def tested_once(empty_once: TinyProject, tmp_path_factory: pytest.TempPathFactory) -> TinyProject:
    """A repository whose tests have run; to be copied."""
    root = tmp_path_factory.mktemp("tested") / "tiny"
    repository = Repository.of(Layout("", "value = 1", {}, FILES), copy_of(empty_once, root))
    repository.run("train")
    assert re.search(r"test +1 tests passed", repository.run("test"))
    return repository.project


@pytest.mark.parametrize(("name", "text", "runs"), [
    ("helpers/rows.py", "ROWS = 2\n", True), ("helpers/other.py", "1\n", False),
    ("shared/rows.txt", "2", True), ("shared/other.txt", "2", False),
    ("tests/system/conftest.py", "", True), ("conftest.py", "", True),
    ("pytest.ini", "[pytest]\n", True), (".coveragerc", "[run]\nbranch = true\n", True),
    ("tox.ini", "[tox]\nenvlist = a\n", False), ("tox.ini", "[coverage:run]\n", True),
    ("notes/other.ini", "[pytest]\n", False),
    ("pyproject.toml", "[tool.pytest.ini_options]\naddopts = '-q'\n", True),
    ("pyproject.toml", "[tool.ruff]\nline-length = 88\n", False),
    ("model/tiny_training/unread.py", "1\n", False),
])  # fmt: skip
def test_the_tests_run_again_for_what_they_read(
    tested_once: TinyProject, tmp_path: Path, name: str, text: str, *, runs: bool
) -> None:
    project = copy_of(tested_once, tmp_path / "tiny")
    repository = Repository(project, project.variables)
    if name == "pyproject.toml":
        text = f"{project.read(name)}\n{text}"

    put(project.root, {name: text})

    assert ("test     unchanged" not in repository.run("test")) is runs
