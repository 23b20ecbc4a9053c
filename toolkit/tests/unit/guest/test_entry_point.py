"""What the look at the entry point finds, by running the script on real packages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from trainwheel.guest import ENTRY_POINT
from unit.repository import write

MANY = "".join(f"name_{number} = {number}\n" for number in range(300))
FORGIVING = "try:\n    import nowhere\nexcept ImportError:\n    nowhere = None\n"
WRAPPED = """\
import functools
def with_model(function):
    @functools.wraps(function)
    def call(*arguments):
        return function(None, *arguments)
    return call
@with_model
def predict(model, record): ...
"""


def look(folder: Path, entry_point: str = "a.b:predict", **files: str) -> dict[str, Any]:
    """Return what the script says of a package ``a``, whose files are given by module."""
    for name, text in {"__init__": "", **files}.items():
        write(folder, f"a/{name.replace('_in_', '/')}.py", text)
    result = subprocess.run(
        (sys.executable, "-P", str(ENTRY_POINT), entry_point, str(folder)),
        env={**os.environ, "PYTHONPATH": str(folder)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    lines = [line for line in result.stdout.split("\n") if line.startswith("\x1e")]
    assert len(lines) < 2
    return json.loads(lines[0].removeprefix("\x1eentry point: ")) if lines else {}


@pytest.mark.parametrize(("code", "name"), [
    ("def predict(record): ...", "predict"),
    ("def predict(record, *, fast=False): ...", "predict"),
    ("predict = dict", "predict"),
    ("class Model:\n    @staticmethod\n    def ask(record): ...", "Model.ask"),
    ("class Model:\n    def ask(self, record): ...\nmodel = Model()", "model.ask"),
    (WRAPPED, "predict"),
    (f"{FORGIVING}def predict(record): ...", "predict"),
    ("print('entry point: {}')\ndef predict(record): ...", "predict"),
    # Whatever there is of the model comes later.
    ("predict = None", "predict"),
])  # fmt: skip
def test_what_takes_one_record_passes(tmp_path: Path, code: str, name: str) -> None:
    assert look(tmp_path, f"a.b:{name}", b=code) == {}


@pytest.mark.parametrize(("code", "name", "problem"), [
    ("def predict_record(r): ...", "predict_recrod",
     "a.b has no predict_recrod: did you mean predict_record?"),
    ("import os\ndef ask(r): ...\nclass Model: ...", "predict",
     "a.b has no predict; it has ask, Model"),
    ("x = 1", "predict", "a.b has no predict"),
    ("class Model:\n    def predict(self, r): ...", "predict", "a.b has no predict; it has Model"),
    ("class Model:\n    def predict(self, r): ...", "Model.predct",
     "a.b.Model has no predct: did you mean predict?"),
    ("predict = ('x',)", "predict", "a.b.predict cannot be called: it is of type tuple"),
    ("import a.b as predict", "predict", "a.b.predict cannot be called: it is of type module"),
    ("async def predict(r): ...", "predict", "a.b.predict is asynchronous"),
    ("def predict(): ...", "predict", "a.b.predict() cannot be called with one record"),
    ("class Model:\n    def predict(self, r): ...", "Model.predict", "cannot be called with one"),
])  # fmt: skip
def test_a_name_that_cannot_be_called_is_certain(
    tmp_path: Path, code: str, name: str, problem: str
) -> None:
    answer = look(tmp_path, f"a.b:{name}", b=code)

    assert answer["certain"] is True
    assert problem in answer["problem"]


@pytest.mark.parametrize(("entry_point", "problem", "missing"), [
    ("a.bb:predict", "there is no module a.bb: did you mean a.b?", "a.bb"),
    ("aa.b:predict", "there is no module aa: did you mean a?", "aa"),
    ("a.c.d:predict", "there is no module a.c", "a.c"),
    ("a.b.c:predict", "there is no module a.b.c", "a.b.c"),
])  # fmt: skip
def test_a_missing_module_is_certain(
    tmp_path: Path, entry_point: str, problem: str, missing: str
) -> None:
    answer = look(tmp_path, entry_point, b="")

    assert (answer["certain"], answer["module"]) == (True, missing)
    assert answer["problem"] == problem


@pytest.mark.parametrize(("files", "problem", "file", "line"), [
    ({"b": "\nimport nowhere"}, "ModuleNotFoundError: No module named 'nowhere'", "b", 2),
    ({"b": "from a import c", "c": "x = 1\nimport nowhere"}, "ModuleNotFoundError", "c", 2),
    ({"b": "from json import nothing"}, "ImportError: cannot import name 'nothing'", "b", 1),
    ({"b": f"{MANY}import nowhere"}, "ModuleNotFoundError", "b", 301),
    ({"b": "import a.c", "c": "x = 1\ndef f(:"}, "SyntaxError: invalid syntax", "c", 2),
    ({"__init__": "import nowhere", "b": ""}, "ModuleNotFoundError", "__init__", 1),
])  # fmt: skip
def test_an_import_that_fails_is_certain_and_has_its_place(
    tmp_path: Path, files: dict[str, str], problem: str, file: str, line: int
) -> None:
    answer = look(tmp_path, **files)

    assert answer["certain"] is True
    assert f"a.b cannot be imported: {problem}" in answer["problem"]
    assert (answer["file"], answer["line"]) == (str(tmp_path / "a" / f"{file}.py"), line)


UNPICKLE = "import pickle\nmodel = pickle.loads(b'cgone.away\\nModel\\n.')"


@pytest.mark.parametrize("code", [
    "open('model.joblib')",
    "import importlib.resources\nimportlib.resources.files('a.artefact')",
    UNPICKLE,
    "try:\n    open('x')\nexcept OSError as error:\n    raise ImportError('no model') from error",
    "raise SystemExit(2)",
    "CLASSES = None.classes_",
    "import os\nif os.path.exists('model'):\n    predict = dict",
    "class Lazy:\n    def __getattr__(self, name): raise AttributeError(name)\nx = Lazy()",
    "def __getattr__(name): raise FileNotFoundError(name)",
])  # fmt: skip
def test_what_a_model_may_change_is_not_certain(tmp_path: Path, code: str) -> None:
    name = "x.predict" if "Lazy" in code else "predict"

    answer = look(tmp_path, f"a.b:{name}", b=code)

    assert answer["certain"] is False
    assert answer["problem"]
