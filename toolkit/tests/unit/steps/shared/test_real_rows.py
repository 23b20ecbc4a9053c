"""Golden rows are compared with the hold-out and the data, as far as these can be read."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trainwheel.errors import RefusedError
from trainwheel.steps.shared.real_rows import find_real_rows
from unit.repository import open_here, write
from unit.steps.session import configure, open_with
from unit.steps.training import training

Sentence = Callable[[str], None]
MADE_UP, REAL = {"age": 40.5, "city": "Wien"}, {"age": 31, "city": "Bern"}
GOLDEN = f"{json.dumps(MADE_UP)}\n{json.dumps(REAL)}\n"
HOLDOUT = "".join(
    f"{json.dumps({'input': row, 'truth': 1})}\n" for row in ({"age": 1, "city": "x"}, REAL)
)


def find(root: Path, name: str, data: bytes, **more: Any) -> tuple[str, str]:
    """Return the clause about golden rows where the data is one file, and what was printed."""
    (root / "data/rows.csv").unlink(missing_ok=True)
    (root / "data" / name).write_bytes(data)
    rows = [{"input": row, "prediction": 1} for row in (MADE_UP, REAL)]
    write(root, "report/golden.jsonl", "".join(f"{json.dumps(row)}\n" for row in rows))
    stream = io.StringIO()
    return find_real_rows(
        open_here(root, stream=stream), root / "report", **more
    ), stream.getvalue()


CSV = b"id,Age,City\n7,1,x\n8,31.0,Bern\n"
PACKED = gzip.compress(CSV, mtime=0)
LINES = b'{"age": 1, "city": "x"}\n{"age": 31, "city": "Bern", "bought": true}\n'


@pytest.mark.parametrize(("name", "data", "line"), [
    ("a.csv", CSV, 3),
    ("A.CSV", b"\xef\xbb\xbf" + CSV, 3), ("a.csv", b"\xef\xbb\xbfage,city\n31,Bern\n", 2),
    ("a.csv", CSV.replace(b",", b";").replace(b"\n", b"\r\n"), 3),
    ("a.txt", CSV.replace(b",", b"|"), 3), ("a.tsv", CSV.replace(b",", b"\t"), 3),
    ("a.csv", CSV.replace(b",x", b',"x\ny"'), 4), ("a.2024.csv.gz", PACKED, 3),
    ("a.csv", CSV.replace(b"x", b"\xff"), 3), ("a.csv", CSV + b"short\n", 3),
    ("a.jsonl", LINES, 2), ("a.ndjson.gz", gzip.compress(LINES, mtime=0), 2), ("a.json", LINES, 2),
    ("a.jsonl", b'{"id": 1}\n{"features": {"age": "31", "city": "Bern"}}\n', 2),
    ("a.jsonl", LINES + b"{", 2),
])  # fmt: skip
def test_a_real_row_is_found_by_its_line(root: Path, name: str, data: bytes, line: int) -> None:
    clause, output = find(root, name, data)

    assert clause == f"golden row 2 is line {line} of data/{name}"
    assert output == ""


@pytest.mark.parametrize(("name", "data"), [
    ("golden.csv", CSV), ("a.csv", b""), ("a.csv", CSV.replace(b"Age", b"Years")),
    ("a.csv", CSV.replace(b"31", b"32")), ("a.csv", CSV.replace(b"Bern", b"Graz")),
    ("a.csv.gz", CSV), ("a.csv.gz", PACKED[:-12]), ("a.json", b"[\n" + LINES + b"]"),
    ("a.jsonl", b"1\n" + LINES), ("a.bin", CSV), ("a.csv", b'x,"' + b"y" * 200_000 + b'"\n'),
])  # fmt: skip
def test_no_row_is_found_in_other_rows_or_what_cannot_be_read(
    root: Path, name: str, data: bytes
) -> None:
    assert find(root, name, data) == ("", "")


@pytest.mark.parametrize(("name", "data"), [
    ("a.csv", CSV), ("a.csv.gz", PACKED), ("a.parquet", b"PAR1"),
], ids=["larger", "packed", "another format"])  # fmt: skip
def test_what_is_not_read_to_its_end_is_noticed(
    root: Path, name: str, data: bytes, sentence: Sentence
) -> None:
    clause, output = find(root, name, data, limit=len(CSV) - 1)

    assert clause == ""
    sentence(output)
    assert find(root, "a.csv", CSV, limit=len(CSV) + 1)[0]


def test_a_real_row_is_refused_but_the_model_is_kept(root: Path, sentence: Sentence) -> None:
    write(root, "data/rows.csv", "age,city\n40.5,Wien\n")
    answer = training("new", {"holdout.jsonl": HOLDOUT}, golden=GOLDEN)

    for _ in range(2):
        session = open_with(root, answer, registered=frozenset({"evaluate"}))
        with pytest.raises(RefusedError) as caught:
            session.step("train")
        assert session.queue == []
        assert (root / "model/small_model/artefact/model.joblib").read_text() == "new"

    sentence(str(caught.value))
    assert "train    unchanged" in session.output
    configure(root, 'golden.real-rows = "allowed"')
    session = open_with(root, answer, registered=frozenset({"evaluate"})).step("train")
    assert session.tools.calls == []
    assert session.queue == ["evaluate"]
