"""What Python itself executes is what was told of the text."""

from __future__ import annotations

import itertools
import subprocess
import sys
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from unit.trees import closed, names, plant

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
