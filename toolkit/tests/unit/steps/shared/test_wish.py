"""What a run asks for: a version by name, a build number, or nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainwheel.errors import ConfigurationError
from trainwheel.index.versions import Wish
from trainwheel.steps.shared.wish import asked_version, wish_of
from unit.repository import PYPROJECT, SETUP_PY, make_repository, open_here, write


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small model repository whose version is 0.1.0."""
    return make_repository(tmp_path / "small")


@pytest.mark.parametrize(
    ("variables", "wish"),
    [
        ({}, Wish()),
        ({"TRAINWHEEL_VERSION": "  "}, Wish()),
        ({"TRAINWHEEL_VERSION": "1.2.0"}, Wish(asked="1.2.0")),
        ({"BUILD_NUMBER": "0"}, Wish(build_number=0)),
        ({"BUILD_NUMBER": "007"}, Wish(build_number=7)),
        ({"GITHUB_RUN_NUMBER": "8"}, Wish(build_number=8)),
        ({"BUILD_NUMBER": "3", "GITHUB_RUN_NUMBER": "8"}, Wish(build_number=3)),
        ({"BUILD_NUMBER": "", "GITHUB_RUN_NUMBER": "8"}, Wish()),
        ({"TRAINWHEEL_VERSION": "2", "BUILD_NUMBER": "3"}, Wish(asked="2", build_number=3)),
    ],
    ids=str,
)
def test_variables_make_a_wish(root: Path, variables: dict[str, str], wish: Wish) -> None:
    assert wish_of(open_here(root, variables).workspace) == wish


@pytest.mark.parametrize(
    ("key", "wish"),
    [
        ('version.release = "always"', Wish(always=True)),
        ('version.release = "changed"', Wish()),
        ("version.build-number-offset = -4", Wish(offset=-4)),
    ],
)
def test_keys_make_a_wish(root: Path, key: str, wish: Wish) -> None:
    write(root, "pyproject.toml", f"{PYPROJECT}{key}\n")

    assert wish_of(open_here(root).workspace) == wish


@pytest.mark.parametrize("number", ["12a", "-3", "+3", "1.0", "1_0", "٣", "²"])
def test_a_build_number_is_made_of_digits(root: Path, number: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        wish_of(open_here(root, {"BUILD_NUMBER": number}).workspace)

    assert repr(number) in caught.value.message
    assert "BUILD_NUMBER" in caught.value.hint


@pytest.mark.parametrize(
    ("variables", "version"),
    [
        ({}, "0.1.0"),
        ({"BUILD_NUMBER": "7"}, "0.1.1007"),
        ({"TRAINWHEEL_VERSION": "175"}, "0.1.175"),
        ({"TRAINWHEEL_VERSION": "2.0rc1", "BUILD_NUMBER": "7"}, "2.0rc1"),
    ],
)
def test_the_version_follows_from_the_wish_alone(
    root: Path, variables: dict[str, str], version: str
) -> None:
    write(root, "pyproject.toml", f"{PYPROJECT}version.build-number-offset = 1000\n")

    assert asked_version(open_here(root, variables).workspace) == version


@pytest.mark.parametrize(
    ("setup_py", "variables"),
    [
        (SETUP_PY, {"TRAINWHEEL_VERSION": "next"}),
        (SETUP_PY.replace('"0.1.0"', '"one"'), {}),
        (SETUP_PY.replace('"0.1.0"', "compute()"), {}),
        (SETUP_PY.replace('name="small-model",', ""), {"TRAINWHEEL_VERSION": "1.0"}),
    ],
    ids=["asked for", "no version", "computed", "no name"],
)
def test_what_cannot_become_a_version_is_refused(
    root: Path, setup_py: str, variables: dict[str, str]
) -> None:
    write(root, "setup.py", setup_py)

    with pytest.raises(ConfigurationError):
        asked_version(open_here(root, variables).workspace)
