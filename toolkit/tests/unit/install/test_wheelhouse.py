"""What a wheelhouse fetches: each locked file once, and never two pins in one go."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from trainwheel.errors import ConfigurationError, LockfileError, StepFailedError
from trainwheel.index.pip import UvSettings
from trainwheel.install.environments import Installer
from trainwheel.install.wheelhouse import Wheelhouse, locate, plan_downloads
from trainwheel.requirements.lockfile import Lockfile, parse_lockfile
from trainwheel.system.digest import digest_file
from trainwheel.system.environ import Environment
from unit.wheels import write_wheel


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


def test_files_on_this_disk_are_located_where_no_index_answers(tmp_path: Path) -> None:
    wheel = write_wheel(tmp_path / "wheels", "tiny_lib", "1.0")
    digest = f"--hash=sha256:{digest_file(wheel)}"
    place = {"UV_FIND_LINKS": str(wheel.parent), "UV_NO_CONFIG": "1", "UV_NO_CACHE": "1"}
    settings = UvSettings(place, ("--no-index",))
    installer = Installer(Environment({"PATH": os.environ["PATH"]}), None, settings)

    (text,) = locate(installer, f"tiny-lib==1.0 {digest}\n")

    assert wheel.name in text
    assert digest_file(wheel) in text
    assert list(locate(installer, "")) == []
    with pytest.raises(StepFailedError, match="absent"):
        list(locate(installer, f"absent==1.0 {digest}\n"))
