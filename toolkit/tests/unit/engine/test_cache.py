"""A stored result comes back whole or not at all, and nothing outside the cache is touched."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainwheel.engine.cache import ResultCache
from trainwheel.system.digest import digest_file
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

Sentence = Callable[[object], None]
ODD = os.fsdecode(b'\xff\xfe line\nbreak \\ "*?[ sp\xc3\xa4ne')
OLD, NOW, FUTURE = 0, 1_700_000_000, 4_000_000_000


@pytest.mark.parametrize(
    "tree",
    [
        TRAINED,
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

    assert [restore(cache, 1), restore(cache, 1)] == [tree, tree]


def test_a_result_is_that_of_its_step_and_its_key(cache: ResultCache) -> None:
    assert restore(cache, 1) is None
    keep(cache, 1, TRAINED)
    assert restore(cache, 2) is None
    assert restore(cache, 1, "test") is None
    assert not (cache.folder / "results" / "test").exists()


def test_the_same_key_keeps_what_was_made_last(cache: ResultCache) -> None:
    keep(cache, 1, {"a": b"first"})
    keep(cache, 1, {"a": b"second"})

    assert restore(cache, 1) == {"a": b"second"}
    assert stored_bytes(cache) == len(b"second")


def test_without_an_output_nothing_is_stored(
    cache: ResultCache, scratch: Path, sentence: Sentence
) -> None:
    reason = cache.keep("train", key(1), RESULT, {"model.joblib": scratch / "model.joblib"})

    sentence(reason)
    assert restore(cache, 1) is None


@pytest.mark.parametrize("mode", [0o755, 0o644, 0o444, 0o555])
def test_the_mode_of_a_file_comes_back_as_it_was_stored(
    cache: ResultCache, scratch: Path, tmp_path: Path, mode: int
) -> None:
    outputs = plant(tmp_path / "outputs", {"plain": b"same", "tool": b"same", "later": b"1"})
    outputs["tool"].chmod(mode)
    cache.keep("train", key(1), RESULT, outputs)
    outputs["later"].chmod(0o755)

    cache.restore("train", key(1), scratch)

    runs = [bool((scratch / name).stat().st_mode & 0o100) for name in ("plain", "later", "tool")]
    assert runs == [False, False, bool(mode & 0o100)]


def test_a_withdrawn_result_is_gone_and_no_other(cache: ResultCache) -> None:
    for name in (1, 2):
        keep(cache, name, TRAINED)

    assert [cache.withdraw("train", key(name)) for name in (1, 3)] == ["", ""]

    assert [restore(cache, 1), restore(cache, 2)] == [None, TRAINED]


def test_stored_and_restored_files_take_no_room_of_their_own(
    cache: ResultCache, scratch: Path, tmp_path: Path
) -> None:
    path = plant(tmp_path / "outputs", {"a": b"1"})["a"]
    cache.keep("train", key(1), RESULT, {"a": path})
    cache.keep("train", key(2), RESULT, {"a": path})

    cache.restore("train", key(2), scratch)

    assert path.samefile(file_of(cache, b"1"))
    assert path.samefile(scratch / "a")


def test_a_cache_on_another_file_system_keeps_copies(scratch: Path, tmp_path: Path) -> None:
    memory = Path("/dev/shm")  # noqa: S108 - a file system that most machines have beside the disk
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is one file system")
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        cache = ResultCache(Path(folder) / "cache", 1000, digest_file)

        outputs = plant(tmp_path / "outputs", {**TRAINED, "tool": b"2"})
        outputs["tool"].chmod(0o755)

        assert cache.keep("train", key(1), RESULT, outputs) == ""
        assert cache.restore("train", key(1), scratch) == RESULT

    assert standing(scratch) == {**TRAINED, "tool": b"2"}
    assert (scratch / "tool").stat().st_mode & 0o100


def test_a_symbolic_link_is_kept_as_what_it_leads_to(
    cache: ResultCache, scratch: Path, tmp_path: Path
) -> None:
    elsewhere = plant(tmp_path / "elsewhere", {"data.csv": b"1,2", "plots/a.svg": b"<svg/>"})
    outputs = plant(tmp_path / "outputs", {"train/metrics.json": b"{}"})
    (tmp_path / "outputs" / "model.joblib").symlink_to(elsewhere["data.csv"])
    (outputs["train"] / "plots").symlink_to(elsewhere["plots"])
    (outputs["train"] / "nowhere").symlink_to("nowhere else")
    outputs["model.joblib"] = tmp_path / "outputs" / "model.joblib"

    cache.keep("train", key(1), RESULT, outputs)
    shutil.rmtree(tmp_path / "elsewhere")
    cache.restore("train", key(1), scratch)

    expected = {"model.joblib": b"1,2", "train/metrics.json": b"{}", "train/plots/a.svg": b"<svg/>"}
    assert standing(scratch) == expected
    assert not any(path.is_symlink() for path in scratch.rglob("*"))


def test_a_link_in_a_circle_is_not_stored(
    cache: ResultCache, tmp_path: Path, sentence: Sentence
) -> None:
    outputs = plant(tmp_path / "outputs", {"train/metrics.json": b"{}"})
    (outputs["train"] / "circle").symlink_to(".")

    sentence(cache.keep("train", key(1), RESULT, outputs))
    assert stored(cache) == set()


def test_an_output_that_is_edited_in_place_costs_the_results_that_share_it_and_no_other(
    cache: ResultCache, tmp_path: Path
) -> None:
    outputs = plant(tmp_path / "outputs", TRAINED)
    cache.keep("train", key(1), RESULT, outputs)
    keep(cache, 2, {"model.joblib": b"other"})
    outputs["model.joblib"].write_bytes(b"tampered")

    assert restore(cache, 1) is None
    assert stored(cache) == {2}
    assert restore(cache, 2) == {"model.joblib": b"other"}
    assert keep(cache, 1, TRAINED) == ""
    assert restore(cache, 1) == TRAINED


def test_with_a_limit_of_0_nothing_is_stored_and_what_was_there_is_removed(
    cache: ResultCache,
) -> None:
    keep(cache, 1, TRAINED)
    none = replace(cache, limit=0)

    assert restore(none, 1) is None
    assert keep(none, 2, TRAINED) == ""

    assert stored(cache) == set()
    assert stored_bytes(cache) == 0


def test_with_a_limit_of_0_no_folder_is_made(cache: ResultCache) -> None:
    keep(replace(cache, limit=0), 1, TRAINED)

    assert not cache.folder.exists()


def test_a_file_that_two_results_share_counts_once_and_stays_with_the_other(
    cache: ResultCache,
) -> None:
    same = {"model.joblib": b"s" * 600}
    for name in (1, 2, 3):
        keep(cache, name, {**same, "a": bytes([name]) * 150})

    assert stored(cache) == {2, 3}
    assert stored_bytes(cache) == 900
    assert restore(cache, 2) == {**same, "a": b"\2" * 150}


def test_a_result_larger_than_the_limit_is_not_stored_and_costs_no_other(
    cache: ResultCache, sentence: Sentence
) -> None:
    keep(cache, 1, {"a": b"1" * 1000})

    sentence(keep(cache, 2, {"a": b"2" * 500, "b": b"3" * 501}))
    assert stored(cache) == {1}
    assert stored_bytes(cache) == 1000


def test_a_result_as_large_as_the_limit_is_stored_alone(cache: ResultCache) -> None:
    keep(cache, 1, {"a": b"1"})

    assert keep(cache, 2, {"a": b"2" * 1000}) == ""
    assert stored(cache) == {2}
    assert keep(cache, 3, {"b": b"2" * 1000}) == ""
    assert stored(cache) == {2, 3}, "they share their one file"


def test_there_is_a_limit_to_the_number_of_results(cache: ResultCache) -> None:
    for name in range(5):
        keep(replace(cache, most_results=3), name, {"a": b"same"})

    assert stored(cache) == {2, 3, 4}


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
    assert stored(cache) == {2, 3, 4}
    keep(cache, 5, {"a": b"5" * 300})
    assert stored(cache) == {2, 4, 5}


@pytest.mark.parametrize("time", [-(2**33), 2**40, 2**62 // 10**9])
def test_times_that_nobody_can_mean_break_nothing(cache: ResultCache, time: int) -> None:
    keep(cache, 2, {"a": b"2" * 600})
    try:
        os.utime(list_of(cache, 2), (time, time))
    except (OSError, OverflowError):
        pytest.skip("this file system has no such time")

    assert restore(cache, 2) == {"a": b"2" * 600}
    assert keep(cache, 1, {"a": b"1" * 600}) == ""
    assert stored(cache) == {1}


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


step = st.tuples(st.booleans(), st.integers(1, 4), st.integers(1, 5))


@settings(max_examples=40)
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
            assert stored(cache) == set(used)
            assert stored_bytes(cache) == sum(used.values())
