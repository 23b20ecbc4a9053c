"""Which files a name stands for, and that a file is written whole or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trainwheel.errors import ConfigurationError
from trainwheel.system.files import (
    everything_below,
    list_files,
    place,
    scratch_folder,
    write_atomically,
)  # fmt: skip
from trainwheel.system.ignored import Ignored

TREE = (
    *("b.py", "a/z.py", "a/b/c.txt", ".env", "a/__pycache__/z.pyc", "x.pyc"),
    *(".pytest_cache/v", ".mypy_cache/v", ".ruff_cache/v", "m.egg-info/PKG-INFO"),
)


def plant(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def listed(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in list_files(folder)]


def test_files_are_listed_in_one_order_without_caches(tmp_path: Path) -> None:
    plant(tmp_path, *TREE)

    assert listed(tmp_path) == [".env", "a/b/c.txt", "a/z.py", "b.py"]


def test_data_and_outputs_are_listed_with_what_looks_like_a_cache(tmp_path: Path) -> None:
    plant(tmp_path, *TREE)

    assert {path.removeprefix(f"{tmp_path}/") for path in everything_below(tmp_path)} == set(TREE)


@pytest.mark.parametrize(("patterns", "at", "names"), [
    ((), None, ["a/keep", "a/x", "b", "c.log"]),
    (("*.log", "top/a/x"), None, ["a/keep", "b"]),
    (("top/a",), None, ["b", "c.log"]), (("top/*",), None, []),
    (("place/a", "top/b"), "place", ["b", "c.log"]),
])  # fmt: skip
def test_a_folder_is_listed_without_what_the_repository_ignores(
    tmp_path: Path, patterns: tuple[str, ...], at: str | None, names: list[str]
) -> None:
    top = plant(tmp_path / "top", "a/keep", "a/x", "a/.x.swp", "b", "b~", "c.log", ".idea/a/b")
    place = at and tmp_path / at
    listed = everything_below(top, Ignored(patterns, str(tmp_path)), place or None)

    assert [name.removeprefix(f"{top}/") for name in listed] == names


def test_an_ignored_name_that_is_given_itself_counts(tmp_path: Path) -> None:
    plant(tmp_path, "x~", ".vscode/a", ".vscode/b~")

    assert listed(tmp_path / "x~") == ["."]
    assert listed(tmp_path / ".vscode") == ["a"]
    assert listed(tmp_path) == []


def test_a_file_lists_itself_and_what_is_absent_lists_nothing(tmp_path: Path) -> None:
    plant(tmp_path, "a")

    assert list(list_files(tmp_path / "a")) == [tmp_path / "a"]
    assert list(everything_below(tmp_path / "a")) == [str(tmp_path / "a")]
    assert list(list_files(tmp_path / "b")) == []


def test_links_are_followed_to_what_they_hold(tmp_path: Path) -> None:
    plant(tmp_path / "elsewhere", "deep/a", "b")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "folder").symlink_to(tmp_path / "elsewhere" / "deep")
    (tmp_path / "data" / "file").symlink_to(tmp_path / "elsewhere" / "b")

    assert listed(tmp_path / "data") == ["file", "folder/a"]


def test_two_links_to_one_folder_are_no_circle(tmp_path: Path) -> None:
    plant(tmp_path / "elsewhere", "a")
    (tmp_path / "data").mkdir()
    for name in ("one", "two"):
        (tmp_path / "data" / name).symlink_to(tmp_path / "elsewhere")

    assert listed(tmp_path / "data") == ["one/a", "two/a"]


def test_a_link_that_leads_nowhere_is_no_file(tmp_path: Path) -> None:
    plant(tmp_path, "a")
    (tmp_path / ".#a").symlink_to("someone@host.1234")

    assert listed(tmp_path) == ["a"]


@pytest.mark.parametrize("target", ["circle", ".", "..", "../data", "deeper/.."])
def test_a_link_that_leads_round_in_a_circle_is_refused(tmp_path: Path, target: str) -> None:
    data = plant(tmp_path / "data", "a", "deeper/b")
    (data / "circle").symlink_to(target)

    with pytest.raises(ConfigurationError) as caught:
        list(list_files(data))

    told = str(caught.value)
    assert told.startswith(
        f"configuration: a symbolic link leads round in a circle at {data}/circle"
    )
    assert told.endswith("; remove the link")


def test_a_name_may_hold_anything_that_a_file_system_takes(tmp_path: Path) -> None:
    names = ["line\nbreak", "späne", " ", "a\\b", "tab\t", "*?[", "-rf"]
    plant(tmp_path, *names)
    odd = os.fsdecode(b"\xff\xfe")
    plant(tmp_path, odd)

    assert listed(tmp_path) == sorted([*names, odd])


@contextmanager
def umask(mask: int) -> Iterator[None]:
    """Run a block under another umask."""
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


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
            plant(folder, "deep/file")
            path.write_bytes(old)

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
    plant(tmp_path, "folder/kept")

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
        plant(path, text)
    elif kind == "link":
        path.symlink_to(path.parent / "elsewhere")


@pytest.mark.parametrize("before", ["nothing", "file", "folder", "link"])
@pytest.mark.parametrize("after", ["file", "folder"])
def test_an_output_replaces_whatever_is_there(tmp_path: Path, after: str, before: str) -> None:
    elsewhere = plant(tmp_path / "final" / "elsewhere", "kept")
    final = tmp_path / "final" / "output"
    make(tmp_path / "scratch" / "output", after, "new")
    make(final, before, "old")

    place(tmp_path / "scratch" / "output", final)

    assert final.read_text() == "new" if after == "file" else names(final) == ["new"]
    assert not final.is_symlink()
    assert names(elsewhere) == ["kept"]
    assert names(tmp_path / "final") == ["elsewhere", "output"]


def test_what_was_there_comes_back_if_the_new_cannot_be_placed(tmp_path: Path) -> None:
    final = plant(tmp_path / "final", "old")

    with pytest.raises(FileNotFoundError):
        place(tmp_path / "missing", final)

    assert names(final) == ["old"]
    assert names(tmp_path) == ["final"]


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Path]:
    """A folder on another file system."""
    memory = Path("/dev/shm")  # noqa: S108 - the one other file system that a Linux has
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no other file system here")
    with scratch_folder(memory, "trainwheel-test") as folder:
        yield folder


@pytest.mark.parametrize("before", ["nothing", "file", "folder", "link"])
@pytest.mark.parametrize("after", ["file", "folder", "link"])
def test_an_output_is_placed_from_another_file_system(
    tmp_path: Path, elsewhere: Path, after: str, before: str
) -> None:
    make(elsewhere / "output", after, "new")
    make(tmp_path / "final", before, "old")
    (tmp_path / ".final.new~").mkdir()  # left by a run that was killed

    place(elsewhere / "output", tmp_path / "final")

    assert names(elsewhere) == []
    assert names(tmp_path) == ["final"]
    final = tmp_path / "final"
    assert final.is_symlink() == (after == "link")
    if after != "link":
        assert final.read_text() == "new" if after == "file" else names(final) == ["new"]


KILLED = """
import os, sys
from pathlib import Path
from trainwheel.system.files import place

left = int(sys.argv[1])

def hook(event, args):
    global left
    if event in {"os.rename", "os.remove", "os.rmdir", "os.mkdir"}:
        left -= 1
        if left < 0:
            os._exit(9)

sys.addaudithook(hook)
place(Path(sys.argv[2]), Path(sys.argv[3]))
"""


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_kill_leaves_the_old_whole_or_what_is_neither_and_loses_nothing(
    tmp_path: Path, elsewhere: Path, kind: str
) -> None:
    def fill(path: Path, text: str) -> str:
        for name in [path] if kind == "file" else [path / "a", path / "b" / "c"]:
            write_atomically(name, text.encode())
        return shape(path)

    def shape(path: Path) -> str:
        below = map(Path, everything_below(path))
        return str([(str(each.relative_to(path)), each.read_text()) for each in below])

    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    states = []
    for moment in range(20):
        top, new = tmp_path / str(moment), elsewhere / str(moment)
        whole = fill(new, "new")
        old = fill(top / "final", "old")
        argv = (sys.executable, "-c", KILLED, str(moment), str(new), str(top / "final"))
        code = subprocess.run(argv, check=False, env=variables).returncode
        states.append("old" if (after := shape(top / "final")) == old else after)
        assert whole in (after, shape(new), shape(top / ".final.new~"))
        if not code:
            break
    assert states[0] == "old"
    assert states[-1] == whole
    assert "old" not in states[states.index("old") + states.count("old") :]
