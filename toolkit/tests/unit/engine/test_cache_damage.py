"""A result that was damaged or interrupted is absent, and nothing outside the cache is touched."""

from __future__ import annotations

import errno
import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from trainwheel.engine.cache import ResultCache
from trainwheel.system.digest import digest_file, digest_json
from unit.cached import (
    RESULT,
    TRAINED,
    Tree,
    file_of,
    keep,
    key,
    list_of,
    plant,
    restore,
    standing,
    stored,
    stored_bytes,
)

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
    "another byte": lambda path: path.write_bytes(path.read_bytes()[:-1] + b"?"),
    "gone": lambda path: path.unlink(),
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
@pytest.mark.parametrize("others", [{}, {2: {"a": b"2"}}], ids=["alone", "with another"])
def test_a_result_that_is_damaged_counts_as_absent_until_it_is_stored_again(
    cache: ResultCache, damage: Damage, of: Callable[..., Path], others: Mapping[int, Tree]
) -> None:
    keep(cache, 1, TRAINED)
    damage(of(cache, 1 if of is list_of else b"weights"))

    for name, tree in others.items():
        assert keep(cache, name, tree) == ""
        assert restore(cache, name) == tree
    assert restore(cache, 1) is None
    assert keep(cache, 1, TRAINED) == ""
    assert restore(cache, 1) == TRAINED


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


@contextmanager
def full_disk(size: int) -> Iterator[None]:
    """Let no file grow beyond a size, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_gives_a_reason_and_leaves_nothing_half_stored(
    cache: ResultCache, tmp_path: Path
) -> None:
    keep(cache, 1, {"a": b"1"})
    before = standing(cache.folder)
    outputs = plant(tmp_path / "outputs", TRAINED)

    with full_disk(100):
        reason = cache.keep("train", key(2), RESULT, outputs)

    assert reason.endswith(": File too large")
    assert standing(cache.folder).items() >= before.items()
    assert (stored(cache), stored_bytes(cache)) == ({1}, 1)
    assert restore(cache, 1) == {"a": b"1"}


def test_what_a_full_disk_cannot_take_back_leaves_nothing_half_made_and_is_kept(
    cache: ResultCache, scratch: Path, tmp_path: Path
) -> None:
    outputs = plant(tmp_path / "outputs", {"a": b"1", "b/c": b"2" * 200})
    (outputs["b"] / "c").chmod(0o755)
    cache.keep("train", key(1), RESULT, outputs)
    (outputs["b"] / "c").chmod(0o644)

    with full_disk(100):
        result = cache.restore("train", key(1), scratch)

    assert (result, list(scratch.iterdir())) == (None, [])
    assert restore(cache, 1) == {"a": b"1", "b/c": b"2" * 200}


@pytest.mark.parametrize("place", ["", "files", "results", "results/train"])
def test_a_cache_that_cannot_be_written_never_raises(cache: ResultCache, place: str) -> None:
    path = cache.folder / place
    path.parent.mkdir(parents=True)
    path.touch()

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
from unit.cached import RESULT, key, keep, plant
from unit.engine.test_cache_damage import AFTER, BEFORE

root, limit = Path(sys.argv[1]), int(sys.argv[2])
for number in count():
    folder = root / str(number)
    folder.mkdir()
    cache = ResultCache(folder / ".trainwheel" / "cache", limit, digest_file)
    keep(cache, 1, BEFORE)
    outputs = plant(folder / "outputs", AFTER)
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
        cache.keep("train", key(2), RESULT, outputs)
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
        first, second = restore(cache, 1), restore(cache, 2)
        assert first in (None, BEFORE)
        assert second in (None, AFTER)
        assert (first, second) != (None, None)
        outcomes.add((first is None, second is None))
        keep(cache, 3, {"d": b"3" * limit})
        assert [path for path, data in standing(cache.folder).items() if data is not None] == [
            f"files/{digest_file(path)[:2]}/{digest_file(path)}"
            for path in cache.folder.glob("files/*/*")
        ] + [f"results/train/{key(3)}.json"]

    assert outcomes >= {(False, True), (limit == 600, False)}
