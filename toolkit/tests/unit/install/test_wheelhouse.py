"""What a wheelhouse fetches: each locked file once, and never two pins in one go."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from trainwheel.errors import ConfigurationError, LockfileError
from trainwheel.install.wheelhouse import Wheelhouse, plan_downloads
from trainwheel.requirements.lockfile import Lockfile, parse_lockfile
from trainwheel.system.environ import Environment


def lock(**categories: dict[str, str]) -> Lockfile:
    digests = ["sha256:" + "ab" * 32]
    document = {
        category: {
            name: {"version": f"=={version}", "hashes": digests}
            for name, version in packages.items()
        }
        for category, packages in categories.items()
    }
    return parse_lockfile(json.dumps({"_meta": {}, **document}))


def planned(locked: Lockfile, *categories: str) -> list[list[str]]:
    return [[row.name + row.pin for row in group] for group in plan_downloads(locked, categories)]


def test_every_category_is_fetched_and_nothing_twice() -> None:
    locked = lock(default={"joblib": "1"}, test={"joblib": "1", "pytest": "9"}, train={})

    assert planned(locked) == [["joblib==1"], ["pytest==9"]]


def test_two_pins_of_one_package_are_fetched_in_two_goes() -> None:
    locked = lock(default={"numpy": "1"}, bench={"numpy": "2", "dvc": "3"})

    assert planned(locked) == [["dvc==3", "numpy==2"], ["numpy==1"]]


def test_the_categories_that_are_named_are_fetched_alone() -> None:
    locked = lock(default={"joblib": "1"}, test={"pytest": "9"}, lint={"ruff": "1"})

    assert planned(locked, "lint", "test") == [["ruff==1"], ["pytest==9"]]


def test_a_category_that_is_not_locked_is_named() -> None:
    with pytest.raises(LockfileError, match=r"has no category \[nosuch\]"):
        plan_downloads(lock(default={}), ["nosuch"])


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(ConfigurationError) as caught:
        Wheelhouse(tmp_path / "file", Environment({})).fetch(())

    assert str(caught.value).endswith("cannot be made: File exists; name a folder, new or your own")
