"""The model's site is built by Sphinx, strictly, if there is one."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainwheel.errors import StepFailedError
from trainwheel.steps.doc import STEP
from unit.recording_tools import Call
from unit.repository import write
from unit.steps.session import configure, fail, open_with


@pytest.fixture
def site(root: Path) -> Path:
    """A small model repository with a site."""
    write(root, "docs/conf.py", "")
    return root


def sphinx(call: Call) -> str:
    write(Path(call.argv[-1]), "index.html", "<html>")
    return ""


def test_the_site_is_built_with_every_warning_an_error(site: Path) -> None:
    session = open_with(site, sphinx).step("doc")

    (call,) = session.calls
    assert call.step == "doc"
    assert call.argv[:5] == ("python", "-m", "sphinx", "-b", "html")
    assert {"-W", "--keep-going", "-q"} <= set(call.argv)
    assert call.argv[-2] == str(site / "docs")
    assert call.env == {"PYTHONPATH": str(site / "model")}
    assert not call.secrets
    doctrees = Path(call.argv[call.argv.index("-d") + 1])
    assert not doctrees.is_relative_to(call.argv[-1])
    assert [path.name for path in (site / "build/doc").iterdir()] == ["index.html"]
    assert "build/doc/index.html" in session.output


def test_without_a_site_the_step_is_skipped(root: Path) -> None:
    session = open_with(root, sphinx).step("doc")

    assert session.calls == []
    assert "skipped: docs/conf.py" in session.output
    assert STEP.is_absent(session.run.workspace)


def test_the_folder_is_the_configured_one(root: Path) -> None:
    configure(root, 'docs = "manual"')
    write(root, "manual/conf.py", "")

    session = open_with(root, sphinx).step("doc")

    assert session.calls[0].argv[-2] == str(root / "manual")
    assert not STEP.is_absent(session.run.workspace)


@pytest.mark.parametrize(("name", "runs"), [
    ("docs/index.md", 1), ("docs/docutils.conf", 1), ("docutils.conf", 0),
    ("model/small_model/classifier.py", 1), ("data/rows.csv", 0),
])  # fmt: skip
def test_the_site_is_built_again_for_its_pages_and_the_sources(
    site: Path, name: str, runs: int
) -> None:
    open_with(site, sphinx).step("doc")
    write(site, name, "changed")

    assert len(open_with(site, sphinx).step("doc").calls) == runs


def test_a_site_that_cannot_be_built_leaves_the_earlier_one(site: Path) -> None:
    open_with(site, sphinx).step("doc")
    write(site, "docs/index.md", "changed")

    with pytest.raises(StepFailedError, match="Sphinx broke"):
        open_with(site, fail("Sphinx broke")).step("doc")

    assert (site / "build/doc/index.html").is_file()
    assert len(open_with(site, sphinx).step("doc").calls) == 1
