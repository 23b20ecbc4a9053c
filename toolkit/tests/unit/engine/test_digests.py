"""A digest is that of the bytes, whether the file was read again or not."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trainwheel.engine import digests
from trainwheel.engine.digests import DigestTable
from trainwheel.engine.imports import Imports
from trainwheel.system.digest import digest_file, digest_files
from trainwheel.system.files import scratch_folder

Change = Callable[[Path], object]

TICK = 0.05
"""Seconds after which a file is older than its reading, by the coarsest clock of a kernel."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file whose digest is asked for."""
    path = tmp_path / "data.csv"
    path.write_bytes(b"one,two")
    return path


@pytest.fixture
def table(tmp_path: Path) -> DigestTable:
    """An empty table."""
    return DigestTable(tmp_path / "build" / "digests.json")


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that were read, as they are."""
    found: list[str] = []

    def digest(path: Path | str) -> str:
        found.append(Path(path).name)
        return digest_file(path)

    monkeypatch.setattr(digests, "digest_file", digest)
    return found


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def again(table: DigestTable) -> DigestTable:
    """Save a table and return it as the next run finds it."""
    table.save()
    return DigestTable(table._path)  # noqa: SLF001


def write_tree(folder: Path, tree: Mapping[str, bytes]) -> Path:
    for name, data in tree.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


@pytest.mark.parametrize("data", [b"", b"hello", b"x" * (1 << 21)], ids=["none", "few", "many"])
def test_a_digest_is_that_of_the_bytes(path: Path, table: DigestTable, data: bytes) -> None:
    path.write_bytes(data)

    assert digest_file(path) == table.digest(path) == table.output(path) == sha256(data)


def test_a_file_that_stayed_is_read_once_in_this_run_and_the_next(
    path: Path, table: DigestTable, read: list[str]
) -> None:
    time.sleep(TICK)

    found = [table.digest(path), table.digest(path), again(table).digest(path)]

    assert found == [sha256(b"one,two")] * 3
    assert read == ["data.csv"]


def test_a_file_as_young_as_its_reading_is_read_again(
    path: Path, table: DigestTable, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Another write within the same tick of the clock would leave the same signature.
    monkeypatch.setattr(DigestTable, "_clock", lambda _: path.stat().st_mtime_ns + 1)

    table.digest(path)
    table.digest(path)

    assert read == ["data.csv", "data.csv"]


def restore_times(change: Change) -> Change:
    """Return a change after which the file claims to be as old and as long as before."""

    def change_and_restore(path: Path) -> None:
        status = path.stat()
        change(path)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        assert path.stat().st_size == status.st_size
        assert path.stat().st_mtime_ns == status.st_mtime_ns

    return change_and_restore


def replace(path: Path) -> None:
    new = path.with_name("new")
    new.write_bytes(b"two,one")
    new.rename(path)


def patch(path: Path) -> None:
    with path.open("r+b") as stream:
        stream.write(b"two,one")


@pytest.mark.parametrize(
    "change",
    [patch, replace, restore_times(patch), restore_times(replace)],
    ids=["in place", "as a new file", "in place with its time", "as a new file with its time"],
)
def test_an_edit_is_seen_however_it_is_disguised(
    path: Path, table: DigestTable, change: Change
) -> None:
    time.sleep(TICK)
    table.digest(path)
    known = again(table)

    change(path)

    assert known.digest(path) == sha256(b"two,one")


@pytest.mark.parametrize("day", [86_400, -86_400])
def test_a_clock_that_jumped_does_not_hide_an_edit(
    path: Path, table: DigestTable, day: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time_ns()
    monkeypatch.setattr(DigestTable, "_clock", lambda _: now + day * 1_000_000_000)
    table.digest(path)
    known = again(table)

    restore_times(patch)(path)

    assert known.digest(path) == sha256(b"two,one")


def test_a_file_of_the_future_is_read_every_time(
    path: Path, table: DigestTable, read: list[str]
) -> None:
    future = time.time() + 86_400
    os.utime(path, (future, future))

    table.digest(path)
    table.digest(path)

    assert read == ["data.csv", "data.csv"]


def test_a_coarse_clock_is_given_two_seconds(
    path: Path, table: DigestTable, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = (path.stat().st_ctime_ns // 1_000_000_000 + 2) * 1_000_000_000
    monkeypatch.setattr(DigestTable, "_clock", lambda _: whole)

    table.digest(path)
    table.digest(path)

    assert read == ["data.csv", "data.csv"]


def test_a_renamed_file_keeps_its_digest(path: Path, table: DigestTable, read: list[str]) -> None:
    time.sleep(TICK)
    table.digest(path)
    moved = path.with_name("moved.csv")
    path.rename(moved)

    table.carry(str(path), str(moved))

    assert again(table).digest(moved) == sha256(b"one,two")
    assert read == ["data.csv"]


def test_another_file_does_not_inherit_a_digest(path: Path, table: DigestTable) -> None:
    time.sleep(TICK)
    table.digest(path)
    other = path.with_name("other.csv")
    other.write_bytes(b"two,one")

    table.carry(str(path), str(other))

    assert table.digest(other) == sha256(b"two,one")


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "null", "{}", '{"schema": 99}', '{"schema": 1, "files": [], "imports": {}}',
        '{"schema": 1, "files": {"a": [1]}, "imports": {}}', "\0",
    ],
)  # fmt: skip
def test_a_table_that_cannot_be_read_counts_as_empty(tmp_path: Path, path: Path, text: str) -> None:
    (tmp_path / "digests.json").write_text(text)

    table = DigestTable(tmp_path / "digests.json")

    assert table.digest(path) == sha256(b"one,two")


def test_a_table_that_was_cut_short_anywhere_tells_no_lie(path: Path, table: DigestTable) -> None:
    time.sleep(TICK)
    table.digest(path)
    table.save()
    whole = table._path.read_bytes()  # noqa: SLF001
    patch(path)

    for length in range(len(whole)):
        table._path.write_bytes(whole[:length])  # noqa: SLF001
        assert DigestTable(table._path).digest(path) == sha256(b"two,one")  # noqa: SLF001


def test_a_table_forgets_files_that_are_gone(path: Path, table: DigestTable) -> None:
    other = path.with_name("other.csv")
    other.touch()
    table.digest(path)
    table.digest(other)
    next_table = again(table)
    path.unlink()

    next_table.digest(other)
    next_table.digest(write_tree(path.parent, {"new.csv": b""}) / "new.csv")
    next_table.save()

    kept = json.loads(next_table._path.read_bytes())["files"]  # noqa: SLF001
    assert {Path(name).name for name in kept} == {"other.csv", "new.csv"}


def test_a_table_that_cannot_be_kept_costs_only_time(path: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    table = DigestTable(tmp_path / "file" / "digests.json")

    assert table.digest(path) == sha256(b"one,two")


def test_what_a_file_imports_is_read_once_for_each_content(
    tmp_path: Path, table: DigestTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = tmp_path / "module.py"
    module.write_text("import json\n")
    asked: list[bytes] = []

    def read(source: bytes) -> Imports:
        asked.append(source)
        return Imports(("json",), 0)

    monkeypatch.setattr(digests, "read_imports", read)

    found = [table.imports(module), again(table).imports(module)]

    assert found == [Imports(("json",), 0)] * 2
    assert asked == [b"import json\n"]


def test_digests_are_told_by_path_below_the_root(tmp_path: Path, table: DigestTable) -> None:
    write_tree(tmp_path, {"a/b": b"1"})
    name = tmp_path / "a" / "b"

    assert (
        digest_files(tmp_path, [name])
        == table.digests(tmp_path, [str(name)])
        == {"a/b": sha256(b"1")}
    )


BEFORE = {"a": b"12", "b": b"3", "c/d": b""}


@pytest.mark.parametrize(
    "after",
    [
        {"a": b"12", "b": b"3", "c/e": b""},
        {"a": b"3", "b": b"12", "c/d": b""},
        {"a": b"1", "b": b"23", "c/d": b""},
        {"a": b"12", "b": b"3", "cd": b""},
        {"a": b"12", "b": b"3"},
        {"a": b"12", "b": b"3", "c/d": b"", "e": b""},
        {"a": b"12", "b": b"3", "c/d": b"", "__pycache__/e.pyc": b""},
        {"a": b"12", "b": b"4", "c/d": b""},
        {},
    ],
    ids=["renamed", "swapped", "moved byte", "flattened", "gone", "new", "new cache", "changed",
         "emptied"],
)  # fmt: skip
def test_a_folder_that_differs_has_another_digest(
    tmp_path: Path, table: DigestTable, after: dict[str, bytes]
) -> None:
    one = write_tree(tmp_path / "one", BEFORE)
    other = write_tree(tmp_path / "other", after)
    other.mkdir(exist_ok=True)

    assert table.output(one) != table.output(other)


def test_what_is_absent_has_no_digest_unlike_what_is_empty(
    tmp_path: Path, table: DigestTable
) -> None:
    (tmp_path / "empty").mkdir()

    assert table.output(tmp_path / "absent") == ""
    assert table.output(tmp_path / "empty") != ""


trees = st.dictionaries(st.text("abc", min_size=1, max_size=2), st.binary(max_size=2), max_size=3)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(one=trees, other=trees)
def test_folders_have_one_digest_exactly_where_they_are_alike(
    tmp_path: Path, table: DigestTable, one: dict[str, bytes], other: dict[str, bytes]
) -> None:
    with scratch_folder(tmp_path, "one") as first, scratch_folder(tmp_path, "other") as second:
        digests_found = [
            table.output(write_tree(first, one)),
            table.output(write_tree(second, other)),
        ]

    assert (digests_found[0] == digests_found[1]) == (one == other)
