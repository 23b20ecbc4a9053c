"""Each record is answered, or it is said which was not, why, where, and how to fix it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from trainwheel.guest import PREDICT

PICKLED = """
import io, pickle, types
class Clip: pass
other = types.ModuleType("churn_training")
Clip.__module__, other.Clip = "{module}", Clip
sys = __import__("sys")
main, sys.modules["churn_training"] = sys.modules["__main__"], other
sys.modules["__main__"] = other
DATA = pickle.dumps(Clip())
del other.Clip
sys.modules["__main__"] = main
other.__file__ = "{file}"

def predict(record):
    return pickle.loads(DATA)
"""


def predict(
    folder: Path, code: str, *records: Any, function: str = "own.model:predict"
) -> subprocess.CompletedProcess[str]:
    """Ask a model, a package of this code in the module ``model``."""
    (folder / "own").mkdir()
    (folder / "own/__init__.py").touch()
    (folder / "own/model.py").write_text(code, encoding="utf-8")
    text = "".join(f"{json.dumps(record)}\n" for record in records)
    (folder / "inputs.jsonl").write_text(text)
    argv = [sys.executable, "-P", str(PREDICT), function, "inputs.jsonl", "outputs.jsonl"]
    env = {"PYTHONPATH": str(folder)}
    return subprocess.run(argv, cwd=folder, env=env, capture_output=True, text=True, check=False)


def failure(folder: Path, code: str, **more: Any) -> dict[str, Any]:
    """Return what is said of a model that answers one record and not the other."""
    result = predict(folder, code, {"x": 1}, {"x": None}, **more)
    assert result.returncode == 1
    assert not (folder / "outputs.jsonl").exists()
    said: dict[str, Any] = json.loads((folder / "outputs.jsonl.failure").read_bytes())
    assert PREDICT.name not in json.dumps(said)
    assert "Traceback" in result.stderr
    return said


def test_each_record_is_answered_in_order(tmp_path: Path) -> None:
    code = "def predict(record):\n    return [record['x'], {'y': None}]\n"

    result = predict(tmp_path, code, {"x": 1}, {"x": "a\u2028b"})

    assert result.returncode == 0, result.stderr
    lines = (tmp_path / "outputs.jsonl").read_text().splitlines()
    assert list(map(json.loads, lines)) == [[1, {"y": None}], ["a\u2028b", {"y": None}]]
    assert {path.name for path in tmp_path.iterdir()} == {"own", "inputs.jsonl", "outputs.jsonl"}


@pytest.mark.parametrize(("body", "error", "line"), [
    ("return 1 + record['x']", ["TypeError: unsupported"], 2),
    ("return float(str(record['x']))", ["ValueError: could not convert"], 2),
    ("import json\n    return json.loads(str(record['x']))", ["JSONDecodeError: "], 3),
    ("if record['x'] is None:\n        raise ValueError('first\\nsecond\\nthird')\n    return 1",
     ["ValueError: first", "second", "third"], 3),
    ("if record['x'] is None:\n        raise ValueError\n    return 1", ["ValueError"], 3),
    ("if record['x'] is None:\n        exit(3)\n    return 1", ["SystemExit: 3"], 3),
])  # fmt: skip
def test_what_a_function_raises_is_told_whole_with_its_line(
    tmp_path: Path, body: str, error: list[str], line: int
) -> None:
    said = failure(tmp_path, f"def predict(record):\n    {body}\n")

    assert said["number"] == 2
    assert len(said["error"]) == len(error)
    assert all(got.startswith(text) for got, text in zip(said["error"], error, strict=True))
    assert said["place"] == f"own/model.py line {line}, predict"


def test_a_message_without_end_is_cut(tmp_path: Path) -> None:
    code = "def predict(record):\n    raise ValueError(('x' * 5_000 + '\\n') * 5_000)\n"

    lines = failure(tmp_path, code)["error"]

    assert len(lines) == 20
    assert max(map(len, lines)) < 400


@pytest.mark.parametrize(("value", "error", "hint"), [
    ("{'label': Number(2)}", 'key "label" of the answer is own.model.Number', ".tolist()"),
    ("{'p': [{'a': {2}}]}", 'key "p.0.a" of the answer is set', "lists and dicts"),
    ("{(1, 2): 3}", 'key "(1, 2)" of the answer is tuple', "lists and dicts"),
    ("{'p': float('nan')}", 'key "p" of the answer is NaN', "None where"),
    ("[1.5, -float('inf')]", 'key "1" of the answer is Infinity', "None where"),
    ("b'yes'", "the answer is bytes", "lists and dicts"),
    ("DEEP", "the answer cannot be written as JSON: Circular reference", ""),
])  # fmt: skip
def test_what_is_not_json_is_named_with_its_key(
    tmp_path: Path, value: str, error: str, hint: str
) -> None:
    code = (
        "class Number:\n    def __init__(self, n): pass\n    def tolist(self): return 2\n"
        f"DEEP = []\nDEEP.append(DEEP)\n\ndef predict(record):\n    return {value}\n"
    )

    said = failure(tmp_path, code)

    assert said["number"] == 1
    assert said["error"][0].startswith(error)
    assert "JSON" in said["error"][0]
    assert hint in said["hint"]


@pytest.mark.parametrize(("code", "function", "error", "hint"), [
    ("import nowhere_at_all", "own.model:predict", "ModuleNotFoundError", "[packages]"),
    ("import nowhere_at_all.deep", "own.model:predict", "ModuleNotFoundError", "move what"),
    ("x = 1", "own.model:predict", "AttributeError", ""),
    ("x = 1", "own.other:predict", "ModuleNotFoundError", ""),
    ("def predict(:", "own.model:predict", "SyntaxError", ""),
    ("raise OSError('no such model')", "own.model:predict", "OSError: no such model", ""),
])  # fmt: skip
def test_a_function_that_cannot_be_imported_fails_before_the_first_record(
    tmp_path: Path, code: str, function: str, error: str, hint: str
) -> None:
    said = failure(tmp_path, f"\n\n{code}\n", function=function)

    assert said["number"] == 0
    assert said["error"][0].startswith(error)
    assert hint in said["hint"]
    assert bool(said["hint"]) is bool(hint)
    assert said["place"].startswith("own/model.py line 3") is (code != "x = 1")


@pytest.mark.parametrize(("module", "file", "hint"), [
    ("churn_training", "", "the model refers to churn_training.Clip, which is not there: define"),
    ("__main__", "", "the model refers to __main__.Clip, which is not there: define"),
    ("churn_training", "/env/site-packages/churn_training.py", "version of churn_training"),
])  # fmt: skip
def test_a_class_that_the_wheel_does_not_have_is_named_with_what_to_do(
    tmp_path: Path, module: str, file: str, hint: str
) -> None:
    said = failure(tmp_path, PICKLED.format(module=module, file=file))

    assert hint in said["hint"]
    assert ("module of own" in said["hint"]) is not bool(file)


def test_what_was_answered_before_the_process_died_can_be_counted(tmp_path: Path) -> None:
    code = "import os\ndef predict(record):\n    return record['x'] or os.kill(os.getpid(), 9)\n"

    result = predict(tmp_path, code, {"x": 1}, {"x": 2}, {"x": 0})

    assert result.returncode == -9
    assert (tmp_path / "outputs.jsonl.part").read_text() == "1\n2\n"
