"""The manual says what the code says: tables, drawings and the list of dependencies."""

from __future__ import annotations

import re
import shutil
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from scripts.draw_chain import draw_chain
from scripts.write_docs import main

from trainwheel.steps import load_chain

TOOLKIT = Path(__file__).parents[3]
ROOT = TOOLKIT.parent
FIX = "nox -f toolkit/noxfile.py -s docs -- --write"
DRAWINGS = ("toolkit/docs/_static/chain.svg", "toolkit/docs/_static/layers.svg")
REFERENCE = "toolkit/docs/reference"
CONFIGURATION, SESSIONS, TARGETS = (
    f"{REFERENCE}/{page}.md" for page in ("configuration", "sessions", "targets")
)


def write_docs(*arguments: str | Path) -> int:
    return main([str(argument) for argument in arguments])


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a folder with what the script reads and writes."""
    for name in ("Makefile", "toolkit/pyproject.toml"):
        target = tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, target)
    shutil.copytree(TOOLKIT / "docs", tmp_path / "toolkit" / "docs")
    return tmp_path


def test_readme_reference_and_drawings_are_what_the_code_says(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = write_docs("--check")

    assert code == 0, capsys.readouterr().out


@pytest.mark.parametrize(("name", "edit"), [
    (SESSIONS, ("prove it in an empty", "prove it in another", SESSIONS)),
    ("Makefile", ("## train the model", "## teach the model", TARGETS)),
    (CONFIGURATION, ("| must be given |", "| none |", CONFIGURATION)),
    (DRAWINGS[0], (">verify<", ">check<", DRAWINGS[0])),
    (DRAWINGS[1], (">engine<", ">motor<", DRAWINGS[1])),
])  # fmt: skip
def test_what_is_not_current_is_named_with_the_command_that_fixes_it(
    capsys: pytest.CaptureFixture[str], copy: Path, name: str, edit: tuple[str, str, str]
) -> None:
    old, new, stale = edit
    text = (copy / name).read_text(encoding="utf-8")
    assert old in text
    (copy / name).write_text(text.replace(old, new), encoding="utf-8")

    code = write_docs("--check", "--root", copy)

    lines = capsys.readouterr().out.splitlines()
    assert code == 1
    assert f"{stale} is out of date" in lines
    assert lines[-1].endswith(FIX)


def test_writing_renews_what_is_not_current_and_checking_writes_nothing(copy: Path) -> None:
    drawing, page = copy / DRAWINGS[0], copy / CONFIGURATION
    drawing.unlink()
    page.write_text("<!-- begin: keys -->\n<!-- end: keys -->\n", encoding="utf-8")

    assert write_docs("--check", "--root", copy) == 1
    assert not drawing.exists()
    write_docs("--root", copy)
    assert "`train.command`" in page.read_text(encoding="utf-8")
    assert write_docs("--check", "--root", copy) == 0


def test_the_drawing_has_an_arrow_of_its_own_kind_for_what_is_awaited_and_words_too() -> None:
    steps = {step.name: step for step in load_chain().links if step.target}
    awaited = [each for step in steps.values() for each in step.awaits if each in steps]
    queued = [each for step in steps.values() for each in step.follows]
    drawing = draw_chain()
    (words,) = re.findall(r"<desc>(.*)</desc>", drawing)

    # One more of each explains them.
    assert drawing.count('class="arrow dotted"') == len(awaited) + 1 > 1
    assert drawing.count('class="arrow dashed"') == len(queued) + 1 > 1
    assert "package needs version. It may run beside doc and test, and ends only if" in words


def test_the_dependencies_page_has_every_package_with_where_it_is_and_why() -> None:
    page = (TOOLKIT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    rows = [line.strip("| ").split("|") for line in page.splitlines() if line.startswith("| ")]

    assert dict(_listed(page)) == _requested()
    assert all(len(row) == 4 and all(map(str.strip, row)) for row in rows)


def _listed(page: str) -> Iterator[tuple[str, set[str]]]:
    for name, places in re.findall(r"^\| ([a-z0-9-]+) \| ([^|]+) \|", page, re.MULTILINE):
        if name != "package":
            yield name, set(places.split(", "))


def _requested() -> dict[str, set[str]]:
    places: defaultdict[str, set[str]] = defaultdict(set)
    pipfile = tomllib.loads((ROOT / "Pipfile").read_text(encoding="utf-8"))
    del pipfile["pipenv"]  # its settings
    for category, packages in pipfile.items():
        for name in packages:
            places[canonicalize_name(name)].add(category)
    library = tomllib.loads((TOOLKIT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = library["project"].get("optional-dependencies", {}).values()
    for lines in (library["project"]["dependencies"], library["build-system"]["requires"], *extras):
        for line in lines:
            places[canonicalize_name(Requirement(line).name)].add("library")
    return dict(places)
