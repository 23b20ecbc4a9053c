"""The version step: asks the folder of a real index, and writes its decision once."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from trainwheel.engine.records import read_record
from trainwheel.engine.run import Run
from trainwheel.errors import ConfigurationError
from trainwheel.steps.shared.release import Release, read_release
from trainwheel.steps.shared.staging import release_key
from trainwheel.steps.version import STEP, decide_release
from unit.model_wheels import ONE, OTHER, write_model_wheel
from unit.recording_tools import RecordingTools
from unit.repository import PYPROJECT, open_here, write

READING = {"READER": "reader", "READER_PASSWORD": "reads-it-all", "TRAINWHEEL_INDEX": "own"}
TABLE = """
[tool.trainwheel.index.own]
url = "https://own.invalid/models/"
username-env = "WRITER"
password-env = "WRITER_PASSWORD"
read-username-env = "READER"
read-password-env = "READER_PASSWORD"
"""
NO_SECRETS = {"NEXUS_USERNAME": "", "NEXUS_PASSWORD": ""}
ALWAYS = f'{PYPROJECT}version.release = "always"\n'


def decide(root: Path, **variables: str) -> str:
    """Run the step and return what it printed."""
    stream, tools = io.StringIO(), RecordingTools()
    STEP.run(open_here(root, variables, stream=stream, tools=tools))
    assert tools.calls == []
    return stream.getvalue()


def decision(root: Path) -> Release:
    return read_release(root / "build/version.json")


def publish(root: Path, **keys: str) -> None:
    """Publish versions of the series 0.1, ``v9=KEY`` for 0.1.9, with these release keys."""
    for name, key in keys.items():
        index = root / ".trainwheel/index"
        write_model_wheel(index, f"0.1.{name.removeprefix('v')}", release_key=key)


def key_of(root: Path) -> str:
    return release_key(open_here(root).workspace)


def test_a_decision_is_written_once_recorded_and_printed(root: Path) -> None:
    output = decide(root)

    release = decision(root)
    assert (release.version, release.releases, release.always) == ("0.1.0", True, False)
    assert (release.name, release.release_key) == ("small-model", key_of(root))
    record = read_record(root / "build/.trainwheel", "version")
    assert record is not None
    assert record.fingerprint.facts["the decision"] == release.mark
    assert "0.1.0, the first release" in output
    before = (root / "build/version.json").stat().st_mtime_ns
    assert "0.1.0, the first release" in decide(root)
    assert (root / "build/version.json").stat().st_mtime_ns == before


CHANGES: dict[str, Callable[[Path], object]] = {
    "published since": lambda root: publish(root, v0=OTHER),
    "other content": lambda root: write(root, "model/small_model/classifier.py", "x = 1\n"),
    "other policy": lambda root: write(root, "pyproject.toml", ALWAYS),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_published_shipped_or_configured_decides_again(root: Path, change: str) -> None:
    publish(root, v0=key_of(root))
    assert decide(root).split()[:4] == ["version", "unchanged", "since", "0.1.0"]
    assert not decision(root).releases

    CHANGES[change](root)
    decide(root)

    assert (decision(root).version, decision(root).releases) == ("0.1.1", True)
    assert decision(root).always is (change == "other policy")


def test_a_refusal_leaves_the_last_decision(root: Path) -> None:
    decide(root)
    publish(root, v9=OTHER)

    with pytest.raises(ConfigurationError, match=r"0\.1\.9"):
        decide(root, BUILD_NUMBER="3")

    assert decision(root).version == "0.1.0"


@pytest.mark.parametrize(("variables", "expected"), [
    ({}, ("0.1.10", "the next free patch", False)),
    ({"BUILD_NUMBER": "174"}, ("0.1.174", "build 174", False)),
    ({"BUILD_NUMBER": "", "GITHUB_RUN_NUMBER": "3"}, ("0.1.10", "the next free patch", False)),
    ({"TRAINWHEEL_VERSION": "2.0"}, ("2.0", "asked for by name", True)),
])  # fmt: skip
def test_changed_content_is_released_under_a_new_version(
    root: Path, variables: dict[str, str], expected: tuple[str, str, bool]
) -> None:
    publish(root, v0=ONE, v9=OTHER)

    release = decide_release(open_here(root, variables), None, ONE)

    assert (release.version, release.reason, release.always) == expected
    assert release.releases


@pytest.mark.parametrize(("variables", "name"), [
    ({"BUILD_NUMBER": "12a"}, "'12a'"), ({"TRAINWHEEL_VERSION": "next"}, "'next'"),
    ({"TRAINWHEEL_VERSION": "3"}, "0.1.9"), ({"TRAINWHEEL_INDEX": "corporat"}, "'corporat'"),
    (NO_SECRETS, "no build number"),
])  # fmt: skip
def test_what_cannot_be_decided_is_refused_in_one_line(
    root: Path, variables: dict[str, str], name: str, sentence: Callable[[object], None]
) -> None:
    publish(root, v9=OTHER)

    with pytest.raises(ConfigurationError) as caught:
        decide_release(open_here(root, variables), None, ONE)

    assert name in str(caught.value)
    sentence(caught.value)


@pytest.mark.parametrize(("variables", "version"), [
    ({"BUILD_NUMBER": "9"}, "0.1.9"), ({"TRAINWHEEL_VERSION": "175"}, "0.1.175"),
    ({"BUILD_NUMBER": "", "GITHUB_RUN_NUMBER": "9"}, "0.1.0"),
])  # fmt: skip
def test_a_job_without_credentials_leaves_the_comparison_to_the_upload(
    root: Path, variables: dict[str, str], version: str
) -> None:
    # With the embedded index in its place this would be unchanged.
    publish(root, v0=ONE)

    release = decide_release(open_here(root, {**NO_SECRETS, **variables}), None, ONE)

    assert (release.version, release.releases) == (version, True)
    assert "left to upload" in release.reason


def test_a_release_below_a_higher_one_is_noticed_once_in_a_run(root: Path) -> None:
    write_model_wheel(root / ".trainwheel/index", "0.2.0", release_key=OTHER)
    stream = io.StringIO()
    run = open_here(root, {"BUILD_NUMBER": "8"}, stream=stream, tools=RecordingTools())

    STEP.run(run)
    STEP.run(run)

    (notice,) = (line for line in stream.getvalue().splitlines() if "notice" in line)
    assert "0.2.0, not 0.1.8" in notice


def check(run: Run) -> None:
    assert STEP.check is not None
    STEP.check(run)


@pytest.mark.parametrize(("variables", "passes"), [
    ({}, True), ({**NO_SECRETS, "BUILD_NUMBER": "3"}, True), (READING, True),
    ({"BUILD_NUMBER": "x"}, False), ({"TRAINWHEEL_VERSION": "next"}, False),
    ({"TRAINWHEEL_INDEX": "corporat"}, False), (NO_SECRETS, False),
], ids=str)  # fmt: skip
def test_before_a_run_the_configuration_is_checked_and_the_index_is_not_asked(
    root: Path, variables: dict[str, str], *, passes: bool
) -> None:
    publish(root, v9=OTHER)
    write(root, "pyproject.toml", PYPROJECT + TABLE)

    if passes:
        check(open_here(root, variables))
    else:
        with pytest.raises(ConfigurationError):
            check(open_here(root, variables))
