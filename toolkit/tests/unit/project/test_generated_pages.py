"""The manual says what the code says: tables, drawings and the list of dependencies."""

from __future__ import annotations

import importlib
import re
import shutil
import tomllib
import xml.etree.ElementTree as ET
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

TOOLKIT = Path(__file__).parents[3]
ROOT = TOOLKIT.parent
COMMAND = "nox -f toolkit/noxfile.py -s docs -- --write"
DRAWINGS = ("toolkit/docs/_static/chain.svg", "toolkit/docs/_static/layers.svg")
CONFIGURATION = "toolkit/docs/reference/configuration.md"


@pytest.fixture
def write_docs(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Return the script's entry; the folder of scripts is no installed package."""
    monkeypatch.syspath_prepend(TOOLKIT)
    main = importlib.import_module("scripts.write_docs").main
    return lambda *arguments: int(main(list(map(str, arguments))))


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
    write_docs: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    code = write_docs("--check")

    assert code == 0, capsys.readouterr().out


@pytest.mark.parametrize(
    "edit",
    [
        (
            "toolkit/docs/reference/sessions.md",
            "prove it in an empty",
            "prove it in another",
            "toolkit/docs/reference/sessions.md",
        ),
        (
            "Makefile",
            "## train the model",
            "## teach the model",
            "toolkit/docs/reference/targets.md",
        ),
        (CONFIGURATION, "| must be given |", "| none |", CONFIGURATION),
        (DRAWINGS[0], ">verify<", ">check<", DRAWINGS[0]),
        (DRAWINGS[1], ">engine<", ">motor<", DRAWINGS[1]),
    ],
)
def test_a_part_that_is_out_of_date_is_named_with_the_command_that_updates_it(
    write_docs: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    copy: Path,
    edit: tuple[str, str, str, str],
) -> None:
    name, old, new, stale = edit
    path = copy / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")

    code = write_docs("--check", "--root", copy)

    told = capsys.readouterr().out
    assert code == 1
    assert f"{stale} is out of date\n" in told
    assert told.endswith(f"{COMMAND}\n")


def test_writing_mends_what_is_not_current(write_docs: Callable[..., int], copy: Path) -> None:
    (copy / DRAWINGS[0]).unlink()
    page = copy / CONFIGURATION
    page.write_text("<!-- begin: keys -->\n<!-- end: keys -->\n", encoding="utf-8")

    write_docs("--root", copy)

    assert "`train.command`" in page.read_text(encoding="utf-8")
    assert write_docs("--check", "--root", copy) == 0


def test_checking_writes_nothing(write_docs: Callable[..., int], copy: Path) -> None:
    (copy / DRAWINGS[0]).unlink()

    write_docs("--check", "--root", copy)

    assert not (copy / DRAWINGS[0]).exists()


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_drawing_has_words_for_those_who_hear_it(name: str) -> None:
    root = ET.fromstring((ROOT / name).read_text(encoding="utf-8"))  # noqa: S314 - our own file

    kinds = [element.tag.rpartition("}")[2] for element in root][:2]

    assert kinds == ["title", "desc"]


def test_the_dependencies_page_names_every_package_and_where_it_is_asked_for() -> None:
    page = (TOOLKIT / "docs" / "dependencies.md").read_text(encoding="utf-8")

    assert dict(_listed(page)) == _wanted()


def test_every_dependency_is_given_a_purpose_and_a_reason() -> None:
    page = (TOOLKIT / "docs" / "dependencies.md").read_text(encoding="utf-8")

    rows = [line.strip("| ").split("|") for line in page.splitlines() if line.startswith("| ")]

    assert all(len(row) == 4 and all(map(str.strip, row)) for row in rows)


@pytest.mark.parametrize("page", sorted((TOOLKIT / "docs" / "decisions").glob("0*.md")), ids=str)
def test_a_decision_fits_on_a_page(page: Path) -> None:
    assert len(page.read_text(encoding="utf-8").splitlines()) <= 40


def _listed(page: str) -> Iterator[tuple[str, set[str]]]:
    for name, places in re.findall(r"^\| ([a-z0-9-]+) \| ([^|]+) \|", page, re.MULTILINE):
        if name != "package":
            yield name, set(places.split(", "))


def _wanted() -> dict[str, set[str]]:
    wanted: defaultdict[str, set[str]] = defaultdict(set)
    pipfile = tomllib.loads((ROOT / "Pipfile").read_text(encoding="utf-8"))
    for category, packages in pipfile.items():
        for name in packages:
            wanted[canonicalize_name(name)].add(category)
    library = tomllib.loads((TOOLKIT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = library["project"].get("optional-dependencies", {}).values()
    for lines in (library["project"]["dependencies"], library["build-system"]["requires"], *extras):
        for line in lines:
            wanted[canonicalize_name(Requirement(line).name)].add("library")
    return dict(wanted)
