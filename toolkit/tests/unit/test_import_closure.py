"""The closure holds what is imported: never less, and of other packages nothing."""

from __future__ import annotations

import itertools
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from modulefinder import ModuleFinder
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import trainwheel
from trainwheel.errors import ConfigurationError
from trainwheel.files import list_files
from trainwheel.import_closure import (
    Closure,
    entries_of,
    files_named,
    import_closure,
    source_files,
)
from trainwheel.imports import Imports, read_imports

TREE = {
    "model/app/__init__.py": "",
    "model/app/__main__.py": "from app import run\n",
    "model/app/run.py": "import json\nfrom .deep import work\nfrom lib import *\nimport numpy\n",
    "model/app/unused.py": "import lib.never\n",
    "model/app/defaults.yaml": "",
    "model/app/sql/query.sql": "",
    "model/app/sql/plain/more.sql": "",
    "model/app/__pycache__/run.pyc": "",
    "model/app/deep/__init__.py": "",
    "model/app/deep/work.py": "from .. import __main__\nfrom app.deep.sibling import x\n",
    "model/app/deep/sibling.py": "from space.inner import name\n",
    "model/app/deep/weights.bin": "",
    "model/app/other/__init__.py": "",
    "model/app/other/data.csv": "",
    "model/lib/__init__.py": "",
    "model/lib/always.py": "",
    "model/lib/never/__init__.py": "",
    "model/lib/never/deeper.py": "",
    "model/space/inner.py": "",
    "model/alone.py": "",
    "docs/__init__.txt": "",
    "build/copy.py": "",
    "scripts/train.py": "import beside\nimport helper\n",
    "scripts/beside.py": "",
    "helper.py": "import build.copy\nimport docs\n",
    "README.md": "",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with a source root, a script and data."""
    for name, text in TREE.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def close(root: Path, *entries: Path | str) -> tuple[set[str], str]:
    closure: Closure = import_closure(
        entries, root=root, source=root / "model", scan=lambda path: read_imports(path.read_bytes())
    )
    return {path.relative_to(root).as_posix() for path in closure.files}, closure.widened_by


APP = {
    "model/app/__init__.py", "model/app/__main__.py", "model/app/run.py",
    "model/app/defaults.yaml", "model/app/sql/query.sql", "model/app/sql/plain/more.sql",
    "model/app/deep/__init__.py", "model/app/deep/work.py", "model/app/deep/sibling.py",
    "model/app/deep/weights.bin", "model/lib/__init__.py", "model/lib/always.py",
    "model/lib/never/__init__.py", "model/space/inner.py",
}  # fmt: skip


def test_a_module_is_followed_to_all_that_it_imports(root: Path) -> None:
    assert close(root, "app") == (APP, "")


def test_a_script_sees_what_stands_beside_it_and_at_the_root(root: Path) -> None:
    found, _ = close(root, root / "scripts/train.py")

    assert found == {"scripts/train.py", "scripts/beside.py", "helper.py"}


def test_a_module_of_the_source_root_takes_the_data_beside_it(root: Path) -> None:
    (root / "model/settings.toml").touch()

    found, _ = close(root, "alone")

    assert found == {"model/alone.py", "model/settings.toml", "model/space/.keep"} - {
        "model/space/.keep"
    }


def test_what_is_nowhere_here_is_other_peoples(root: Path) -> None:
    assert close(root, "numpy", "sklearn.ensemble") == (set(), "")


@pytest.mark.parametrize("line", ["__import__(name)", "exec(text)"])
def test_an_import_that_cannot_be_told_widens_it_to_the_source_root(root: Path, line: str) -> None:
    (root / "model/app/deep/sibling.py").write_text(f"import os\n{line}\n")

    found, widened_by = close(root, "app")

    assert widened_by == "model/app/deep/sibling.py:2"
    assert {name for name in TREE if name.startswith("model/") and ".pyc" not in name} <= found
    assert "helper.py" not in found


def test_modules_that_import_each_other_come_to_an_end(root: Path) -> None:
    for number in range(500):
        (root / f"model/m{number}.py").write_text(f"import m{(number + 1) % 500}\n")

    found, _ = close(root, "m0")

    assert len([name for name in found if name.startswith("model/m")]) == 500


def test_a_relative_import_beyond_the_repository_leads_nowhere(root: Path) -> None:
    (root / "model/alone.py").write_text("from ......x import y\n")

    assert close(root, "alone")[0] >= {"model/alone.py"}


def test_linked_modules_are_followed_under_their_own_names(root: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/linked.py").write_text("import alone\n")
    (root / "model/linked.py").symlink_to(tmp_path / "elsewhere/linked.py")

    found, _ = close(root, "linked")

    assert {"model/linked.py", "model/alone.py"} <= found


FORMS = ("import {}", "from {} import x", "from {} import *", "def f():\n    import {}\nf()")
RUN = """
import runpy, sys
sys.path[:0] = [sys.argv[1], sys.argv[2]]
runpy.run_module(sys.argv[3], run_name="__main__", alter_sys=True)
files = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
print(*(file for file in files if file and file.startswith(sys.argv[1])), sep="\\n")
"""


@pytest.mark.parametrize("seed", range(6))
def test_nothing_that_python_imports_is_missed(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - made-up packages
    names = ["a", "b", "a.c", "a.d", "a.c.e", "b.f", "b.f.g"]
    packages = {name for name in names if any(n.startswith(f"{name}.") for n in names)}
    source = tmp_path / "model"
    for position, name in enumerate(names):
        chosen = [n for n in names[position + 1 :] if dice.random() < 0.5]
        text = "".join(f"{dice.choice(FORMS[:1] + FORMS[3:]).format(n)}\n" for n in chosen)
        text += "x = 1\n"
        path = source / name.replace(".", "/")
        path = path / "__init__.py" if name in packages else path.with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    main = "".join(f"{dice.choice(FORMS[:3]).format(name)}\n" for name in dice.sample(names, 3))
    (source / "main.py").write_text(main)

    ran = subprocess.run(
        [sys.executable, "-c", RUN, str(tmp_path), str(source), "main"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip

    imported = {Path(line).relative_to(tmp_path).as_posix() for line in ran.stdout.split()}
    assert imported
    assert imported <= close(tmp_path, "main")[0]


@pytest.mark.parametrize(
    ("command", "entries"),
    [
        (("python", "-m", "app", "-o", "x"), ("app",)),
        (("/usr/bin/python3.11", "-P", "-X", "utf8", "-W", "error", "-mapp.run"), ("app.run",)),
        (("python3", "-u", "scripts/train.py", "-m", "app"), ("scripts/train.py",)),
        (("scripts/train.py", "--fast"), ("scripts/train.py",)),
        (("python", "-c", "import app"), None),
        (("python", "-Ic", "import app"), None),
        (("python", "-m"), None),
        (("python",), None),
        (("python", "missing.py"), None),
        (("sh", "train.sh"), None),
        (("make", "model"), None),
        ((), None),
    ],
)
def test_what_a_command_runs_is_told_or_it_is_not(
    root: Path, command: tuple[str, ...], entries: tuple[str, ...] | None
) -> None:
    found = entries_of(command, root)

    told = found and tuple(e if isinstance(e, str) else str(e.relative_to(root)) for e in found)
    assert told == entries


def test_files_that_a_command_names_are_known(root: Path) -> None:
    command = ("sh", "scripts/train.py", "--data", "README.md", "/etc/passwd", "-x", "", "none")

    assert files_named(command, root) == (root / "scripts/train.py", root / "README.md")


Files = Mapping[str, str]


def plant(root: Path, files: Files) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def scan(path: Path) -> Imports:
    return read_imports(path.read_bytes())


def find_closure(root: Path, *entries: str, source: str = "model") -> Closure:
    """Return what entries import; those that end in .py are files."""
    told = [root / entry if entry.endswith(".py") else entry for entry in entries]
    return import_closure(told, root=root, source=root / source, scan=scan)


def names(root: Path, files: Iterable[Path]) -> set[str]:
    return {path.relative_to(root).as_posix() for path in files}


def closed(root: Path, *entries: str, source: str = "model") -> set[str]:
    """Return the names of what entries import, where all of it can be told."""
    found = find_closure(root, *entries, source=source)
    assert found.widened_by == ""
    return names(root, found.files)


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


MODULES = ("a", "a.x", "a.y", "a.b", "a.b.z", "bare.w", "bare.deep.v", "rooted.u", "top")
PACKAGED = {"a", "a.b"}
_forms = st.sampled_from([
    "import {name}", "import {name} as known", "from {parent} import {last}",
    "from {parent} import {last} as known", "from {dots}{below} import {last}",
    "def f():\n    import {name}\nf()", "try:\n    from {parent} import {last}\nfinally: pass",
    "import importlib\nimportlib.import_module('{name}')", "__import__('{name}')",
    "from importlib import import_module as im\nim('.{last}', '{parent}')",
    "__import__('{parent}', fromlist=['{last}'])", "exec('import {name}')",
])  # fmt: skip
_bodies = st.lists(st.tuples(st.sampled_from(MODULES), _forms), max_size=3)


def statement(module: str, target: str, form: str) -> str:
    """Return a statement of a module that imports a target, in this form where it has it."""
    parent, _, last = target.rpartition(".")
    above, below = parent.split("."), module.split(".")
    if module not in PACKAGED:
        below.pop()
    pairs = zip(above, below, strict=False)
    shared = len(list(itertools.takewhile(lambda pair: pair[0] == pair[1], pairs)))
    if not parent or ("{dots}" in form and not shared):
        form = "import {name}"
    dots, rest = "." * (len(below) - shared + 1), ".".join(above[shared:])
    return form.format(name=target, parent=parent, last=last, dots=dots, below=rest)


def file_of(module: str) -> str:
    place = "" if module.startswith("rooted") else "model/"
    return place + module.replace(".", "/") + ("/__init__.py" if module in PACKAGED else ".py")


@settings(max_examples=25, deadline=None)
@given(st.fixed_dictionaries(dict.fromkeys(MODULES, _bodies)), st.sampled_from(MODULES))
def test_what_python_executes_is_what_was_told_of_the_text(
    bodies: dict[str, list[tuple[str, str]]], entry: str
) -> None:
    texts = {
        file_of(module): "\n".join(
            ["print(__file__)", *(statement(module, target, form) for target, form in body)]
        )
        for module, body in bodies.items()
    }
    run = f"import runpy; runpy.run_module('{entry}', run_name='__main__')"
    if entry in PACKAGED:
        texts |= {file_of(entry).replace("__init__", "__main__"): "print(__file__)"}

    with tempfile.TemporaryDirectory() as folder:
        root = plant(Path(folder).resolve(), texts)
        told = closed(root, entry)
        done = subprocess.run(
            (sys.executable, "-S", "-W", "ignore", "-c", run),
            cwd=root,
            env={"PYTHONPATH": str(root / "model"), "PYTHONDONTWRITEBYTECODE": "1"},
            check=True,
            capture_output=True,
            text=True,
        )
        executed = names(root, map(Path, done.stdout.splitlines()))

    assert executed == told


COMMANDS: list[tuple[str, tuple[str, ...] | None]] = [
    ("python -m pkg", ("pkg",)),
    ("python3 -m pkg.mod -o out train.py", ("pkg.mod",)),
    ("python3.11 -W ignore -X dev -u -m pkg", ("pkg",)),
    ("/usr/bin/python3.13 -Werror -Xdev -m pkg", ("pkg",)),
    (".venv/bin/python -mpkg", ("pkg",)),
    ("python -Bmpkg train.py", ("pkg",)),
    ("python -uBm pkg train.py", ("pkg",)),
    ("python -uW once train.py", ("train.py",)),
    ("python -Wonce -OO train.py -m pkg", ("train.py",)),
    ("python --check-hash-based-pycs always train.py", ("train.py",)),
    ("python -- train.py", ("train.py",)),
    ("python scripts/train.py --depth 3", ("scripts/train.py",)),
    ("python ./scripts/../train.py", ("train.py",)),
    ("python.exe train.py", ("train.py",)),
    ("./train.py", ("train.py",)),
    ("scripts/train.py -c x", ("scripts/train.py",)),
    ("python -c 'import train'", None),
    ("python -uc pass train.py", None),
    ("python -cpass train.py", None),
    ("python - train.py", None),
    ("python -m", None),
    ("python -W", None),
    ("python", None),
    ("python --", None),
    ("python --version", None),
    ("python absent.py", None),
    ("python scripts", None),
    ("python train", None),
    ("python ../outside.py", None),
    ("python build/made.py", None),
    ("./train.sh", None),
    ("bash train.sh", None),
    ("sh -c train.py", None),
    ("make train", None),
    ("pythonic train.py", None),
    ("uv run train.py", None),
    ("", None),
]


@pytest.fixture
def with_scripts(tmp_path: Path) -> Path:
    files = ("train.py", "train.sh", "train", "scripts/train.py", "build/made.py", "conf/p.yaml")
    plant(tmp_path, {"outside.py": ""})
    return plant(tmp_path / "root", dict.fromkeys(files, ""))


@pytest.mark.parametrize(("command", "entries"), COMMANDS)
def test_an_option_of_python_is_not_taken_for_what_it_runs(
    with_scripts: Path, command: str, entries: tuple[str, ...] | None
) -> None:
    expected: tuple[Path | str, ...] | None = entries and tuple(
        with_scripts / entry if entry.endswith(".py") else entry for entry in entries
    )

    assert entries_of(command.split(" ") if command else [], with_scripts) == expected


def test_a_script_may_be_named_by_its_whole_path(with_scripts: Path) -> None:
    script = with_scripts / "train.py"

    assert entries_of(["python", str(script)], with_scripts) == (script,)
    assert entries_of(["python", str(with_scripts.parent / "outside.py")], with_scripts) is None


@pytest.mark.parametrize(
    ("command", "named"),
    [
        ("python train.py -c conf/p.yaml --depth 3", {"train.py", "conf/p.yaml"}),
        ("bash train.sh", {"train.sh"}),
        ("./train.sh ./conf/../conf/p.yaml", {"train.sh", "conf/p.yaml"}),
        ("python -m pkg conf absent.yaml -", set()),
        ("sh ../outside.py build/made.py", set()),
        (f"sh {'x' * 5_000}", set()),
        ("sh \0", set()),
        ("", set()),
    ],
)
def test_the_files_that_a_command_names_are_found(
    with_scripts: Path, command: str, named: set[str]
) -> None:
    assert names(with_scripts, files_named(command.split(" "), with_scripts)) == named


@pytest.mark.parametrize(
    ("command", "entries"),
    [
        ("python -m pkg", ("pkg",)),
        ("python -m pkg.mod", ("pkg.mod",)),
        ("python -m tool", ("tool",)),
        ("python -m cProfile train.py", None),
        ("python -um coverage run -m pkg", None),
        ("python -m build.made", None),
        ("python -m", None),
        ("python train.py", ("train.py",)),
    ],
)
def test_a_module_of_somebody_else_may_run_anything_of_ours(
    with_scripts: Path, command: str, entries: tuple[str, ...] | None
) -> None:
    plant(with_scripts, {"model/pkg/__main__.py": "", "model/pkg/mod.py": "", "tool.py": ""})
    argv = command.split(" ")

    found = entries_of(argv, with_scripts, with_scripts / "model")

    assert found == ((with_scripts / "train.py",) if entries == ("train.py",) else entries)
