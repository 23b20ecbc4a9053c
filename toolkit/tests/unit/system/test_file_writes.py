"""A file is written whole or not at all, and an output replaces what is in its place."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trainwheel.system.files import place, scratch_folder, write_atomically


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


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
@pytest.mark.parametrize("after", ["file", "folder"])
def test_an_output_replaces_whatever_is_there(tmp_path: Path, after: str, before: str) -> None:
    elsewhere = write_tree(tmp_path / "final" / "elsewhere", {"kept": b""})
    final = tmp_path / "final" / "output"
    make(tmp_path / "scratch" / "output", after, "new")
    make(final, before, "old")

    place(tmp_path / "scratch" / "output", final)

    assert final.read_text() == "new" if after == "file" else names(final) == ["new"]
    assert not final.is_symlink()
    assert names(elsewhere) == ["kept"]
    assert names(tmp_path / "final") == ["elsewhere", "output"]
