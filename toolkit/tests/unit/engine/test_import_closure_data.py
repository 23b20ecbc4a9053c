"""What counts beside modules: data of packages, never what tools keep, and all where it must."""

from __future__ import annotations

from modulefinder import ModuleFinder
from pathlib import Path

import pytest

import trainwheel
from trainwheel.engine.closure import (
    Closure,
    import_closure,
    source_files,
)
from trainwheel.engine.imports import Imports
from trainwheel.errors import ConfigurationError
from trainwheel.system.files import list_files
from unit.trees import closed, find_closure, names, plant, scan

DATA = {
    "model/a/__init__.py": "",
    "model/a/d.yaml": "",
    "model/a/query.sql": "",
    "model/a/x.pyi": "",
    "model/a/.hidden": "",
    "model/a/templates/deep/t.html": "",
    "model/a/templates/script.py": "",
    "model/a/__pycache__/x.cpython-311.pyc": "",
    "model/a/x.pyc": "",
    "model/a/.mypy_cache/c.json": "",
    "model/a/a.egg-info/PKG-INFO": "",
    "model/a/inner/__init__.py": "",
    "model/a/inner/i.yaml": "",
    "model/a/inner/deep/i.yaml": "",
    "model/other/__init__.py": "",
    "model/other/o.yaml": "",
    "model/m.yaml": "",
    "r.yaml": "",
}
OF_A = {
    f"model/a/{name}"
    for name in ("__init__.py", "d.yaml", "query.sql", "x.pyi", ".hidden", "templates/deep/t.html")
}
OF_INNER = {f"model/a/inner/{name}" for name in ("__init__.py", "i.yaml", "deep/i.yaml")}


@pytest.mark.parametrize(
    ("entry", "touched"), [("a", OF_A), ("a.inner", OF_A | OF_INNER), ("other", None)]
)
def test_a_package_brings_its_files_that_are_not_python_but_not_those_of_packages_in_it(
    tmp_path: Path, entry: str, touched: set[str] | None
) -> None:
    plant(tmp_path, DATA)

    assert closed(tmp_path, entry) == (touched or {"model/other/__init__.py", "model/other/o.yaml"})


def test_a_package_deep_inside_plain_folders_keeps_its_data(tmp_path: Path) -> None:
    plant(
        tmp_path,
        {
            "model/a/__init__.py": "import a.plain.inner",
            "model/a/plain/inner/__init__.py": "",
            "model/a/plain/inner/i.yaml": "",
            "model/a/plain/p.yaml": "",
            "model/a/plain/unused/__init__.py": "",
            "model/a/plain/unused/deep/u.yaml": "",
        },
    )

    found = closed(tmp_path, "a")

    assert found == {
        "model/a/__init__.py", "model/a/plain/inner/__init__.py", "model/a/plain/inner/i.yaml",
        "model/a/plain/p.yaml",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("entry", "beside"),
    [
        ("top", {"model/m.yaml"}),
        ("scripts/s.py", {"scripts/s.yaml"}),
        ("r.py", set()),
        ("setup", set()),
    ],
)
def test_a_module_in_no_package_brings_what_lies_beside_it_but_never_the_whole_root(
    tmp_path: Path, entry: str, beside: set[str]
) -> None:
    modules = {"model/top.py": "", "scripts/s.py": "", "r.py": "", "setup.py": ""}
    further = {"scripts/s.yaml": "", "scripts/s.pyc": "", "scripts/deep/d.yaml": ""}
    plant(tmp_path, DATA | modules | further)
    own = entry if entry.endswith(".py") else {"top": "model/top.py", "setup": "setup.py"}[entry]

    assert closed(tmp_path, entry) == {own, *beside}


def test_a_relative_import_at_the_root_does_not_make_it_a_package(tmp_path: Path) -> None:
    plant(tmp_path, {"a.py": "from . import b", "b.py": "", "r.yaml": "", "plain/p.yaml": ""})

    assert closed(tmp_path, "a.py") == {"a.py", "b.py"}


def test_a_plain_folder_around_a_package_brings_its_data(tmp_path: Path) -> None:
    plant(
        tmp_path,
        {"model/a.py": "import bare.b", "model/bare/b/__init__.py": "", "model/bare/d.yaml": ""},
    )

    assert closed(tmp_path, "a") == {
        "model/a.py", "model/bare/b/__init__.py", "model/bare/d.yaml"
    }  # fmt: skip


def test_the_root_as_source_brings_nothing_beside_its_modules(tmp_path: Path) -> None:
    plant(tmp_path, {"a.py": "import lib", "lib/__init__.py": "", "lib/l.sql": "", "r.yaml": ""})

    assert closed(tmp_path, "a", source=".") == {"a.py", "lib/__init__.py", "lib/l.sql"}


TOOLS = ("build", ".nox", ".venv", ".trainwheel")


@pytest.mark.parametrize("folder", TOOLS)
@pytest.mark.parametrize("source", ["model", "."])
def test_what_tools_keep_at_the_root_never_counts(tmp_path: Path, folder: str, source: str) -> None:
    importing = f"__import__('{folder}.x')\nfrom . import *\nfrom .build import x\nexec(x)\n"
    plant(
        tmp_path,
        {
            "a.py": importing,
            f"{folder}/__init__.py": "",
            f"{folder}/x.py": "",
            f"{folder}/y.yaml": "",
            "model/m.py": "",
            "lib/build/x.py": "",
        },
    )

    found = find_closure(tmp_path, "a.py", f"{folder}/x.py", source=source)

    expected = {"a.py", "model/m.py"} | ({"lib/build/x.py"} if source == "." else set())
    assert names(tmp_path, found.files) == expected


def test_such_a_folder_counts_anywhere_but_at_the_root(tmp_path: Path) -> None:
    plant(
        tmp_path,
        {"model/build/__init__.py": "", "model/build/b.sql": "", "model/a.py": "import build"},
    )

    assert closed(tmp_path, "a") == {"model/build/__init__.py", "model/build/b.sql", "model/a.py"}


WIDE = {
    "model/a.py": "import b\n\nimport c",
    "model/b.py": "\nexec(x)\nexec(y)",
    "model/c.py": "exec(x)",
    "model/unused.py": "",
    "model/other/__init__.py": "",
    "model/other/o.yaml": "",
    "model/__pycache__/a.pyc": "",
    "tools/t.py": "",
    "r.yaml": "",
}


def test_an_import_that_cannot_be_told_brings_every_file_of_the_source_root(tmp_path: Path) -> None:
    plant(tmp_path, WIDE)

    found = find_closure(tmp_path, "a")

    assert found.widened_by == "model/b.py:2"
    assert found.files == set(list_files(tmp_path / "model"))


def test_what_widens_outside_of_the_source_root_counts_as_well(tmp_path: Path) -> None:
    plant(tmp_path, WIDE | {"tools/t.py": "exec(x)"})

    found = find_closure(tmp_path, "tools/t.py")

    assert found.widened_by == "tools/t.py:1"
    assert found.files == {*list_files(tmp_path / "model"), tmp_path / "tools/t.py"}


def test_what_is_not_imported_does_not_widen(tmp_path: Path) -> None:
    plant(tmp_path, WIDE | {"model/a.py": "", "model/c.py": "exec(x)"})

    assert closed(tmp_path, "other") == {"model/other/__init__.py", "model/other/o.yaml"}


@pytest.mark.parametrize("entry", ["cProfile", "absent.py", "model.absent", ".a", "./a"])
def test_an_entry_that_leads_to_nothing_here_imports_nothing_of_ours(
    tmp_path: Path, entry: str
) -> None:
    plant(tmp_path, WIDE | {"model/sitecustomize.py": ""})

    assert find_closure(tmp_path, entry) == Closure(frozenset())


def test_nothing_to_run_imports_nothing(tmp_path: Path) -> None:
    plant(tmp_path, WIDE)

    assert find_closure(tmp_path) == Closure(frozenset())


def test_a_link_counts_under_its_name_by_what_it_leads_to(tmp_path: Path) -> None:
    plant(
        tmp_path,
        {
            "elsewhere/lib/__init__.py": "from . import x",
            "elsewhere/lib/x.py": "import linked",
            "elsewhere/lib/l.sql": "",
            "elsewhere/m.py": "import json",
            "model/a.py": "import lib",
        },
    )
    (tmp_path / "model/lib").symlink_to(tmp_path / "elsewhere/lib")
    (tmp_path / "model/linked.py").symlink_to("../elsewhere/m.py")

    assert closed(tmp_path, "a") == {
        "model/a.py", "model/lib/__init__.py", "model/lib/x.py", "model/lib/l.sql",
        "model/linked.py",
    }  # fmt: skip


@pytest.mark.parametrize("target", ["somebody@host.1234", "x.py", ".."])
def test_what_is_no_file_is_no_module(tmp_path: Path, target: str) -> None:
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


def test_the_source_is_everything_below_it_but_what_tools_keep(tmp_path: Path) -> None:
    tools = {f"{folder}/x": "" for folder in (*TOOLS, ".git")}
    plant(tmp_path, {"a.py": "", "model/m.py": "", "model/build/x": "", "x.pyc": ""} | tools)

    assert names(tmp_path, source_files(tmp_path, tmp_path)) == {
        "a.py", "model/m.py", "model/build/x"
    }  # fmt: skip
    for folder in ("model", "build"):
        below = tmp_path / folder
        assert list(source_files(below, tmp_path)) == list(list_files(below)) != []


def test_the_modules_of_this_library_are_those_that_modulefinder_finds() -> None:
    source = Path(trainwheel.__file__).parents[1]
    finder = ModuleFinder([str(source)])
    finder.run_script(str(source / "trainwheel/__main__.py"))
    theirs = {Path(name) for found in finder.modules.values() if (name := vars(found)["__file__"])}

    def scan_statements(path: Path) -> Imports:
        # The sessions are imported by names that are made, which it does not look at.
        return Imports(scan(path).names)

    found = import_closure(["trainwheel"], root=source.parent, source=source, scan=scan_statements)

    assert {path for path in found.files if path.suffix == ".py"} == theirs
    assert len(theirs) > 40
