"""A kept result comes back whole or not at all, and nothing outside the cache is touched."""

from __future__ import annotations

import errno
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainwheel.engine import cache as result_cache
from trainwheel.engine.cache import Result, ResultCache
from trainwheel.system.digest import digest_file, digest_json

Tree = Mapping[str, bytes | None]
RESULT = Result({"summary": "trained", "model": "ab12"}, 12.5, 1.7e9)
TRAINED: Tree = {"model.joblib": b"weights", "train/metrics.json": b"{}", "train/plots": None}
ODD = os.fsdecode(b'\xff\xfe line\nbreak \\ "*?[ sp\xc3\xa4ne')
OLD, NOW, FUTURE = 0, 1_700_000_000, 4_000_000_000


@pytest.fixture
def cache(tmp_path: Path) -> ResultCache:
    """An empty cache with room for all that most tests keep."""
    return ResultCache(tmp_path / ".trainwheel" / "cache", 1000, digest_file)


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """The empty folder of a step."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


def plant(folder: Path, tree: Tree) -> dict[str, Path]:
    """Write files, and empty folders for None, and return what is at the top."""
    folder.mkdir(exist_ok=True)
    for name, data in tree.items():
        path = folder / name
        if data is None:
            path.mkdir(parents=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    return {path.name: path for path in folder.iterdir()}


def standing(folder: Path) -> Tree:
    """Return the files below a folder and what they hold, and the empty folders."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
        if path.is_file() or not any(path.iterdir())
    }


def key(name: int) -> str:
    return f"{name:064}"


def keep(cache: ResultCache, name: int, tree: Tree, step: str = "train") -> str:
    """Keep a result and take its outputs away, as a clean does."""
    with tempfile.TemporaryDirectory(dir=cache.folder.parents[1]) as made:
        return cache.keep(step, key(name), RESULT, plant(Path(made), tree))


def restore(cache: ResultCache, name: int, step: str = "train") -> Tree | None:
    """Return what is restored into a folder of its own; None where the result is not kept."""
    with tempfile.TemporaryDirectory(dir=cache.folder.parents[1]) as scratch:
        result = cache.restore(step, key(name), Path(scratch))
        found = standing(Path(scratch))
    assert result == RESULT or (result, found) == (None, {})
    return found if result else None


def kept(cache: ResultCache) -> set[int]:
    """Return the names of the kept results, without using any."""
    return {int(path.stem) for path in cache.folder.glob("results/*/*")}


def kept_bytes(cache: ResultCache) -> int:
    return sum(path.stat().st_size for path in cache.folder.glob("files/*/*"))


def list_of(cache: ResultCache, name: int) -> Path:
    return cache.folder / "results" / "train" / f"{key(name)}.json"


def file_of(cache: ResultCache, data: bytes) -> Path:
    (path,) = (path for path in cache.folder.glob("files/*/*") if path.read_bytes() == data)
    return path


def test_a_result_comes_back_as_often_as_it_is_asked_for(cache: ResultCache) -> None:
    assert keep(cache, 1, TRAINED) == ""

    assert [restore(cache, 1), restore(cache, 1)] == [TRAINED, TRAINED]


@pytest.mark.parametrize(
    "tree",
    [
        {"empty.txt": b""},
        {"empty": None},
        {"a/b/c/d": None, "a/b/e": b"1"},
        {"one": b"same", "other": b"same", "folder/third": b"same"},
        {"a.b/c": b"1", "a/b": b"2", "a-b": b"3", "a/b.c/d": b"4"},
        {ODD: b"1", f"folder {ODD}/{ODD}": b"2", f"folder {ODD}/{ODD}2": None},
        {".hidden": b"1", "folder/__pycache__/a.pyc": b"2"},
    ],
    ids=lambda tree: ascii(next(iter(tree))),
)
def test_outputs_of_every_shape_and_name_come_back(cache: ResultCache, tree: Tree) -> None:
    assert keep(cache, 1, tree) == ""

    assert restore(cache, 1) == tree


def test_what_was_never_kept_does_not_come_back(cache: ResultCache) -> None:
    assert restore(cache, 1) is None
    keep(cache, 1, TRAINED)
    assert restore(cache, 2) is None
    assert restore(cache, 1, "test") is None
    assert not (cache.folder / "results" / "test").exists()


def test_the_same_key_keeps_what_was_made_last(cache: ResultCache) -> None:
    keep(cache, 1, {"a": b"first"})
    keep(cache, 1, {"a": b"second"})

    assert restore(cache, 1) == {"a": b"second"}
    assert kept_bytes(cache) == len(b"second")


def test_an_output_that_is_not_there_is_told_and_nothing_is_kept(
    cache: ResultCache, scratch: Path
) -> None:
    reason = cache.keep("train", key(1), RESULT, {"model.joblib": scratch / "model.joblib"})

    assert reason == "there is no model.joblib"
    assert restore(cache, 1) is None


@pytest.mark.parametrize("mode", [0o755, 0o644, 0o444, 0o555])
def test_what_may_be_executed_may_be_executed_again(
    cache: ResultCache, scratch: Path, tmp_path: Path, mode: int
) -> None:
    made = plant(tmp_path / "made", {"plain": b"same", "tool": b"same"})
    made["tool"].chmod(mode)
    cache.keep("train", key(1), RESULT, made)

    cache.restore("train", key(1), scratch)

    runs = [bool((scratch / name).stat().st_mode & 0o100) for name in ("plain", "tool")]
    assert runs == [False, bool(mode & 0o100)]


def test_a_mode_that_was_changed_since_does_not_come_back(
    cache: ResultCache, scratch: Path, tmp_path: Path
) -> None:
    made = plant(tmp_path / "made", {"a": b"1"})
    cache.keep("train", key(1), RESULT, made)
    made["a"].chmod(0o755)

    cache.restore("train", key(1), scratch)

    assert not (scratch / "a").stat().st_mode & 0o111


def test_kept_and_restored_files_take_no_room_of_their_own(
    cache: ResultCache, scratch: Path, tmp_path: Path
) -> None:
    made = plant(tmp_path / "made", {"a": b"1"})["a"]
    cache.keep("train", key(1), RESULT, {"a": made})
    cache.keep("train", key(2), RESULT, {"a": made})

    cache.restore("train", key(2), scratch)

    assert made.samefile(file_of(cache, b"1"))
    assert made.samefile(scratch / "a")


@pytest.mark.parametrize("name", ["EXDEV", "EPERM", "EMLINK", "EOPNOTSUPP", "EACCES"])
def test_where_there_can_be_no_link_there_is_a_copy(
    cache: ResultCache, scratch: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def refuse(source: str, target: str) -> None:
        raise OSError(getattr(errno, name), "no links", source, None, target)

    monkeypatch.setattr(os, "link", refuse)
    made = plant(tmp_path / "made", {"a": b"1", "tool": b"2"})
    made["tool"].chmod(0o755)

    assert cache.keep("train", key(1), RESULT, made) == ""
    assert cache.restore("train", key(1), scratch) == RESULT

    assert standing(scratch) == {"a": b"1", "tool": b"2"}
    assert not made["a"].samefile(file_of(cache, b"1"))
    assert (scratch / "tool").stat().st_mode & 0o100


def test_a_cache_on_another_file_system_keeps_copies(scratch: Path, tmp_path: Path) -> None:
    memory = Path("/dev/shm")  # noqa: S108 - a file system that most machines have beside the disk
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is one file system")
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        cache = ResultCache(Path(folder) / "cache", 1000, digest_file)

        assert cache.keep("train", key(1), RESULT, plant(tmp_path / "made", TRAINED)) == ""
        assert cache.restore("train", key(1), scratch) == RESULT

    assert standing(scratch) == TRAINED


def test_a_symbolic_link_is_kept_as_what_it_leads_to(
    cache: ResultCache, scratch: Path, tmp_path: Path
) -> None:
    elsewhere = plant(tmp_path / "elsewhere", {"data.csv": b"1,2", "plots/a.svg": b"<svg/>"})
    made = plant(tmp_path / "made", {"train/metrics.json": b"{}"})
    (tmp_path / "made" / "model.joblib").symlink_to(elsewhere["data.csv"])
    (made["train"] / "plots").symlink_to(elsewhere["plots"])
    (made["train"] / "nowhere").symlink_to("nowhere else")
    made["model.joblib"] = tmp_path / "made" / "model.joblib"

    cache.keep("train", key(1), RESULT, made)
    shutil.rmtree(tmp_path / "elsewhere")
    cache.restore("train", key(1), scratch)

    expected = {
        "model.joblib": b"1,2",
        "train/metrics.json": b"{}",
        "train/plots/a.svg": b"<svg/>",
    }
    assert standing(scratch) == expected
    assert not any(path.is_symlink() for path in scratch.rglob("*"))


def test_links_that_lead_round_in_a_circle_are_told(cache: ResultCache, tmp_path: Path) -> None:
    made = plant(tmp_path / "made", {"train/metrics.json": b"{}"})
    (made["train"] / "circle").symlink_to(".")

    reason = cache.keep("train", key(1), RESULT, made)

    assert reason == f"a symbolic link leads round in a circle at {made['train']}/circle"


def test_an_output_that_is_edited_in_place_costs_the_results_that_share_it_and_no_other(
    cache: ResultCache, tmp_path: Path
) -> None:
    made = plant(tmp_path / "made", TRAINED)
    cache.keep("train", key(1), RESULT, made)
    keep(cache, 2, {"model.joblib": b"other"})
    made["model.joblib"].write_bytes(b"tampered")

    assert restore(cache, 1) is None
    assert kept(cache) == {2}
    assert restore(cache, 2) == {"model.joblib": b"other"}
    assert keep(cache, 1, TRAINED) == ""
    assert restore(cache, 1) == TRAINED


def test_a_file_that_was_edited_since_is_kept_anew(cache: ResultCache, tmp_path: Path) -> None:
    made = plant(tmp_path / "made", {"a": b"1"})
    cache.keep("train", key(1), RESULT, made)
    made["a"].write_bytes(b"edited")

    keep(cache, 2, {"a": b"1"})

    assert [restore(cache, 1), restore(cache, 2)] == [{"a": b"1"}, {"a": b"1"}]


Damage = Callable[[Path], object]


def replace_by(make: Damage) -> Damage:
    """Return damage that puts something else in the place of a file."""

    def damage(path: Path) -> None:
        path.rename(path.parents[4] / "was")
        make(path)

    return damage


def link_to_a_twin(path: Path) -> None:
    path.symlink_to(shutil.copy(path.parents[4] / "was", path.parents[4] / "twin"))


def link_the_folder(path: Path) -> None:
    outside = path.parents[4] / "outside"
    shutil.move(path.parent, outside)
    path.parent.symlink_to(outside)


def put_a_file_for_the_folder(path: Path) -> None:
    shutil.rmtree(path.parent)
    path.parent.touch()


DAMAGE: dict[str, Damage] = {
    "cut short": lambda path: os.truncate(path, 3),
    "emptied": lambda path: os.truncate(path, 0),
    "another byte": lambda path: path.write_bytes(path.read_bytes()[:-1] + b"?"),
    "gone": lambda path: path.unlink(),
    "a folder": replace_by(lambda path: path.mkdir()),
    "a full folder": replace_by(lambda path: (path / "a").mkdir(parents=True)),
    "a pipe": replace_by(os.mkfifo),
    "a link to itself": replace_by(lambda path: path.symlink_to(path)),
    "a link to a twin": replace_by(link_to_a_twin),
    "a folder gone": lambda path: shutil.rmtree(path.parent),
    "a folder that is a link": link_the_folder,
    "a folder that is a file": put_a_file_for_the_folder,
}


@pytest.mark.parametrize("of", [list_of, file_of], ids=["list", "file"])
@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_result_that_is_damaged_counts_as_absent_until_it_is_kept_again(
    cache: ResultCache, damage: Damage, of: Callable[..., Path]
) -> None:
    keep(cache, 1, TRAINED)
    damage(of(cache, 1 if of is list_of else b"weights"))

    assert restore(cache, 1) is None
    assert keep(cache, 1, TRAINED) == ""
    assert restore(cache, 1) == TRAINED


@pytest.mark.parametrize("of", [list_of, file_of], ids=["list", "file"])
@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_result_that_is_damaged_stands_in_no_other_way(
    cache: ResultCache, damage: Damage, of: Callable[..., Path]
) -> None:
    keep(cache, 1, TRAINED)
    damage(of(cache, 1 if of is list_of else b"weights"))

    assert keep(cache, 2, {"a": b"2"}) == ""
    assert restore(cache, 2) == {"a": b"2"}
    assert restore(cache, 1) is None


Act = Callable[[ResultCache], object]


@pytest.mark.parametrize(
    "act",
    [
        lambda cache: restore(cache, 1),
        lambda cache: keep(cache, 1, TRAINED),
        lambda cache: keep(cache, 1, {"a": b"1" * 2000}),
        lambda cache: keep(replace(cache, limit=0), 1, TRAINED),
    ],
    ids=["restore", "keep", "too large", "no limit"],
)
@pytest.mark.parametrize("name", ["files", "results"])
def test_a_link_planted_in_the_cache_is_removed_and_not_followed(
    cache: ResultCache, tmp_path: Path, name: str, act: Act
) -> None:
    keep(cache, 1, TRAINED)
    outside = tmp_path / "outside"
    shutil.move(cache.folder / name, outside)
    (outside / "train").mkdir(exist_ok=True)
    (outside / "train" / "precious.json").touch()
    before = standing(outside)
    (cache.folder / name).symlink_to(outside)

    act(cache)
    assert keep(cache, 2, {"a": b"2"}) == ""

    assert standing(outside) == before
    assert restore(cache, 2) == {"a": b"2"}


def test_the_whole_cache_may_be_a_link_to_a_larger_disk(cache: ResultCache, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    cache.folder.parent.mkdir()
    cache.folder.symlink_to(tmp_path / "disk")

    assert keep(cache, 1, TRAINED) == ""
    assert restore(cache, 1) == TRAINED


def seal(path: Path, **changes: object) -> None:
    """Write other content into a list, as somebody does who knows how."""
    document = json.loads(path.read_bytes())
    document["result"] |= changes
    path.write_text(json.dumps(document | {"sha256": digest_json(document["result"])}))


def digest_of(cache: ResultCache, data: bytes) -> str:
    return file_of(cache, data).name


def test_nothing_is_restored_outside_the_scratch_folder(
    cache: ResultCache, tmp_path: Path, scratch: Path
) -> None:
    keep(cache, 1, {"a": b"1"})
    whole, digest = list_of(cache, 1).read_bytes(), digest_of(cache, b"1")
    names = ("../planted", str(tmp_path / "planted"), "a/../../planted", "\ud800", "a" * 5000)

    for name in names:
        list_of(cache, 1).write_bytes(whole)
        seal(list_of(cache, 1), files={name: digest, "a": digest})
        assert cache.restore("train", key(1), scratch) is None
        assert standing(scratch) == {}
    assert not (tmp_path / "planted").exists()


@pytest.mark.parametrize(
    ("files", "folders"),
    [
        (["a", "a/b"], []),
        (["folder/a"], []),
        (["folder/a"], ["folder", "folder"]),
        (["folder"], ["folder"]),
        (["a"], ["folder/deeper"]),
        (["a"], ["/".join("a" * 3000)]),
    ],
    ids=lambda names: " ".join(names)[:20],
)
def test_a_list_that_contradicts_itself_leaves_nothing_half_made(
    cache: ResultCache, scratch: Path, files: list[str], folders: list[str]
) -> None:
    keep(cache, 1, {"a": b"1"})
    digest = digest_of(cache, b"1")
    seal(list_of(cache, 1), files=dict.fromkeys(["z", *files], digest), folders=["w", *folders])

    assert cache.restore("train", key(1), scratch) is None
    assert standing(scratch) == {}


def test_without_a_limit_nothing_is_kept_and_what_was_kept_goes(cache: ResultCache) -> None:
    keep(cache, 1, TRAINED)
    none = replace(cache, limit=0)

    assert restore(none, 1) is None
    assert keep(none, 2, TRAINED) == ""

    assert kept(cache) == set()
    assert kept_bytes(cache) == 0


def test_without_a_limit_no_folder_is_made(cache: ResultCache) -> None:
    keep(replace(cache, limit=0), 1, TRAINED)

    assert not cache.folder.exists()


def test_the_result_that_was_used_longest_ago_goes_first(cache: ResultCache) -> None:
    for name in (1, 2, 3):
        keep(cache, name, {"a": bytes([name]) * 300})
    restore(cache, 1)

    keep(cache, 4, {"a": b"4" * 300})

    assert kept(cache) == {1, 3, 4}
    assert kept_bytes(cache) == 900


def test_a_file_that_two_results_share_counts_once_and_stays_with_the_other(
    cache: ResultCache,
) -> None:
    shared = {"model.joblib": b"s" * 600}
    for name in (1, 2, 3):
        keep(cache, name, {**shared, "a": bytes([name]) * 150})

    assert kept(cache) == {2, 3}
    assert kept_bytes(cache) == 900
    assert restore(cache, 2) == {**shared, "a": b"\2" * 150}


def test_a_result_larger_than_the_limit_is_told_and_costs_no_other(cache: ResultCache) -> None:
    keep(cache, 1, {"a": b"1" * 1000})

    reason = keep(cache, 2, {"a": b"2" * 500, "b": b"3" * 501})

    assert reason == "its 1 kB are more than all may take up"
    assert kept(cache) == {1}
    assert kept_bytes(cache) == 1000


def test_a_result_as_large_as_the_limit_is_kept_alone(cache: ResultCache) -> None:
    keep(cache, 1, {"a": b"1"})

    assert keep(cache, 2, {"a": b"2" * 1000}) == ""

    assert kept(cache) == {2}


def test_a_lower_limit_holds_from_the_next_result_on(cache: ResultCache) -> None:
    for name in (1, 2, 3):
        keep(cache, name, {"a": bytes([name]) * 300})

    keep(replace(cache, limit=400), 4, {"a": b"4" * 401})

    assert kept(cache) == {3}


def test_there_are_not_any_number_of_results(
    cache: ResultCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(result_cache, "_MOST_RESULTS", 3)

    for name in range(5):
        keep(cache, name, {"a": b"same"})

    assert kept(cache) == {2, 3, 4}


@pytest.mark.parametrize("clock", [OLD, NOW, FUTURE])
def test_the_order_of_use_outlives_a_clock_that_jumps(cache: ResultCache, clock: int) -> None:
    keep(cache, 1, {"a": b"1" * 300})
    keep(cache, 2, {"a": b"2" * 300})
    # As if the last use had been at that time.
    os.utime(list_of(cache, 2), (clock, clock))
    os.utime(list_of(cache, 1), (clock - 10, clock - 10))
    keep(cache, 3, {"a": b"3" * 300})
    restore(cache, 2)

    keep(cache, 4, {"a": b"4" * 300})
    assert kept(cache) == {2, 3, 4}
    keep(cache, 5, {"a": b"5" * 300})
    assert kept(cache) == {2, 4, 5}


@pytest.mark.parametrize("time", [-(2**33), 2**40, 2**62 // 10**9])
def test_times_that_nobody_can_mean_break_nothing(cache: ResultCache, time: int) -> None:
    keep(cache, 2, {"a": b"2" * 600})
    try:
        os.utime(list_of(cache, 2), (time, time))
    except (OSError, OverflowError):
        pytest.skip("this file system has no such time")

    assert restore(cache, 2) == {"a": b"2" * 600}
    assert keep(cache, 1, {"a": b"1" * 600}) == ""
    assert kept(cache) == {1}


def test_where_times_cannot_be_set_the_newest_result_stays(
    cache: ResultCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(cache, 1, {"a": b"1" * 600})
    os.utime(list_of(cache, 1), (FUTURE, FUTURE))
    monkeypatch.setattr(os, "utime", lambda *_args, **_times: None)

    assert keep(cache, 2, {"a": b"2" * 600}) == ""

    assert kept(cache) == {2}


def test_what_no_result_names_goes_with_the_next_one(cache: ResultCache) -> None:
    keep(cache, 1, TRAINED)
    before = standing(cache.folder)
    strays = {f"files/ab/ab{'0' * 62}": b"1", "files/ab/abc.new": b"2", "files/stray": b"3",
              "results/stray.json": b"{}", "results/train/.stray.json.x1": b"{}",
              "results/train/folder": None, "files/ab/folder": None}  # fmt: skip
    plant(cache.folder, strays)
    shutil.copy(list_of(cache, 1), list_of(cache, 1).with_suffix(".txt"))

    keep(cache, 1, TRAINED)

    assert {name for name, data in standing(cache.folder).items() if data} == set(before)


@contextmanager
def full_disk(size: int) -> Iterator[None]:
    """Let no file grow beyond a size, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_told_and_leaves_nothing_half_kept(
    cache: ResultCache, tmp_path: Path
) -> None:
    keep(cache, 1, {"a": b"1"})
    before = standing(cache.folder)
    made = plant(tmp_path / "made", TRAINED)

    with full_disk(100):
        reason = cache.keep("train", key(2), RESULT, made)

    assert reason.endswith(": File too large")
    assert standing(cache.folder).items() >= before.items()
    assert (kept(cache), kept_bytes(cache)) == ({1}, 1)
    assert restore(cache, 1) == {"a": b"1"}


def test_what_a_full_disk_cannot_take_back_leaves_nothing_half_made_and_is_kept(
    cache: ResultCache, scratch: Path, tmp_path: Path
) -> None:
    made = plant(tmp_path / "made", {"a": b"1", "b/c": b"2" * 200})
    (made["b"] / "c").chmod(0o755)
    cache.keep("train", key(1), RESULT, made)
    (made["b"] / "c").chmod(0o644)

    with full_disk(100):
        result = cache.restore("train", key(1), scratch)

    assert (result, list(scratch.iterdir())) == (None, [])
    assert restore(cache, 1) == {"a": b"1", "b/c": b"2" * 200}


@pytest.mark.parametrize("place", ["", "files", "results", "results/train"])
def test_a_cache_that_cannot_be_written_never_raises(cache: ResultCache, place: str) -> None:
    blocked = cache.folder / place
    blocked.parent.mkdir(parents=True)
    blocked.touch()

    reason = keep(cache, 1, TRAINED)

    assert (reason == "") == bool(place), "a file in the place of a folder of ours goes"
    assert restore(cache, 1) == (TRAINED if place else None)


def test_files_that_cannot_be_read_never_raise(cache: ResultCache, scratch: Path) -> None:
    def refuse(path: Path) -> str:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    keep(cache, 1, TRAINED)
    shut = replace(cache, digest=refuse)

    assert keep(shut, 2, TRAINED).endswith("/model.joblib: Permission denied")
    assert shut.restore("train", key(1), scratch) is None


KILLED = """
import os, shutil, sys
from itertools import count
from pathlib import Path
from trainwheel.system.digest import digest_file
from trainwheel.engine.cache import Result, ResultCache
from unit.engine.test_result_cache import AFTER, BEFORE, RESULT, key, keep, plant

root, limit = Path(sys.argv[1]), int(sys.argv[2])
for number in count():
    folder = root / str(number)
    folder.mkdir()
    cache = ResultCache(folder / ".trainwheel" / "cache", limit, digest_file)
    keep(cache, 1, BEFORE)
    made = plant(folder / "made", AFTER)
    child = os.fork()
    if child == 0:
        left = number
        def end(event, args):
            global left
            if event in {"open", "os.link", "os.rename", "os.remove", "os.mkdir", "os.utime"}:
                left -= 1
                if left < 0:
                    os._exit(9)
        sys.addaudithook(end)
        cache.keep("train", key(2), RESULT, made)
        os._exit(0)
    if os.waitpid(child, 0)[1] == 0:
        break
"""
BEFORE: Tree = {"a": b"1" * 300, "shared": b"s" * 300}
AFTER: Tree = {"b/c": b"2" * 300, "shared": b"s" * 300}


@pytest.mark.parametrize("limit", [1000, 600], ids=["room for both", "room for one"])
def test_after_a_kill_at_any_moment_each_result_is_whole_or_absent(
    tmp_path: Path, limit: int
) -> None:
    paths = os.pathsep.join(path for path in sys.path if path)
    subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path), str(limit)],
        env={"PYTHONPATH": paths},
        check=True,
    )
    folders = sorted(tmp_path.iterdir(), key=lambda path: int(path.name))
    assert len(folders) > 15
    outcomes = set()

    for folder in folders:
        cache = ResultCache(folder / ".trainwheel" / "cache", limit, digest_file)
        found = restore(cache, 1), restore(cache, 2)
        assert found[0] in (None, BEFORE)
        assert found[1] in (None, AFTER)
        assert found != (None, None)
        outcomes.add((found[0] is None, found[1] is None))
        keep(cache, 3, {"d": b"3" * limit})
        assert [path for path, data in standing(cache.folder).items() if data is not None] == [
            f"files/{digest_file(path)[:2]}/{digest_file(path)}"
            for path in cache.folder.glob("files/*/*")
        ] + [f"results/train/{key(3)}.json"]

    assert outcomes >= {(False, True), (limit == 600, False)}


step = st.tuples(st.booleans(), st.integers(1, 4), st.integers(1, 5))


@settings(max_examples=40, deadline=None)
@given(st.lists(step, max_size=12))
def test_what_is_kept_is_what_was_used_last_as_far_as_it_fits(
    steps: list[tuple[bool, int, int]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        cache = ResultCache(Path(folder) / ".trainwheel" / "cache", 10, digest_file)
        used: dict[int, int] = {}  # name → size, the one used last at the end
        for is_kept, name, size in steps:
            if is_kept:
                keep(cache, name, {"a": bytes([name]) * size})
                used.pop(name, None)
                used[name] = size
                while sum(used.values()) > 10:
                    del used[next(iter(used))]
            else:
                expected = {"a": bytes([name]) * used[name]} if name in used else None
                assert restore(cache, name) == expected
                if name in used:
                    used[name] = used.pop(name)
            assert kept(cache) == set(used)
            assert kept_bytes(cache) == sum(used.values())
