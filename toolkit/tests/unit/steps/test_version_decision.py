"""What the next release is called, decided against the folder of a real index."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from trainwheel.engine.release import Release, read_release
from trainwheel.errors import ConfigurationError, StepFailedError
from trainwheel.index.versions import Wish
from trainwheel.steps.shared.wish import wish_of
from trainwheel.steps.version import decide_release
from unit.repository import PYPROJECT, make_repository, open_here, write
from unit.wheels import provenance_of, write_wheel

ONE, OTHER = "1" * 64, "2" * 64


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small model repository whose version is 0.1.0."""
    return make_repository(tmp_path / "small")


def publish(root: Path, published: dict[str, str]) -> None:
    for version, key in published.items():
        members = provenance_of(key, "small_model", version)
        write_wheel(root / ".trainwheel" / "index", "small_model", version, members=members)


@pytest.mark.parametrize(
    ("published", "variables", "version", "reason"),
    [
        ({}, {}, "0.1.0", "the first release"),
        ({"0.1.0": OTHER}, {}, "0.1.1", "the next free patch"),
        ({"0.1.9": OTHER, "0.1.10": OTHER}, {}, "0.1.11", "the next free patch"),
        ({"0.1.0": ONE, "0.1.1": OTHER}, {}, "0.1.2", "the next free patch"),
        ({"0.2.0": ONE}, {}, "0.1.0", "the next free patch"),
        ({}, {"BUILD_NUMBER": "174"}, "0.1.174", "build 174"),
        ({"0.1.0": OTHER}, {"BUILD_NUMBER": "174"}, "0.1.174", "build 174"),
        ({}, {"GITHUB_RUN_NUMBER": "8"}, "0.1.8", "build 8"),
        ({}, {"TRAINWHEEL_VERSION": "175"}, "0.1.175", "asked for by name"),
        ({"0.1.0": ONE}, {"TRAINWHEEL_VERSION": "175"}, "0.1.175", "asked for by name"),
        ({"0.1.0": ONE}, {"TRAINWHEEL_VERSION": "2.0"}, "2.0", "asked for by name"),
        (
            {},
            {"TRAINWHEEL_VERSION": "175", "BUILD_NUMBER": "3"},
            "0.1.175",
            "asked for by name",
        ),
    ],
)
def test_a_release_is_made(
    root: Path, published: dict[str, str], variables: dict[str, str], version: str, reason: str
) -> None:
    publish(root, published)

    release = decide_release(open_here(root, variables), None, ONE)

    assert (release.version, release.releases, release.reason) == (version, True, reason)
    assert release.always == ("TRAINWHEEL_VERSION" in variables)
    assert (release.name, release.release_key) == ("small-model", ONE)


@pytest.mark.parametrize("variables", [{}, {"BUILD_NUMBER": "174"}], ids=["by hand", "CI"])
@pytest.mark.parametrize(
    ("published", "since"),
    [
        ({"0.1.0": ONE}, "0.1.0"),
        ({"0.1.0": OTHER, "0.1.173": ONE}, "0.1.173"),
        ({"0.1.0": ONE, "0.2.0": OTHER}, "0.1.0"),
    ],
)
def test_nothing_is_released_where_the_newest_ships_the_same(
    root: Path, published: dict[str, str], since: str, variables: dict[str, str]
) -> None:
    publish(root, published)

    release = decide_release(open_here(root, variables), None, ONE)

    assert release == Release(
        "small-model", since, releases=False, always=False,
        reason=f"unchanged since {since}", release_key=ONE,
    )  # fmt: skip


def test_a_project_may_release_at_every_build(root: Path) -> None:
    write(root, "pyproject.toml", PYPROJECT + 'version.release = "always"\n')
    publish(root, {"0.1.0": ONE})

    release = decide_release(open_here(root), None, ONE)

    assert (release.version, release.releases, release.always) == ("0.1.1", True, True)
    assert release.reason == "unchanged since 0.1.0, released all the same"


def test_a_build_number_is_shifted_by_the_offset(root: Path) -> None:
    write(root, "pyproject.toml", PYPROJECT + "version.build-number-offset = 1000\n")
    run = open_here(root, {"BUILD_NUMBER": "7"})

    assert wish_of(run.workspace) == Wish(build_number=7, offset=1000)
    assert decide_release(run, None, ONE).version == "0.1.1007"


def test_a_build_that_publishes_nothing_takes_no_number_that_could_be_too_low(root: Path) -> None:
    publish(root, {"0.1.9": OTHER})
    variables = {"BUILD_NUMBER": "", "GITHUB_RUN_NUMBER": "3"}

    assert decide_release(open_here(root, variables), None, ONE).version == "0.1.10"


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"BUILD_NUMBER": "12a"}, "the build number '12a' is not a whole number; set BUILD_NUMBER"),
        ({"BUILD_NUMBER": "-3"}, "the build number '-3' is not a whole number"),
        ({"BUILD_NUMBER": "٣"}, "the build number '٣' is not a whole number"),
        ({"TRAINWHEEL_VERSION": "next"}, "version asked for 'next' is not a PEP 440 version"),
        ({"TRAINWHEEL_VERSION": "3"}, "version 0.1.3 is lower than 0.1.9, which is published"),
        ({"BUILD_NUMBER": "3"}, "version 0.1.3 is lower than 0.1.9, which is published"),
        ({"TRAINWHEEL_INDEX": "corporat"}, "there is no index called 'corporat'"),
    ],
)
def test_a_wish_that_cannot_be_met_is_refused(
    root: Path, variables: dict[str, str], told: str
) -> None:
    publish(root, {"0.1.9": OTHER})

    with pytest.raises(ConfigurationError) as caught:
        decide_release(open_here(root, variables), None, ONE)

    assert str(caught.value).startswith(f"configuration: {told}")


NO_SECRETS = {"NEXUS_LOCAL_REPO_URL": "https://nexus.invalid/models/", "NEXUS_PASSWORD": ""}


@pytest.mark.parametrize(
    ("variables", "version"),
    [
        ({"BUILD_NUMBER": "9"}, "0.1.9"),
        ({"TRAINWHEEL_VERSION": "175"}, "0.1.175"),
        ({"BUILD_NUMBER": "", "GITHUB_RUN_NUMBER": "9"}, "0.1.0"),
    ],
)
def test_a_job_without_credentials_leaves_the_comparison_to_the_upload(
    root: Path, variables: dict[str, str], version: str
) -> None:
    # Were the embedded index taken instead, this would be unchanged.
    publish(root, {"0.1.0": ONE})

    release = decide_release(open_here(root, {**NO_SECRETS, **variables}), None, ONE)

    assert (release.version, release.releases) == (version, True)
    assert release.reason == "the index cannot be read here, so the comparison is left to upload"


def test_without_credentials_and_a_number_there_is_nothing_to_go_by(root: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        decide_release(open_here(root, NO_SECRETS), None, ONE)

    shown = str(caught.value)
    assert "NEXUS_USERNAME is missing" in shown
    assert "no build number" in shown


def test_a_name_that_was_asked_for_is_never_replaced_by_another_index(root: Path) -> None:
    with pytest.raises(ConfigurationError, match="there is no index called 'other'"):
        decide_release(open_here(root, {"BUILD_NUMBER": "9"}), "other", ONE)


def test_a_decision_survives_its_file(root: Path) -> None:
    release = decide_release(open_here(root), None, ONE)

    path = write(root, "build/version.json", release.render())

    assert read_release(path) == release
    assert json.loads(path.read_text())["version"] == "0.1.0"


@pytest.mark.parametrize("text", [None, "", "[]", "{}", '{"name": "x"}', "null"])
def test_a_decision_that_cannot_be_read_says_how_to_make_one(root: Path, text: str | None) -> None:
    path = root / "build" / "version.json"
    if text is not None:
        write(root, "build/version.json", text)

    with pytest.raises(StepFailedError) as caught:
        read_release(path)

    assert str(caught.value) == (
        "failed: no version has been decided here; decide it with: nox -s version"
    )
