"""What a snapshot looks like, and what of it may not change in silence."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from trainwheel.errors import ConfigurationError
from trainwheel.evaluation.data_shape import (
    Column,
    FileShape,
    changes,
    columns_digest,
    markers_of,
    merge,
    news,
    parse_shape,
    render_shape,
    rows_of,
)
from trainwheel.guest import DESCRIBE_DATA
from trainwheel.system.ignored import Ignored


def shape(rows: int | None = 100, **columns: Any) -> dict[str, FileShape]:
    entries = columns or {"age": "integer", "name": "text"}
    return {"a.csv": FileShape(rows, {name: Column.read(c) for name, c in entries.items()})}


BEFORE = shape()
GAPS = {"type": "integer", "absent": 16, "first": 24}


@pytest.mark.parametrize(
    ("now", "most", "told"),
    [
        (BEFORE, 0.0, []),
        (shape(age="integer"), None, ["column name of a.csv is gone"]),
        (shape(age="number", name="text"), None, ["column age of a.csv was integer, is number"]),
        (shape(age="integer", name="text", city="text"), None, ["column city of a.csv is new"]),
        (shape(age="empty", name="text"), None, []),
        (shape(0), None, ["a.csv has no rows"]),
        (
            shape(age={"type": "text", "strays": ["?"]}, name="text"),
            None,
            ["column age of a.csv was integer, is text for '?', which `missing` in it can name"],
        ),
        (
            shape(age=GAPS, name="text"),
            None,
            ["column age of a.csv is not nullable, and 16 values are missing, the first in row 24"],
        ),
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
    assert list(changes(BEFORE, now, most, markers_in="it")) == told


@pytest.mark.parametrize("declared", [
    {"type": "integer", "nullable": True}, {"type": "number", "missing": ["?"]}, "empty",
])  # fmt: skip
@pytest.mark.parametrize("observed", ["integer", "empty"])
def test_data_may_be_narrower_than_what_is_declared(declared: Any, observed: Any) -> None:
    before, now = shape(age=declared), shape(age=observed)

    assert list(changes(before, now, None)) == []
    # What was declared stays, but a type that nobody knew yet.
    known = merge(before, now)["a.csv"].columns["age"]
    assert known.as_json() == (observed if declared == "empty" else declared)


def test_what_does_not_hold_any_more_is_widened() -> None:
    before = shape(age="integer", name={"type": "text", "missing": ["?"]})

    after = merge(before, shape(age={**GAPS, "type": "number"}, name=GAPS))

    assert after == parse_shape(render_shape(after), "x") | {"a.csv": after["a.csv"]}
    assert json.loads(render_shape(after))["a.csv"]["columns"] == {
        "age": {"type": "number", "nullable": True},
        "name": {"type": "integer", "missing": ["?"]},
    }
    assert list(news(before, after)) == [
        "  age: integer → number, nullable", "  name: text, nullable → integer, nullable",
    ]  # fmt: skip


def test_the_texts_for_a_missing_value_are_those_of_file_and_column() -> None:
    columns = {"age": Column("integer", missing=("?",)), "name": Column("text")}

    assert markers_of({"a.csv": FileShape(1, columns, ("NA",))}) == {
        "a.csv": {"": ["NA"], "age": ["?"]}
    }


def test_news_names_files_columns_and_rows() -> None:
    after = shape(7, age="integer", city="text") | {"b.csv": FileShape(1, {"x": Column("text")})}

    assert list(news(BEFORE, after)) == [
        "  name: text (gone)", "  city: text (new)", "  a.csv: 7 rows, were 100",
        "b.csv is new", "  x: text (new)",
    ]  # fmt: skip
    assert list(news(BEFORE, BEFORE)) == []


def test_a_shape_survives_its_file() -> None:
    again = parse_shape(render_shape(BEFORE), "data-schema.json")

    assert again == BEFORE
    assert columns_digest(again) == columns_digest(shape(7))
    assert columns_digest(again) != columns_digest(shape(age="number", name="text"))
    assert rows_of(again | {"b": FileShape(None, {})}) is None


@pytest.mark.parametrize("text", [
    "", "[]", "{", '{"a": 1}', '{"a": {"rows": "x", "columns": {}}}',
    '{"a": {"rows": 1, "columns": {"x": 1}}}', '{"a": {"rows": 1, "columns": {"x": {}}}}',
    '{"a": {"rows": 1, "columns": {"x": {"type": "text", "nulable": true}}}}',
    '{"a": {"rows": 1, "columns": {"x": {"type": "text", "missing": [1]}}}}',
])  # fmt: skip
def test_a_file_that_holds_no_shape_is_one_line(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r": data-schema\.json does not hold columns"):
        parse_shape(text, "data-schema.json")


def describe(folder: Path, *markers: str) -> subprocess.CompletedProcess[str]:
    argv = (sys.executable, "-P", str(DESCRIBE_DATA), str(folder), str(folder.parent / "answer"))
    return subprocess.run(
        (*argv, *markers), capture_output=True, text=True, check=False, timeout=60
    )


def test_ignored_names_are_not_described_nor_even_read(tmp_path: Path) -> None:
    for name in ("._a.csv", "a.csv", "cache/b.csv", "data.log"):
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / name).write_bytes(b"a\n" if name == "a.csv" else b"\xff")
    ignored = Ignored(("build/data/cache", "*.log"))

    assert describe(tmp_path / "data", "{}", ignored.pattern, "build/data/").returncode == 0

    assert json.loads((tmp_path / "answer").read_bytes()).keys() == {"a.csv"}


def test_a_snapshot_is_described(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    (folder / "parts").mkdir(parents=True)
    (folder / "a.csv").write_text("id,size,name,on,none\n1,2,x,true,\n2,2.5,3,false,\n")
    (folder / "parts" / "b.jsonl").write_text('{"x": 1, "y": null}\n{"x": 1.5, "z": "t"}\n')
    (folder / "c.bin").write_bytes(b"\0")

    assert describe(folder).returncode == 0

    columns = {
        "id": "integer", "size": "number", "name": {"type": "text", "strays": ["x"]},
        "on": "boolean", "none": {"type": "empty", "absent": 2, "first": 1},
    }  # fmt: skip
    late = {"type": "text", "absent": 1, "first": 1}
    assert json.loads((tmp_path / "answer").read_bytes()) == {
        "a.csv": {"rows": 2, "columns": columns},
        "c.bin": {"rows": None, "columns": {}},
        "parts/b.jsonl": {"rows": 2, "columns": {"x": "number", "y": columns["none"], "z": late}},
    }


def test_other_ways_to_write_a_table_are_read(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    long = "x" * 200_000
    (tmp_path / "data" / "a.csv").write_text(f"id;size;name\n1.0;1,5;{long}\n\n2.0;2;y\n")
    (tmp_path / "data" / "b.jsonl").write_text('\ufeff{"x": 1_0}\n'.replace("1_0", "NaN"))

    done = describe(tmp_path / "data")

    assert done.returncode == 0, done.stderr
    answer = json.loads((tmp_path / "answer").read_bytes())
    assert answer["a.csv"]["rows"] == 2
    assert answer["a.csv"]["columns"]["id"] == "integer"
    assert list(answer["a.csv"]["columns"]) == ["id", "size", "name"]
    assert answer["b.jsonl"]["columns"]["x"] == "text"


def test_other_names_of_types_are_understood() -> None:
    text = '{"a.csv": {"rows": 1, "columns": {"x": "string", "y": {"type": "float"}}}}'

    assert parse_shape(text, "s")["a.csv"].columns == {"x": Column("text"), "y": Column("number")}


def test_texts_for_a_missing_value_are_not_values(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    rows = "\ufeffnuclei,city,late\n?,NA,\n1,?,NaN\n10,Ulm,2\n"
    (tmp_path / "data" / "a.csv").write_text(rows, encoding="utf-8")
    (tmp_path / "data" / "b.jsonl").write_text('{"x": ""}\n{"x": [1], "new": 1}\n{"x": null}\n')

    assert describe(tmp_path / "data", '{"a.csv": {"": ["NA"], "nuclei": ["?"]}}').returncode == 0

    answer = json.loads((tmp_path / "answer").read_bytes())
    assert answer["a.csv"]["columns"] == {
        "nuclei": {"type": "integer", "absent": 1, "first": 1},
        "city": {"type": "text", "absent": 1, "first": 1},
        "late": {"type": "text", "absent": 1, "first": 1, "strays": ["NaN"]},
    }
    assert answer["b.jsonl"]["columns"] == {
        "x": {"type": "text", "absent": 1, "first": 3},
        "new": {"type": "integer", "absent": 2, "first": 1},
    }


@pytest.mark.parametrize(("name", "text", "told"), [
    ("a.csv", "x,y\n1\n", "a.csv: row 1 has 1 cells, the header 2"),
    ("a.csv", "x,x\n1,2\n", "a.csv: two columns have one name, 'x'"),
    ("a.jsonl", "[1]\n", "a.jsonl: line 1 is not a JSON object"),
])  # fmt: skip
def test_a_snapshot_that_cannot_be_read_is_one_line(
    tmp_path: Path, name: str, text: str, told: str
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / name).write_text(text)

    found = describe(tmp_path / "data")

    assert (found.returncode, found.stderr) == (2, f"{told}\n")
