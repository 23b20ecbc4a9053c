"""A digest is that of the bytes, whether the file was read again or not."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from trainwheel.engine.digests import DigestTable
from trainwheel.system.digest import digest_file, digest_files
from trainwheel.system.ignored import Ignored

Change = Callable[[Path], object]
SECOND = 1_000_000_000
TEXT = b"one,two"
FILE = Path("build", "digests.json")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file whose digest is asked for."""
    return write_tree(tmp_path, {"data.csv": TEXT}) / "data.csv"


@pytest.fixture
def table(tmp_path: Path) -> DigestTable:
    """An empty table, for a run some seconds after its files were written."""
    return DigestTable(tmp_path / FILE, lambda: time.time_ns() + 10 * SECOND)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def write_tree(folder: Path, tree: Mapping[str, bytes]) -> Path:
    for name, data in tree.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def stored(root: Path) -> dict[str, str]:
    """Return the name of each file in the saved table → its digest."""
    files = json.loads((root / FILE).read_bytes())["files"]
    return {Path(name).name: entry[2] for name, entry in files.items()}


def forge(root: Path, text: str, other: str) -> DigestTable:
    """Return the saved table with another text in it: who reads that did not read the file."""
    file = root / FILE
    document = file.read_text()
    assert text in document
    file.write_text(document.replace(text, other))
    return DigestTable(file)


def is_remembered(table: DigestTable, path: Path) -> bool:
    """Return whether the next run takes a file's digest from the table."""
    digest = table.digest(path)
    table.save()
    assert digest == sha256(TEXT)
    return forge(path.parent, digest, "forged").digest(path) == "forged"


@pytest.mark.parametrize("data", [b"", b"hello", b"x" * (1 << 21)], ids=["none", "few", "many"])
def test_a_digest_is_that_of_the_bytes(path: Path, table: DigestTable, data: bytes) -> None:
    path.write_bytes(data)

    assert digest_file(path) == table.digest(path) == table.output(path) == sha256(data)


def test_the_clock_is_that_of_the_file_system(path: Path, tmp_path: Path) -> None:
    table = DigestTable(tmp_path / FILE)
    table.digest(path)
    table.save()

    (entry,) = json.loads((tmp_path / FILE).read_bytes())["files"].values()
    assert abs(entry[1] - time.time_ns()) < 60 * SECOND
    assert [each.name for each in (tmp_path / FILE).parent.iterdir()] == [FILE.name]


@pytest.mark.parametrize(("since", "expected"), [
    (-SECOND + 1, False), (1, False), (20_000_000, False), (20_000_001, True), (SECOND, False),
    (2 * SECOND, False), (2 * SECOND + 1, True), (3 * SECOND, True),
])  # fmt: skip
def test_a_file_is_read_again_unless_it_was_older_than_a_tick_of_the_clock(
    path: Path, tmp_path: Path, since: int, *, expected: bool
) -> None:
    # Another write within the tick would leave the same times. A clock that shows whole seconds is
    # taken for a coarse one.
    whole = (path.stat().st_ctime_ns // SECOND + 5) * SECOND
    os.utime(path, ns=(whole, whole))

    assert is_remembered(DigestTable(tmp_path / FILE, lambda: whole + since), path) is expected


def test_an_old_file_whose_inode_changed_just_now_is_read_again(path: Path, tmp_path: Path) -> None:
    os.utime(path, ns=(0, 0))
    now = path.stat().st_ctime_ns + 10_000_001

    assert not is_remembered(DigestTable(tmp_path / FILE, lambda: now), path)


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


@pytest.mark.parametrize("change", [patch, replace, restore_times(patch), restore_times(replace)],
                         ids=["in place", "new file", "in place, same time", "new, same time"],
                         )  # fmt: skip
@pytest.mark.parametrize("days", [0, 1, -1])
def test_an_edit_is_seen_however_it_is_disguised_and_whatever_the_clock(
    path: Path, tmp_path: Path, change: Change, days: int
) -> None:
    # As if the file was read a minute ago: its times are older than any edit.
    os.utime(path, ns=(0, 0))
    now = time.time_ns() + 60 * SECOND + days * 86_400 * SECOND
    table = DigestTable(tmp_path / FILE, lambda: now)
    table.digest(path)
    table.save()
    before = path.stat().st_ctime_ns
    while path.stat().st_ctime_ns == before:  # a tick of the kernel's clock, 10 ms at most
        path.chmod(0o600)

    change(path)

    assert table.digest(path) == DigestTable(tmp_path / FILE).digest(path) == sha256(b"two,one")


def test_a_renamed_file_keeps_its_digest(path: Path, table: DigestTable) -> None:
    table.digest(path)
    target = path.with_name("target.csv")
    path.rename(target)

    table.carry(str(path), str(target))

    assert is_remembered(table, target)
    assert set(stored(path.parent)) == {"target.csv"}


def test_a_renamed_file_as_young_as_its_reading_is_read_again(path: Path, tmp_path: Path) -> None:
    table = DigestTable(tmp_path / FILE, lambda: path.stat().st_mtime_ns + 20_000_000)
    table.digest(path)
    target = path.rename(path.with_name("target.csv"))

    table.carry(str(path), str(target))
    table.save()

    assert stored(tmp_path) == {}


@pytest.mark.parametrize("data", [b"two,one", b"longer than it"])
def test_another_file_does_not_inherit_a_digest(
    path: Path, table: DigestTable, data: bytes
) -> None:
    table.digest(path)
    other = path.with_name("other.csv")
    other.write_bytes(data)

    table.carry(str(path), str(other))
    table.carry("never read", str(other))

    assert table.digest(other) == sha256(data)


MALFORMED = (
    "[]", "null", "{}", '{"schema": 99}', '{"schema": 3, "files": []}',
    '{"schema": 3, "files": {"a": [1]}}', "\0",
)  # fmt: skip


@pytest.mark.parametrize("schema", [2, 4])
def test_a_table_that_is_malformed_or_of_another_schema_or_cut_short_counts_as_empty(
    path: Path, table: DigestTable, schema: int
) -> None:
    assert is_remembered(table, path)
    whole = (path.parent / FILE).read_text()
    other = whole.replace('"schema":3', f'"schema":{schema}')

    for text in (other, *MALFORMED, *(whole[:length] for length in range(0, len(whole), 9))):
        (path.parent / FILE).write_text(text)
        assert DigestTable(path.parent / FILE, lambda: 0).digest(path) == sha256(TEXT)


def test_a_table_forgets_the_files_that_are_gone_and_keeps_those_that_were_not_asked_for(
    path: Path, table: DigestTable
) -> None:
    write_tree(path.parent, {"other.csv": b"", "new.csv": b"", "module.py": b"import a"})
    table.digest(path)
    table.digest(path.with_name("other.csv"))
    table.digest(path.with_name("module.py"))
    table.save()
    for name in ("data.csv", "module.py"):
        path.with_name(name).unlink()

    later = DigestTable(path.parent / FILE, lambda: time.time_ns() + 10 * SECOND)
    later.digest(path.with_name("new.csv"))
    later.save()

    assert set(stored(path.parent)) == {"other.csv", "new.csv"}


def test_a_table_that_did_not_change_is_not_written(path: Path, table: DigestTable) -> None:
    table.save()
    assert not (path.parent / FILE).exists()

    table.digest(path)
    table.save()
    (path.parent / FILE).unlink()
    table.digest(path)
    table.save()

    assert not (path.parent / FILE).exists()


def test_a_table_that_cannot_be_written_costs_only_time(path: Path, tmp_path: Path) -> None:
    table = DigestTable(write_tree(tmp_path, {"file": b""}) / "file" / "digests.json")

    assert [table.digest(path), table.digest(path)] == [sha256(TEXT)] * 2


def test_digests_go_by_the_path_below_the_root(tmp_path: Path, table: DigestTable) -> None:
    name = write_tree(tmp_path, {"a/b": b"1"}) / "a" / "b"
    expected = {"a/b": sha256(b"1")}

    assert digest_files(tmp_path, [name]) == table.digests(tmp_path, [str(name)]) == expected


BEFORE = {"a": b"12", "b": b"3", "c/d": b""}


@pytest.mark.parametrize(
    "after",
    [
        {"a": b"12", "b": b"3", "c/e": b""},
        {"a": b"1", "b": b"23", "c/d": b""},
        {"a": b"12", "b": b"3", "cd": b""},
        {"a": b"12", "b": b"3"},
        {"a": b"12", "b": b"3", "c/d": b"", "cache/e.bak": b""},
        {},
    ],
    ids=["renamed", "moved byte", "flattened", "gone", "new cache", "emptied"],
)
def test_a_folder_that_differs_has_another_digest(
    tmp_path: Path, table: DigestTable, after: dict[str, bytes]
) -> None:
    one = write_tree(tmp_path / "one", BEFORE)
    other = write_tree(tmp_path / "other", after)
    other.mkdir(exist_ok=True)

    assert table.output(one) != table.output(other)


def test_ignored_names_do_not_count_in_a_folder_nor_in_what_becomes_one(tmp_path: Path) -> None:
    table = DigestTable(tmp_path / FILE, ignored=Ignored(("out/cache",), str(tmp_path)))
    left = {"cache/x": b"", "c/.d.swp": b"", "__pycache__/e.pyc": b""}
    made = write_tree(tmp_path / "scratch", BEFORE | left)
    plain = write_tree(tmp_path / "out", BEFORE | left)

    assert table.output(made, at=plain) == table.output(plain) != table.output(made)


def test_what_is_absent_has_no_digest_and_a_file_may_be_skipped(
    tmp_path: Path, table: DigestTable
) -> None:
    folder = write_tree(tmp_path / "folder", {"a": b"1"})
    digest = table.output(folder)
    write_tree(folder, {"report": b""})

    assert table.output(tmp_path / "absent") == ""
    assert digest == table.output(folder, without={str(folder / "report")}) != table.output(folder)


def test_signatures_are_those_that_the_files_had_when_they_were_read(
    table: DigestTable, path: Path, tmp_path: Path
) -> None:
    table.digest(path)
    before = table.signatures(tmp_path, ["data.csv", str(path), "other.csv"])
    assert before == {
        "data.csv": table.written(path), str(path): table.written(path),
    }  # fmt: skip

    path.write_bytes(TEXT)
    os.utime(path, ns=(1, 1))

    assert table.signatures(tmp_path, ["data.csv"])["data.csv"] == before["data.csv"]
    table.digest(path)
    assert table.signatures(tmp_path, ["data.csv"])["data.csv"] == table.written(path)


def test_a_file_that_is_written_while_it_is_read_has_no_signature(
    tmp_path: Path, path: Path
) -> None:
    def write_again() -> int:
        with path.open("ab") as stream:
            stream.write(b"x")
        return time.time_ns() + 10 * SECOND

    table = DigestTable(tmp_path / FILE, write_again)

    table.digest(path)

    assert table.signatures(tmp_path, ["data.csv"]) == {}
