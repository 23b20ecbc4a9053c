"""Files that are not modules: data of packages, folders of tools, links, and the whole source."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainwheel.engine.closure import Closure, is_module_here, source_files
from trainwheel.errors import ConfigurationError
from trainwheel.system.files import list_files
from unit.trees import closed, find_closure, names, plant

PACKAGE = (
    "__init__.py d.yaml query.sql x.pyi .hidden templates/deep/t.html templates/script.py "
    "__pycache__/x.cpython-311.pyc x.pyc .mypy_cache/c.json a.egg-info/PKG-INFO "
    "inner/__init__.py inner/i.yaml inner/deep/i.yaml"
)
DATA = {f"model/a/{name}": "" for name in PACKAGE.split()} | dict.fromkeys(
    ("model/other/__init__.py", "model/other/o.yaml", "model/m.yaml", "r.yaml"), ""
)
OF_A = {
    f"model/a/{name}"
    for name in ("__init__.py", "d.yaml", "query.sql", "x.pyi", ".hidden", "templates/deep/t.html")
}
OF_INNER = {f"model/a/inner/{name}" for name in ("__init__.py", "i.yaml", "deep/i.yaml")}


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("a", OF_A),
        ("a.inner", OF_A | OF_INNER),
        ("other", {"model/other/__init__.py", "model/other/o.yaml"}),
    ],
)
def test_a_package_counts_with_its_data_but_without_that_of_packages_in_it(
    tmp_path: Path, entry: str, expected: set[str]
) -> None:
    plant(tmp_path, DATA)

    assert closed(tmp_path, entry) == expected


@pytest.mark.parametrize(
    ("entry", "beside"),
    [("top", {"model/m.yaml"}), ("scripts/s.py", {"scripts/s.yaml"}), ("r.py", set()),
     ("setup", set())],
)  # fmt: skip
def test_a_module_in_no_package_counts_with_the_data_beside_it_but_not_at_the_root(
    tmp_path: Path, entry: str, beside: set[str]
) -> None:
    modules = {"model/top.py": "", "scripts/s.py": "", "r.py": "", "setup.py": ""}
    further = {"scripts/s.yaml": "", "scripts/s.pyc": "", "scripts/deep/d.yaml": ""}
    plant(tmp_path, DATA | modules | further)
    own = entry if entry.endswith(".py") else {"top": "model/top.py", "setup": "setup.py"}[entry]

    assert closed(tmp_path, entry) == {own, *beside}


def test_the_root_as_source_counts_without_its_data(tmp_path: Path) -> None:
    plant(tmp_path, {"a.py": "import lib", "lib/__init__.py": "", "lib/l.sql": "", "r.yaml": ""})

    assert closed(tmp_path, "a", source=".") == {"a.py", "lib/__init__.py", "lib/l.sql"}


TOOLS = ("build", ".nox", ".venv", ".trainwheel")


@pytest.mark.parametrize("folder", TOOLS)
@pytest.mark.parametrize("source", ["model", "."])
def test_the_folder_of_a_tool_at_the_root_never_counts(
    tmp_path: Path, folder: str, source: str
) -> None:
    text = f"__import__('{folder}.x')\nfrom . import *\nfrom .build import x\nexec(x)\n"
    plant(tmp_path, {f"{folder}/{name}": "" for name in ("__init__.py", "x.py", "y.yaml")})
    plant(tmp_path, {"a.py": text, "model/m.py": "", "lib/build/x.py": ""})

    closure = find_closure(tmp_path, "a.py", f"{folder}/x.py", source=source)

    expected = {"a.py", "model/m.py"} | ({"lib/build/x.py"} if source == "." else set())
    assert names(tmp_path, closure.files) == expected


WIDE = {
    "model/a.py": "import b\n\nimport c", "model/b.py": "\nexec(x)\nexec(y)",
    "model/c.py": "exec(x)", "model/unused.py": "", "model/other/__init__.py": "",
    "model/other/o.yaml": "", "model/__pycache__/a.pyc": "", "tools/t.py": "exec(x)", "r.yaml": "",
}  # fmt: skip


@pytest.mark.parametrize(
    ("entry", "widened_by"), [("a", "model/b.py:2"), ("tools/t.py", "tools/t.py:1")]
)
def test_a_computed_import_makes_every_file_of_the_source_root_count(
    tmp_path: Path, entry: str, widened_by: str
) -> None:
    plant(tmp_path, WIDE)

    closure = find_closure(tmp_path, entry)

    assert closure.widened_by == widened_by
    scripts = {tmp_path / entry} if entry.endswith(".py") else set()
    assert closure.files == {*list_files(tmp_path / "model"), *scripts}


@pytest.mark.parametrize("entry", ["", "cProfile", "absent.py", "model.absent", ".a", "./a"])
def test_an_entry_from_elsewhere_imports_nothing_of_the_repository(
    tmp_path: Path, entry: str
) -> None:
    plant(tmp_path, WIDE | {"model/sitecustomize.py": ""})

    assert find_closure(tmp_path, *entry.split()) == Closure(frozenset())


def test_a_link_counts_under_its_name_by_what_it_leads_to(tmp_path: Path) -> None:
    files = {
        "elsewhere/lib/__init__.py": "from . import x", "elsewhere/lib/x.py": "import linked",
        "elsewhere/lib/l.sql": "", "elsewhere/m.py": "import json", "model/a.py": "import lib",
    }  # fmt: skip
    plant(tmp_path, files)
    (tmp_path / "model/lib").symlink_to(tmp_path / "elsewhere/lib")
    (tmp_path / "model/linked.py").symlink_to("../elsewhere/m.py")

    assert closed(tmp_path, "a") == {
        "model/a.py", "model/lib/__init__.py", "model/lib/x.py", "model/lib/l.sql",
        "model/linked.py",
    }  # fmt: skip


@pytest.mark.parametrize("target", ["somebody@host.1234", "x.py", ".."])
def test_a_broken_link_or_a_folder_is_not_a_module(tmp_path: Path, target: str) -> None:
    # Editors leave locks that lead nowhere, and nobody forbids a folder called x.py.
    plant(tmp_path, {"model/a/__init__.py": "from . import *\nimport x, a.x", "model/a/y.py": ""})
    (tmp_path / "model/x.py").symlink_to(target)
    (tmp_path / "model/a/.#y.py").symlink_to("somebody@host.1234")

    assert closed(tmp_path, "a") == {"model/a/__init__.py", "model/a/y.py"}


def test_a_link_that_leads_round_in_a_circle_is_refused_where_it_is_touched(tmp_path: Path) -> None:
    plant(tmp_path, {"model/a/__init__.py": "", "model/b/__init__.py": "", "model/c.py": ""})
    (tmp_path / "model/a/circle").symlink_to(".")

    assert closed(tmp_path, "b") == {"model/b/__init__.py"}
    assert closed(tmp_path, "c") == {"model/c.py"}
    with pytest.raises(ConfigurationError, match=r"leads round in a circle at .*/a/circle"):
        find_closure(tmp_path, "a")


def test_a_source_root_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    plant(tmp_path, {"a.py": "import b\nexec(x)", "b.py": ""})

    assert find_closure(tmp_path, "a").files == {tmp_path / "a.py", tmp_path / "b.py"}


def test_the_source_is_every_file_below_it_but_those_of_tools(tmp_path: Path) -> None:
    tools = {f"{folder}/x": "" for folder in (*TOOLS, ".git")}
    plant(tmp_path, {"a.py": "", "model/m.py": "", "model/build/x": "", "x.pyc": ""} | tools)

    assert names(tmp_path, source_files(tmp_path, tmp_path)) == {
        "a.py", "model/m.py", "model/build/x"
    }  # fmt: skip
    for folder in ("model", "build"):
        below = tmp_path / folder
        assert list(source_files(below, tmp_path)) == list(list_files(below)) != []


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a", True), ("a.x", True), ("model.a", True), ("a.absent", True), ("absent", False)],
)
def test_a_module_is_here_if_a_file_is(tmp_path: Path, name: str, *, expected: bool) -> None:
    plant(tmp_path, {"model/a/__init__.py": "", "model/a/x.py": "", "elsewhere/absent.py": ""})

    assert is_module_here(name, tmp_path, tmp_path / "model") is expected
