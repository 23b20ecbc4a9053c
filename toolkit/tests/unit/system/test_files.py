"""Which files a name stands for, whatever it is called and wherever its links lead."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from trainwheel.errors import ConfigurationError
from trainwheel.system.files import everything_below, list_files

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
