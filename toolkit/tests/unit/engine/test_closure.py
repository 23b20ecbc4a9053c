"""The closure holds the files that are imported: never fewer, and of other packages none."""

from __future__ import annotations

import itertools
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainwheel.engine.closure import import_closure
from trainwheel.engine.imports import Imports
from unit.trees import Files, closed, find_closure, names, plant, scan


def empty(words: str) -> Files:
    """Return files with nothing in them."""
    return dict.fromkeys(words.split(), "")


PACKAGES = empty(
    "model/a/__init__.py model/a/__main__.py model/a/x.py model/a/b/__init__.py model/a/b/y.py "
    "model/a/b/z.py model/bare/deep/w.py model/top.py"
)


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("import a", "a/__init__.py"),
        ("import a.b.y", "a/__init__.py a/b/__init__.py a/b/y.py"),
        ("from a import x", "a/__init__.py a/x.py"),
        ("from a import something", "a/__init__.py"),
        ("from a.b import y, z", "a/__init__.py a/b/__init__.py a/b/y.py a/b/z.py"),
        ("from a import *", "a/__init__.py a/__main__.py a/x.py a/b/__init__.py"),
        ("from top import *", "top.py"),
        ("from a.x import *", "a/__init__.py a/x.py"),
        ("import bare.deep.w", "bare/deep/w.py"),
        ("from bare import deep", ""),
        ("from top import function", "top.py"),
        ("from importlib import import_module\nimport_module('a.x')", "a/__init__.py a/x.py"),
        ("import runpy\nrunpy.run_module('a')", "a/__init__.py a/__main__.py"),
        ("import numpy.a, json, x, b", ""),
        ("import a.absent.y", "a/__init__.py"),
    ],
)
def test_an_import_leads_to_the_module_and_the_packages_above_it(
    tmp_path: Path, statement: str, expected: str
) -> None:
    plant(tmp_path, {**PACKAGES, "model/pkg/__main__.py": statement})

    files = {f"model/{name}" for name in ("pkg/__main__.py", *expected.split())}
    assert closed(tmp_path, "pkg") == files


@pytest.mark.parametrize(
    ("module", "statement", "expected"),
    [
        ("a/x.py", "from . import b", "a/b/__init__.py"),
        ("a/x.py", "from .b.y import function", "a/b/__init__.py a/b/y.py"),
        ("a/x.py", "from . import *", "a/__main__.py a/b/__init__.py"),
        ("a/b/y.py", "from .. import x", "a/x.py a/b/__init__.py"),
        ("a/b/__init__.py", "from . import y", "a/b/y.py"),
        ("a/b/__init__.py", "from ..x import function", "a/x.py"),
        ("a/x.py", "from ..... import y", ""),
        ("bare/deep/w.py", "from ..other import v", ""),
    ],
)
def test_a_relative_import_starts_at_its_own_package(
    tmp_path: Path, module: str, statement: str, expected: str
) -> None:
    plant(tmp_path, {**PACKAGES, f"model/{module}": statement})
    entry = module.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    above = ["a/__init__.py"] if module.startswith("a") else []
    above += ["a/b/__init__.py"] if module.startswith("a/b") else []

    assert closed(tmp_path, entry) == {f"model/{n}" for n in (module, *above, *expected.split())}


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("a", "model/a/__init__.py model/a/__main__.py"),
        ("a.x", "model/a/__init__.py model/a/x.py"),
        ("a.b", "model/a/__init__.py model/a/b/__init__.py"),
        ("top", "model/top.py"),
        ("model.top", "model/top.py"),
    ],
)
def test_a_module_that_is_run_counts_with_its_package_and_its_main(
    tmp_path: Path, entry: str, expected: str
) -> None:
    plant(tmp_path, PACKAGES)

    assert closed(tmp_path, entry) == set(expected.split())


TWICE = empty("lib/__init__.py lib/a.py model/lib/__init__.py model/lib/a.py")
FAST = "_fast.cpython-311-x86_64-linux-gnu.so"
SHARED = {
    "tests/conftest.py": "pytest_plugins = ['tests.plugin']",
    "tests/plugin.py": "import small",
    **empty("tests/shared/__init__.py tests/shared/helper.py model/small/__init__.py"),
}
CASES: dict[str, tuple[str, Files, Files]] = {
    "modules are followed through others and in a circle": (
        "a",
        {"model/a.py": "import b", "model/b.py": "def f():\n    import c",
         "model/c.py": "import a, c"},
        {"model/d.py": "import a"},
    ),
    "a script finds what is beside it and in both roots": (
        "scripts/train.py",
        {"scripts/train.py": "import helper, lib.a, tools.b", "tools/b.py": "import helper",
         **empty("scripts/helper.py model/lib/a.py helper.py")},
        empty("scripts/unused.py"),
    ),
    "what is beside another script is not found": (
        "a", {"model/a.py": "import helper"}, empty("scripts/helper.py")
    ),
    "a script in a package finds its neighbours and its package": (
        "work/lib/inner/train.py",
        {"work/lib/inner/train.py": "import helper, lib.more\nfrom . import near",
         "work/lib/__init__.py": "import lib.other",
         **empty("work/lib/other.py work/lib/inner/__init__.py work/lib/inner/helper.py "
                 "work/lib/inner/near.py work/lib/more.py")},
        empty("work/lib/unused.py"),
    ),
    # pytest imports a test as a module of its package, and the package with it.
    "a script counts with the packages that it is in": (
        "tests/unit/test_a.py",
        empty("tests/__init__.py tests/unit/__init__.py tests/unit/t/x.csv tests/unit/test_a.py"),
        empty("other/__init__.py"),
    ),
    # pytest does so with --import-mode=importlib.
    "a script in a plain folder may be a module of the package above": (
        "tests/unit/test_a.py",
        {"tests/unit/test_a.py": "from ..helper import a\nfrom .near import b",
         **empty("tests/__init__.py tests/t.csv tests/helper.py tests/unit/near.py "
                 "tests/unit/data/u.csv")},
        empty("tests/unused.py"),
    ),
    "tests find their helpers from their folder": (
        "tests/conftest.py tests/unit/test_a.py",
        {**SHARED, "tests/unit/test_a.py": "import shared.helper"},
        empty("model/unused.py"),
    ),
    "tests find their helpers from the root": (
        "tests/conftest.py tests/unit/test_a.py",
        {**SHARED, "tests/unit/test_a.py": "import tests.shared.helper"},
        empty("model/unused.py"),
    ),
    "what several roots hold under one name counts in each": (
        "pkg",
        {"model/pkg/__main__.py": "import lib.a", **TWICE, **empty("lib.py")},
        empty("lib/b.py"),
    ),
    "a folder with the name of another package does not count": (
        "a",
        {"model/a.py": "import docs\nfrom docs import x\nimport docs.api.x"},
        empty("docs/index.md docs/conf.py docs/api/page.md"),
    ),
    "a folder without init counts if it holds a module": (
        "a",
        {"model/a.py": "import tools.deep.x", **empty("tools/deep/x.py tools/q.sql")},
        empty("tools/y.py"),
    ),
    "extension modules count": (
        "pkg",
        {"model/pkg/__main__.py": "import _fast, bare._fast, bare._old",
         **empty(f"model/{FAST} model/bare/{FAST} model/bare/_old.pyd")},
        empty("other/_fast.so"),
    ),
    "a package deep inside plain folders keeps its data": (
        "a",
        {"model/a/__init__.py": "import a.plain.inner",
         **empty("model/a/plain/inner/__init__.py model/a/plain/inner/i.yaml "
                 "model/a/plain/p.yaml")},
        empty("model/a/plain/unused/__init__.py model/a/plain/unused/deep/u.yaml"),
    ),
    "a plain folder around a package counts with its data": (
        "a",
        {"model/a.py": "import bare.b", **empty("model/bare/b/__init__.py model/bare/d.yaml")},
        {},
    ),
    "a relative import at the root does not make it a package": (
        "a.py", {"a.py": "from . import b", "b.py": ""}, empty("r.yaml plain/p.yaml")
    ),
    "the folder of a tool counts anywhere but at the root": (
        "a",
        {"model/a.py": "import build", **empty("model/build/__init__.py model/build/b.sql")},
        empty("build/__init__.py"),
    ),
    "a computed import counts only where it is imported": (
        "other",
        empty("model/other/__init__.py model/other/o.yaml"),
        {"model/c.py": "exec(x)", "model/a.py": ""},
    ),
    "what Python imports by itself counts": (
        "a",
        {"model/a.py": "", "model/sitecustomize.py": "import b", "model/b.py": ""},
        {},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("entries", "files", "others"), CASES.values(), ids=CASES)
def test_exactly_the_files_that_are_imported_count(
    tmp_path: Path, entries: str, files: Files, others: Files
) -> None:
    plant(tmp_path, {**files, **others})

    assert closed(tmp_path, *entries.split()) == set(files)


def test_a_long_chain_of_modules_is_followed_to_its_end(tmp_path: Path) -> None:
    chain = {f"model/m{n}.py": f"import m{n + 1}" for n in range(2 * sys.getrecursionlimit())}
    plant(tmp_path, chain)

    assert closed(tmp_path, "m0") == set(chain)


def test_each_module_is_read_once_and_no_other_file(tmp_path: Path) -> None:
    modules = {
        "model/pkg/__main__.py": "import a.x, top, a", "model/a/x.py": "import top, pkg.__main__",
        **empty("model/a/__init__.py model/top.py"),
    }  # fmt: skip
    plant(tmp_path, {**modules, "model/pkg/d.yaml": "import top", "model/a/_fast.so": ""})
    calls: list[Path] = []

    def count(path: Path) -> Imports:
        calls.append(path)
        return scan(path)

    import_closure(["pkg"], root=tmp_path, source=tmp_path / "model", scan=count)

    assert sorted(calls) == sorted(tmp_path / name for name in modules)


def test_the_order_of_entries_does_not_matter(tmp_path: Path) -> None:
    files = {
        "model/a.py": "import helper", "other/helper.py": "exec(x)", "other/a.py": "exec(y)",
        **empty("scripts/b.py scripts/helper.py other/c.py"),
    }  # fmt: skip
    plant(tmp_path, files)
    orders = list(itertools.permutations(["a", "scripts/b.py", "other/c.py", "a", "absent"]))

    (closure,) = {find_closure(tmp_path, *order) for order in orders}

    assert closure.widened_by == "other/a.py:1"
    assert names(tmp_path, closure.files) == set(files)


MODULES = ("a", "a.x", "a.y", "a.b", "a.b.z", "bare.w", "bare.deep.v", "rooted.u", "top")
PACKAGED = {"a", "a.b"}
_forms = st.sampled_from([
    "import {name}", "import {name} as other", "from {parent} import {last}",
    "from {parent} import {last} as other", "from {dots}{below} import {last}",
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


@settings(max_examples=25)
@given(st.fixed_dictionaries(dict.fromkeys(MODULES, _bodies)), st.sampled_from(MODULES))
def test_python_executes_exactly_the_files_of_the_closure(
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
        expected = closed(root, entry)
        output = subprocess.run(
            (sys.executable, "-S", "-W", "ignore", "-c", run),
            cwd=root,
            env={"PYTHONPATH": str(root / "model"), "PYTHONDONTWRITEBYTECODE": "1"},
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    assert names(root, map(Path, output.splitlines())) == expected
