"""Records and outputs on disk: true or absent, whatever happened on the way."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from trainwheel.engine.digests import DigestTable
from trainwheel.engine.fingerprint import Fingerprint
from trainwheel.engine.records import Record, read_record, write_record
from trainwheel.system.files import place, scratch_folder, write_atomically

RECORD = Record(
    "train",
    Fingerprint({"model/a.py": "ab" * 32}, {"Python": "cpython 3.11.7"}),
    {"build/train": "cd" * 32},
    1.5,
    {"summary": "trained, accuracy 0.970"},
)


@contextmanager
def umask(mask: int) -> Iterator[None]:
    """Run a block under another umask."""
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def write_tree(folder: Path, tree: Mapping[str, bytes]) -> Path:
    for name, data in tree.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


on_disk = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@on_disk
@given(old=st.none() | st.binary(), new=st.binary())
def test_a_file_is_written_whole_and_leaves_nothing_beside_it(
    tmp_path: Path, old: bytes | None, new: bytes
) -> None:
    with scratch_folder(tmp_path, "x") as folder:
        path = folder / "deep" / "file"
        if old is not None:
            write_tree(folder, {"deep/file": old})

        write_atomically(path, new)

        assert path.read_bytes() == new
        assert names(path.parent) == ["file"]


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077, 0o777])
def test_a_new_file_may_be_read_by_all_and_an_old_one_keeps_its_mode(
    tmp_path: Path, mask: int
) -> None:
    old = tmp_path / "old"
    old.touch()
    old.chmod(0o640)

    with umask(mask):
        write_atomically(tmp_path / "new", b"")
        write_atomically(old, b"")

    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o644
    assert old.stat().st_mode & 0o777 == 0o640


def test_a_write_that_fails_leaves_the_old_content_and_no_litter(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    with pytest.raises(TypeError):
        write_atomically(path, "text")  # type: ignore[arg-type]

    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


def test_a_folder_is_not_overwritten_by_a_file(tmp_path: Path) -> None:
    write_tree(tmp_path, {"folder/kept": b"1"})

    with pytest.raises(OSError, match="folder"):
        write_atomically(tmp_path / "folder", b"")

    assert names(tmp_path) == ["folder"]


def test_a_scratch_folder_is_fresh_and_goes_whatever_happens(tmp_path: Path) -> None:
    def fail_in(folder: Path) -> None:
        with scratch_folder(folder, "train") as scratch:
            assert names(scratch) == []
            raise ZeroDivisionError

    with scratch_folder(tmp_path / "tmp", "train") as first:
        (first / "half").touch()
        with pytest.raises(ZeroDivisionError):
            fail_in(tmp_path / "tmp")
        assert names(tmp_path / "tmp") == [first.name]

    assert names(tmp_path / "tmp") == []


def digest_output(path: Path) -> str:
    return DigestTable(path.parents[1] / "digests.json").output(path)


def make(path: Path, kind: str, text: str) -> None:
    """Put something of this kind at a path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "file":
        path.write_text(text)
    elif kind == "folder":
        write_tree(path, {text: b""})
    elif kind == "link":
        path.symlink_to(path.parent / "elsewhere")


@pytest.mark.parametrize("before", ["nothing", "file", "folder", "link"])
@pytest.mark.parametrize("made", ["file", "folder"])
def test_what_was_made_takes_the_place_of_whatever_is_there(
    tmp_path: Path, made: str, before: str
) -> None:
    elsewhere = write_tree(tmp_path / "final" / "elsewhere", {"kept": b""})
    final = tmp_path / "final" / "output"
    make(tmp_path / "scratch" / "output", made, "new")
    make(final, before, "old")
    expected = digest_output(tmp_path / "scratch" / "output")

    place(tmp_path / "scratch" / "output", final)

    assert digest_output(final) == expected
    assert not final.is_symlink()
    assert names(elsewhere) == ["kept"]
    assert names(tmp_path / "final") == ["elsewhere", "output"]


def test_a_record_survives_its_file(tmp_path: Path) -> None:
    write_record(tmp_path / "records", RECORD)

    assert read_record(tmp_path / "records", "train") == RECORD
    assert read_record(tmp_path / "records", "test") is None


texts = st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3)


@on_disk
@given(record=st.builds(
    Record, st.just("train"), st.builds(Fingerprint, texts, texts), texts, st.floats(0, 1e6), texts,
    st.floats(0, 1e11),
))  # fmt: skip
def test_any_record_survives_its_file(tmp_path: Path, record: Record) -> None:
    write_record(tmp_path, record)

    assert read_record(tmp_path, "train") == record


def test_a_record_that_was_cut_short_anywhere_counts_as_absent(tmp_path: Path) -> None:
    write_record(tmp_path, RECORD)
    path = tmp_path / "train.json"
    whole = path.read_bytes()

    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert read_record(tmp_path, "train") is None, length


@on_disk
@given(data=st.data())
def test_a_record_with_a_damaged_fingerprint_counts_as_absent(
    tmp_path: Path, data: st.DataObject
) -> None:
    write_record(tmp_path, RECORD)
    path = tmp_path / "train.json"
    whole = path.read_bytes()
    start = whole.index(b'"fingerprint"')
    position = data.draw(st.integers(start, whole.index(b'"finished"') - 1))
    byte = data.draw(st.integers(0, 255))
    path.write_bytes(whole[:position] + bytes([byte]) + whole[position + 1 :])

    read = read_record(tmp_path, "train")
    assume(not bytes([whole[position]]).isspace() and byte != whole[position])

    assert read is None


@pytest.mark.parametrize(
    "change",
    [
        {"schema": 1},
        {"schema": 99},
        {"seconds": None},
        {"finished": "yesterday"},
        {"schema": None},
        {"key": "0" * 64},
        {"fingerprint": None},
        {"fingerprint": []},
        {"fingerprint": {"files": {}}},
        {"fingerprint": {"files": [["a", "b"]], "facts": {}}},
        {"fingerprint": {"files": {}, "facts": {}, "more": {}}},
        {"outputs": None},
        {"outputs": []},
        {"facts": None},
        {"facts": "text"},
    ],
    ids=str,
)
def test_a_record_of_another_shape_counts_as_absent(tmp_path: Path, change: dict[str, Any]) -> None:
    write_record(tmp_path, RECORD)
    document = json.loads((tmp_path / "train.json").read_bytes())
    document |= change
    if isinstance(change.get("fingerprint"), dict) and "facts" in change["fingerprint"]:
        files, facts = dict(change["fingerprint"]["files"]), change["fingerprint"]["facts"]
        document["key"] = Fingerprint(files, facts).key
    (tmp_path / "train.json").write_text(json.dumps(document))

    assert read_record(tmp_path, "train") is None


@pytest.mark.parametrize("text", ["", "null", "[]", "3", "{}", '{"schema": 2}', "\xff"])
def test_garbage_counts_as_no_record(tmp_path: Path, text: str) -> None:
    (tmp_path / "train.json").write_bytes(text.encode("latin-1"))

    assert read_record(tmp_path, "train") is None


def test_a_folder_in_the_place_of_a_record_counts_as_no_record(tmp_path: Path) -> None:
    (tmp_path / "train.json").mkdir()

    assert read_record(tmp_path, "train") is None
