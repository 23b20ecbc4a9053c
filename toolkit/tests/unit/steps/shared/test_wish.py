"""What a run requests: a version, a build number, or nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainwheel.errors import ConfigurationError
from trainwheel.index.versions import Wish
from trainwheel.steps.shared.wish import asked_version, wish_of
from unit.repository import PYPROJECT, SETUP_PY, open_here, write

OFFSET = "version.build-number-offset = 1000"


@pytest.mark.parametrize(("key", "variables", "wish", "version"), [
    ("", {}, Wish(), "0.1.0"), ("", {"TRAINWHEEL_VERSION": "  "}, Wish(), "0.1.0"),
    ("", {"TRAINWHEEL_VERSION": "175"}, Wish(asked="175"), "0.1.175"),
    ("", {"BUILD_NUMBER": "007"}, Wish(build_number=7), "0.1.7"),
    ("", {"GITHUB_RUN_NUMBER": "8"}, Wish(build_number=8), "0.1.8"),
    ("", {"BUILD_NUMBER": "0", "GITHUB_RUN_NUMBER": "8"}, Wish(build_number=0), "0.1.0"),
    ("", {"BUILD_NUMBER": "", "GITHUB_RUN_NUMBER": "8"}, Wish(), "0.1.0"),
    ("", {"TRAINWHEEL_VERSION": "2.0rc1", "BUILD_NUMBER": "3"}, Wish("2.0rc1", 3), "2.0rc1"),
    (OFFSET, {"BUILD_NUMBER": "7"}, Wish(build_number=7, offset=1000), "0.1.1007"),
    ('version.release = "always"', {}, Wish(always=True), "0.1.0"),
    ('version.release = "changed"', {}, Wish(), "0.1.0"),
])  # fmt: skip
def test_variables_and_keys_make_a_wish_and_a_version(
    root: Path, key: str, variables: dict[str, str], wish: Wish, version: str
) -> None:
    write(root, "pyproject.toml", f"{PYPROJECT}{key}\n")
    workspace = open_here(root, variables).workspace

    assert wish_of(workspace) == wish
    assert asked_version(workspace) == version


@pytest.mark.parametrize("number", ["12a", "-3", "+3", "1.0", "1_0", "٣", "²"])
def test_a_build_number_is_made_of_digits(root: Path, number: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        wish_of(open_here(root, {"BUILD_NUMBER": number}).workspace)

    assert repr(number) in caught.value.message
    assert "BUILD_NUMBER" in caught.value.hint


@pytest.mark.parametrize(("old", "new", "version"), [
    ("", "", "next"), ('"0.1.0"', '"one"', ""), ('"0.1.0"', "compute()", ""),
    ('name="small-model",', "", "1.0"),
], ids=["requested", "no version", "computed", "no name"])  # fmt: skip
def test_what_cannot_become_a_version_is_refused(
    root: Path, old: str, new: str, version: str
) -> None:
    write(root, "setup.py", SETUP_PY.replace(old, new) if old else SETUP_PY)

    with pytest.raises(ConfigurationError):
        asked_version(open_here(root, {"TRAINWHEEL_VERSION": version}).workspace)
