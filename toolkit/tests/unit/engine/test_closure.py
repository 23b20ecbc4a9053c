"""What stands for the reads of training until a run was observed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from trainwheel.engine.closure import import_closure, is_module_here
from unit.trees import Files, names, plant


def empty(text: str) -> dict[str, str]:
    return dict.fromkeys(text.split(), "")


LONG = {f"model/m{n}.py": f"import m{n + 1}" for n in range(2 * sys.getrecursionlimit())}
CASES: dict[str, tuple[str, Files, Files]] = {
    "a name that is run counts with its package": (
        "pkg", {"model/pkg/__main__.py": "import top",
                **empty("model/pkg/__init__.py model/top.py")},
        empty("model/other.py"),
    ),
    "a script finds what lies beside it, and at the root": (
        "tools/run.py", {"tools/run.py": "import near, far", **empty("tools/near.py far.py")},
        empty("tools/other.py"),
    ),
    "relative imports and files that are not Python count": (
        "pkg.a", {"model/pkg/a.py": "from . import b\nfrom .sub import c",
                  **empty("model/pkg/__init__.py model/pkg/b.py model/pkg/sub/__init__.py"
                          " model/pkg/sub/c.py model/pkg/conf.yaml model/pkg/sub/q.sql")},
        empty("model/conf.yaml model/pkg/d.py"),
    ),
    "what cannot be imported is passed over": (
        "a", {"model/a.py": "import json, absent, broken"}, {"model/broken.py": "def"},
    ),
    "Python imports it by itself": ("a", empty("model/a.py model/sitecustomize.py"), {}),
    "a package need not have an __init__": (
        "bare.w", {"model/bare/w.py": "from bare.deep import v", "model/bare/deep/v.py": ""},
        empty("model/bare/x.py"),
    ),
    "where the text cannot be followed all sources count": (
        "m0", {"model/any.yaml": "", **LONG}, empty("root.py"),
    ),
    "an extension module counts": (
        "a", {"model/a.py": "import fast", **empty("model/fast.cpython-311-x86_64-linux-gnu.so")},
        {},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("entry", "files", "others"), CASES.values(), ids=CASES)
def test_the_files_that_the_text_names_count(
    tmp_path: Path, entry: str, files: Files, others: Files
) -> None:
    plant(tmp_path, {**files, **others})
    entries = [tmp_path / entry if entry.endswith(".py") else entry]

    closure = import_closure(entries, root=tmp_path, source=tmp_path / "model")

    assert names(tmp_path, closure) == set(files)


@pytest.mark.parametrize(
    ("name", "is_here"),
    [("pkg.__main__", True), ("top", True), ("fast", True), ("bare.w", True), ("script", True),
     ("json.tool", False), ("build", False)],
)  # fmt: skip
def test_a_module_of_the_repository_is_told_from_one_of_elsewhere(
    tmp_path: Path, name: str, *, is_here: bool
) -> None:
    plant(tmp_path, empty("model/pkg/__main__.py model/top.py model/fast.cpython-311.so"
                          " model/bare/w.py script.py build/x.py"))  # fmt: skip

    assert is_module_here(name, tmp_path, tmp_path / "model") is is_here
