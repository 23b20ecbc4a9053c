from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from trainwheel.errors import ConfigurationError
from trainwheel.scaffold.table import BATCH, batches, find_layout


@pytest.mark.parametrize(("data", "columns", "rows"), [
    (b"a,b\n1,x\n", "a b", [["1", "x"]]),
    (b"\xef\xbb\xbfa;b\r\n1,5;x\r\n", "a b", [["1,5", "x"]]),
    (b"a\tb\n\n1\t\n\n", "a b", [["1", ""]]),
    (b'a|"b c"\n"1|2"|x\n', "a|b c", [["1|2", "x"]]),
    (b'a, b\n"x\ny", 2\n', "a b", [["x\ny", "2"]]),
    ("a,größe\n1,ß\n".encode("utf-16"), "a größe", [["1", "ß"]]),
    (gzip.compress(b"a,b\n1,x\n", mtime=0), "a b", [["1", "x"]]),
    (b"alone\n1\n\n2\n", "alone", [["1"], ["2"]]),
])  # fmt: skip
def test_rows_are_read_however_they_are_written(
    tmp_path: Path, data: bytes, columns: str, rows: list[list[str]]
) -> None:
    path = tmp_path / ("t.csv.gz" if data.startswith(b"\x1f\x8b") else "t.csv")
    path.write_bytes(data)

    layout = find_layout(path)

    assert layout.columns == tuple(columns.split("|" if "|" in columns else " "))
    assert [row for batch in batches(path, layout) for row in batch] == rows


def test_another_encoding_is_named(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("a,b\nä,1\n".encode("cp1252"))
    assert list(batches(path, find_layout(path, "cp1252"))) == [[["ä", "1"]]]


def test_a_long_table_comes_in_batches(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + "1,2\n" * (BATCH + 1))
    assert [len(batch) for batch in batches(path, find_layout(path))] == [BATCH, 1]


@pytest.mark.parametrize(("name", "data"), [
    ("t.csv", b""), ("t.csv", b"\n"), ("t.csv", b"a,b,a\n1,2,3\n"), ("t.csv", b",\n1,2\n"),
    ("t.csv", b"5.1,3.5\n4.9,3.0\n"), ("t.csv", b"a\xe4,b\n1,2\n"), ("t.csv", b"a\0b\n"),
    ("t.csv", b"a,b\n1,2\n3\n"), ("t.csv", b'a,b\n1,2\n\n"3","4",5\n'), ("t.csv", b'a,b\n1,"2\n'),
    ("t.xlsx", b"PK"), ("t.csv.gz", b"a,b\n"),
    ("t.csv.gz", gzip.compress(b"a,b\n1,2\n", mtime=0)[:-9]),
])  # fmt: skip
def test_what_cannot_be_read_is_one_line(
    tmp_path: Path, name: str, data: bytes, sentence: Callable[[str], None]
) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(ConfigurationError) as caught:
        list(batches(path, find_layout(path)))
    sentence(str(caught.value))


@pytest.mark.parametrize("name", ["gone.csv", "."])
def test_what_is_not_a_file_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"not there|folder"):
        find_layout(tmp_path / name)


def test_an_unknown_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b\n")
    with pytest.raises(ConfigurationError, match="utf-9"):
        find_layout(path, "utf-9")
