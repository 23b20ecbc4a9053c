"""What imports lead to in trees of packages, folders and links."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import pytest

from trainwheel.engine.closure import (
    import_closure,
)
from trainwheel.engine.imports import Imports
from unit.trees import closed, find_closure, names, plant, scan

PACKAGES = {
    "model/a/__init__.py": "",
    "model/a/__main__.py": "",
    "model/a/x.py": "",
    "model/a/b/__init__.py": "",
    "model/a/b/y.py": "",
    "model/a/b/z.py": "",
    "model/bare/deep/w.py": "",
    "model/top.py": "",
}


@pytest.mark.parametrize(
    ("statement", "touched"),
    [
        ("import a", "a/__init__.py"),
        ("import a.x", "a/__init__.py a/x.py"),
        ("import a.b", "a/__init__.py a/b/__init__.py"),
        ("import a.b.y", "a/__init__.py a/b/__init__.py a/b/y.py"),
        ("from a import x", "a/__init__.py a/x.py"),
        ("from a import b", "a/__init__.py a/b/__init__.py"),
        ("from a import something", "a/__init__.py"),
        ("from a.b import y, z", "a/__init__.py a/b/__init__.py a/b/y.py a/b/z.py"),
        ("from a import *", "a/__init__.py a/__main__.py a/x.py a/b/__init__.py"),
        ("from a.b import *", "a/__init__.py a/b/__init__.py a/b/y.py a/b/z.py"),
        ("from top import *", "top.py"),
        ("from a.x import *", "a/__init__.py a/x.py"),
        ("import bare.deep.w", "bare/deep/w.py"),
        ("from bare.deep import w", "bare/deep/w.py"),
        ("from bare import deep", ""),
        ("import top", "top.py"),
        ("from top import function", "top.py"),
        ("from importlib import import_module\nimport_module('a.x')", "a/__init__.py a/x.py"),
        ("import runpy\nrunpy.run_module('a')", "a/__init__.py a/__main__.py"),
        ("import numpy.a, json, x, b", ""),
        ("import a.absent.y", "a/__init__.py"),
    ],
)
def test_an_import_touches_the_module_and_the_packages_above_it(
    tmp_path: Path, statement: str, touched: str
) -> None:
    plant(tmp_path, PACKAGES | {"model/pkg/__main__.py": statement})

    found = closed(tmp_path, "pkg")

    assert found == {f"model/{name}" for name in ("pkg/__main__.py", *touched.split())}


@pytest.mark.parametrize(
    ("module", "statement", "touched"),
    [
        ("a/x.py", "from . import b", "a/b/__init__.py"),
        ("a/x.py", "from .b import y", "a/b/__init__.py a/b/y.py"),
        ("a/x.py", "from .b.y import function", "a/b/__init__.py a/b/y.py"),
        ("a/x.py", "from . import *", "a/__main__.py a/b/__init__.py"),
        ("a/b/y.py", "from .. import x", "a/x.py a/b/__init__.py"),
        ("a/b/y.py", "from ..x import function", "a/x.py a/b/__init__.py"),
        ("a/b/__init__.py", "from . import y", "a/b/y.py"),
        ("a/b/__init__.py", "from ..x import function", "a/x.py"),
        ("a/x.py", "from ..... import y", ""),
        ("bare/deep/w.py", "from ..other import v", ""),
    ],
)
def test_a_relative_import_starts_at_its_own_package(
    tmp_path: Path, module: str, statement: str, touched: str
) -> None:
    plant(tmp_path, PACKAGES | {f"model/{module}": statement})
    entry = module.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    own = {"model/a/__init__.py", f"model/{module}"} if module.startswith("a") else {}

    found = closed(tmp_path, entry)

    inits = {"model/a/b/__init__.py"} if module.startswith("a/b") else set()
    assert found == {*own, *inits, f"model/{module}", *(f"model/{n}" for n in touched.split())}


def test_modules_are_followed_through_others_and_round_in_circles(tmp_path: Path) -> None:
    plant(
        tmp_path,
        {
            "model/a.py": "import b",
            "model/b.py": "def f():\n    import c",
            "model/c.py": "import a, c",
            "model/d.py": "import a",
        },
    )

    assert closed(tmp_path, "a") == {"model/a.py", "model/b.py", "model/c.py"}


def test_a_long_chain_of_modules_is_followed_to_its_end(tmp_path: Path) -> None:
    chain = {f"model/m{n}.py": f"import m{n + 1}" for n in range(2 * sys.getrecursionlimit())}
    plant(tmp_path, chain)

    assert closed(tmp_path, "m0") == set(chain)


def test_each_module_is_read_once_and_no_other_file(tmp_path: Path) -> None:
    plant(
        tmp_path,
        PACKAGES
        | {"model/pkg/__main__.py": "import a.x, top, a", "model/pkg/d.yaml": "import top"}
        | {"model/a/x.py": "import top, pkg.__main__", "model/a/_fast.so": ""},
    )
    read: list[Path] = []

    def counting(path: Path) -> Imports:
        read.append(path)
        return scan(path)

    import_closure(["pkg"], root=tmp_path, source=tmp_path / "model", scan=counting)

    expected = {"pkg/__main__.py", "a/__init__.py", "a/x.py", "top.py"}
    assert sorted(read) == sorted(tmp_path / "model" / name for name in expected)


@pytest.mark.parametrize(
    ("entry", "touched"),
    [
        ("a", {"model/a/__init__.py", "model/a/__main__.py"}),
        ("a.x", {"model/a/__init__.py", "model/a/x.py"}),
        ("a.b", {"model/a/__init__.py", "model/a/b/__init__.py"}),
        ("top", {"model/top.py"}),
        ("model.top", {"model/top.py"}),
    ],
)
def test_a_module_that_is_run_brings_its_package_and_its_main(
    tmp_path: Path, entry: str, touched: set[str]
) -> None:
    plant(tmp_path, PACKAGES)

    assert closed(tmp_path, entry) == touched


def test_a_script_finds_what_stands_beside_it_and_in_both_roots(tmp_path: Path) -> None:
    plant(
        tmp_path,
        {
            "scripts/train.py": "import helper, lib.a, tools.b",
            "scripts/helper.py": "",
            "scripts/unused.py": "",
            "model/lib/a.py": "",
            "tools/b.py": "import helper",
            "helper.py": "",
        },
    )

    assert closed(tmp_path, "scripts/train.py") == {
        "scripts/train.py", "scripts/helper.py", "model/lib/a.py", "tools/b.py", "helper.py"
    }  # fmt: skip


def test_what_stands_beside_no_script_is_not_found_there(tmp_path: Path) -> None:
    plant(tmp_path, {"scripts/helper.py": "", "model/a.py": "import helper"})

    assert closed(tmp_path, "a") == {"model/a.py"}


def test_a_script_in_a_package_finds_its_neighbours_and_its_package(tmp_path: Path) -> None:
    plant(
        tmp_path,
        {
            "work/lib/__init__.py": "import lib.other",
            "work/lib/other.py": "",
            "work/lib/inner/__init__.py": "",
            "work/lib/inner/train.py": "import helper, lib.more\nfrom . import near",
            "work/lib/inner/helper.py": "",
            "work/lib/inner/near.py": "",
            "work/lib/more.py": "",
            "work/lib/unused.py": "",
        },
    )

    found = closed(tmp_path, "work/lib/inner/train.py")

    assert found == names(tmp_path, tmp_path.rglob("*.py")) - {"work/lib/unused.py"}


def test_a_script_brings_the_packages_that_it_stands_in(tmp_path: Path) -> None:
    # pytest imports a test as a module of its package, and the package with it.
    package = {f"tests/{name}": "" for name in ("__init__.py", "unit/__init__.py", "unit/t/x.csv")}
    plant(tmp_path, package | {"tests/unit/test_a.py": "", "other/__init__.py": ""})

    assert closed(tmp_path, "tests/unit/test_a.py") == {*package, "tests/unit/test_a.py"}


def test_a_script_in_a_plain_folder_may_be_a_module_of_the_package_above(tmp_path: Path) -> None:
    # pytest does so with --import-mode=importlib.
    files = {
        "tests/__init__.py": "",
        "tests/t.csv": "",
        "tests/helper.py": "",
        "tests/unit/near.py": "",
        "tests/unit/data/u.csv": "",
        "tests/unit/test_a.py": "from ..helper import a\nfrom .near import b",
    }
    plant(tmp_path, files | {"tests/unused.py": ""})

    assert closed(tmp_path, "tests/unit/test_a.py") == set(files)


@pytest.mark.parametrize("imported", ["shared.helper", "tests.shared.helper"])
def test_tests_find_their_helpers_from_their_rootdir_and_from_their_folder(
    tmp_path: Path, imported: str
) -> None:
    plant(
        tmp_path,
        {
            "tests/conftest.py": "pytest_plugins = ['tests.plugin']",
            "tests/plugin.py": "import small",
            "tests/shared/__init__.py": "",
            "tests/shared/helper.py": "",
            "tests/unit/test_a.py": f"import {imported}",
            "model/small/__init__.py": "",
            "model/unused.py": "",
        },
    )

    entries = [f"tests/{name}" for name in ("conftest.py", "unit/test_a.py")]

    assert closed(tmp_path, *entries) == {
        *entries, "tests/plugin.py", "tests/shared/__init__.py", "tests/shared/helper.py",
        "model/small/__init__.py",
    }  # fmt: skip


def test_the_order_of_entries_does_not_matter(tmp_path: Path) -> None:
    plant(
        tmp_path,
        {
            "model/a.py": "import helper",
            "scripts/b.py": "",
            "scripts/helper.py": "",
            "other/c.py": "",
            "other/helper.py": "exec(x)",
            "other/a.py": "exec(y)",
        },
    )
    orders = list(itertools.permutations(["a", "scripts/b.py", "other/c.py", "a", "absent"]))

    found = {find_closure(tmp_path, *order) for order in orders}

    (one,) = found
    assert one.widened_by == "other/a.py:1"
    assert names(tmp_path, one.files) == names(tmp_path, tmp_path.rglob("*.py"))


def test_what_several_roots_hold_under_one_name_counts_in_each(tmp_path: Path) -> None:
    twice = {f"{place}lib/{name}.py": "" for place in ("", "model/") for name in ("__init__", "a")}
    plant(tmp_path, twice | {"model/pkg/__main__.py": "import lib.a", "lib.py": "", "lib/b.py": ""})

    assert closed(tmp_path, "pkg") == {"model/pkg/__main__.py", *twice, "lib.py"}


@pytest.mark.parametrize("statement", ["import docs", "from docs import x", "import docs.api.x"])
def test_a_folder_that_is_called_like_somebody_elses_package_touches_nothing(
    tmp_path: Path, statement: str
) -> None:
    plant(
        tmp_path,
        {
            "docs/index.md": "",
            "docs/conf.py": "",
            "docs/api/page.md": "",
            "model/a.py": statement,
        },
    )

    assert closed(tmp_path, "a") == {"model/a.py"}


def test_a_folder_without_init_counts_where_a_module_is_found_below_it(tmp_path: Path) -> None:
    plant(
        tmp_path,
        {
            "tools/deep/x.py": "",
            "tools/q.sql": "",
            "tools/y.py": "",
            "model/a.py": "import tools.deep.x",
        },
    )

    assert closed(tmp_path, "a") == {"model/a.py", "tools/deep/x.py", "tools/q.sql"}


def test_an_extension_module_counts(tmp_path: Path) -> None:
    fast = "_fast.cpython-311-x86_64-linux-gnu.so"
    plant(
        tmp_path,
        {
            f"model/{fast}": "",
            f"model/bare/{fast}": "",
            "model/_unused.abi3.so": "",
            "model/pkg/__main__.py": "import _fast, bare._fast",
        },
    )

    found = closed(tmp_path, "pkg")

    assert {f"model/{fast}", f"model/bare/{fast}"} <= found


def test_what_python_imports_by_itself_counts(tmp_path: Path) -> None:
    plant(tmp_path, {"model/a.py": "", "model/sitecustomize.py": "import b", "model/b.py": ""})

    assert closed(tmp_path, "a") == {"model/a.py", "model/sitecustomize.py", "model/b.py"}
