"""The model's site is built by Sphinx, strictly, where there is one."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainwheel.errors import StepFailedError
from trainwheel.steps import load_chain
from unit.recording_tools import Call
from unit.repository import make_repository, write
from unit.steps.opened import configure, fail, open_with


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small model repository with a site."""
    root = make_repository(tmp_path / "small")
    write(root, "docs/conf.py", "")
    return root


def sphinx(call: Call) -> str:
    write(Path(call.argv[-1]), "index.html", "<html>")
    return ""


def test_the_site_is_built_with_every_warning_an_error(root: Path) -> None:
    opened = open_with(root, sphinx).step("doc")

    (call,) = opened.calls
    assert call.step == "doc"
    assert call.argv[:3] == ("python", "-m", "sphinx")
    assert {"-W", "--keep-going"} <= set(call.argv)
    assert call.argv[-2] == str(root / "docs")
    assert call.env == {"PYTHONPATH": str(root / "model")}
    assert not call.secrets
    assert (root / "build/doc/index.html").read_text() == "<html>"
    assert "build/doc/index.html" in opened.said


def test_what_sphinx_keeps_for_itself_does_not_stay(root: Path) -> None:
    opened = open_with(root, sphinx).step("doc")

    doctrees = opened.calls[0].argv[opened.calls[0].argv.index("-d") + 1]
    assert not Path(doctrees).is_relative_to(root / "build" / "doc")
    assert [path.name for path in (root / "build/doc").iterdir()] == ["index.html"]


def test_a_repository_without_a_site_is_told_so(root: Path) -> None:
    (root / "docs/conf.py").unlink()

    opened = open_with(root, sphinx).step("doc")

    assert opened.calls == []
    assert "skipped" in opened.said
    assert "docs" in opened.said
    assert load_chain()["doc"].is_absent(opened.run.workspace)


def test_the_folder_is_the_configured_one(root: Path) -> None:
    configure(root, 'docs = "manual"')
    write(root, "manual/conf.py", "")

    opened = open_with(root, sphinx).step("doc")

    assert opened.calls[0].argv[-2] == str(root / "manual")
    assert not load_chain()["doc"].is_absent(opened.run.workspace)


@pytest.mark.parametrize(
    ("name", "runs"),
    [("docs/index.md", 1), ("model/small_model/classifier.py", 1), ("data/rows.csv", 0)],
)
def test_the_site_is_built_again_for_its_pages_and_the_sources(
    root: Path, name: str, runs: int
) -> None:
    open_with(root, sphinx).step("doc")
    write(root, name, "changed")

    assert len(open_with(root, sphinx).step("doc").calls) == runs


def test_a_site_that_does_not_build_leaves_the_one_that_stands(root: Path) -> None:
    open_with(root, sphinx).step("doc")
    write(root, "docs/index.md", "changed")

    with pytest.raises(StepFailedError, match="Sphinx broke"):
        open_with(root, fail("Sphinx broke")).step("doc")

    assert (root / "build/doc/index.html").is_file()
    assert len(open_with(root, sphinx).step("doc").calls) == 1
