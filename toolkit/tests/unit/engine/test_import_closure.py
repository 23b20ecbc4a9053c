"""The closure holds what is imported: never less, and of other packages nothing."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from trainwheel.engine.closure import (
    Closure,
    import_closure,
)
from trainwheel.engine.imports import read_imports

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
