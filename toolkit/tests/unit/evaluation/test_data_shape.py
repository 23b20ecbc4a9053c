"""What a snapshot looks like, and what of it may not change in silence."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from trainwheel.errors import ConfigurationError
from trainwheel.evaluation.data_shape import (
    FileShape,
    changes,
    columns_digest,
    parse_shape,
    render_shape,
    rows_of,
)
from trainwheel.guest import DESCRIBE_DATA

BEFORE = {"a.csv": FileShape(100, {"age": "integer", "name": "text"})}


def shape(rows: int | None = 100, **columns: str) -> dict[str, FileShape]:
    return {"a.csv": FileShape(rows, columns or {"age": "integer", "name": "text"})}


@pytest.mark.parametrize(
    ("now", "most", "told"),
    [
        (BEFORE, 0.0, []),
        (shape(age="integer"), None, ["column name of a.csv is gone"]),
        (shape(age="number", name="text"), None, ["column age of a.csv was integer, is number"]),
        (shape(age="integer", name="text", city="text"), None, ["column city of a.csv is new"]),
        (shape(name="text", age="integer"), None, ["the columns of a.csv have another order"]),
        ({}, None, ["a.csv is gone"]),
        (BEFORE | {"b.csv": FileShape(1, {})}, None, ["b.csv is new"]),
        (shape(120), 0.2, []),
        (shape(121), 0.2, ["there are 121 rows and were 100, more than 20% off"]),
        (shape(79), 0.2, ["there are 79 rows and were 100, more than 20% off"]),
        (shape(5), None, []),
        (shape(None), 0.2, []),
    ],
)
def test_what_changed_is_told(
    now: dict[str, FileShape], most: float | None, told: list[str]
) -> None:
    assert list(changes(BEFORE, now, most)) == told


def test_a_shape_survives_its_file() -> None:
    again = parse_shape(render_shape(BEFORE), "data-schema.json")

    assert again == BEFORE
    assert columns_digest(again) == columns_digest(shape(7))
    assert columns_digest(again) != columns_digest(shape(age="number", name="text"))
    assert rows_of(again | {"b": FileShape(None, {})}) is None


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": 1}', '{"a": {"rows": "x", "columns": {}}}'])
def test_a_file_that_holds_no_shape_is_one_line(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r": data-schema\.json does not hold columns"):
        parse_shape(text, "data-schema.json")


def describe(folder: Path) -> subprocess.CompletedProcess[str]:
    argv = (sys.executable, "-P", str(DESCRIBE_DATA), str(folder), str(folder.parent / "answer"))
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)


def test_a_snapshot_is_described(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    (folder / "parts").mkdir(parents=True)
    (folder / "a.csv").write_text("id,size,name,on,none\n1,2,x,true,\n2,2.5,3,false,\n")
    (folder / "parts" / "b.jsonl").write_text('{"x": 1, "y": null}\n{"x": 1.5, "z": "t"}\n')
    (folder / "c.bin").write_bytes(b"\0")

    assert describe(folder).returncode == 0

    columns = {"id": "integer", "size": "number", "name": "text", "on": "boolean", "none": "empty"}
    assert json.loads((tmp_path / "answer").read_bytes()) == {
        "a.csv": {"rows": 2, "columns": columns},
        "c.bin": {"rows": None, "columns": {}},
        "parts/b.jsonl": {"rows": 2, "columns": {"x": "number", "y": "empty", "z": "text"}},
    }


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.csv", "x,y\n1\n", "a.csv: row 1 has 1 cells, the header 2"),
        ("a.csv", "x,x\n1,2\n", "a.csv: two columns have one name"),
        ("a.jsonl", "[1]\n", "a.jsonl: line 1 is not a JSON object"),
    ],
)
def test_a_snapshot_that_cannot_be_read_is_one_line(
    tmp_path: Path, name: str, text: str, told: str
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / name).write_text(text)

    found = describe(tmp_path / "data")

    assert (found.returncode, found.stderr) == (2, f"{told}\n")
