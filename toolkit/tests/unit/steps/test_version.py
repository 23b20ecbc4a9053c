"""The version step: asks the folder of a real index, and writes its decision once."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from trainwheel.engine.records import read_record
from trainwheel.engine.release import read_release
from trainwheel.engine.run import Run
from trainwheel.errors import ConfigurationError, StepFailedError
from trainwheel.steps.shared.staging import release_key
from trainwheel.steps.version import STEP
from unit.model_wheels import OTHER, write_model_wheel
from unit.recording_tools import RecordingTools
from unit.repository import PYPROJECT, make_repository, open_here, write

NO_SECRETS = {"NEXUS_LOCAL_REPO_URL": "https://nexus.invalid/models/", "NEXUS_PASSWORD": ""}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small model repository whose version is 0.1.0 and whose model is trained."""
    return make_repository(tmp_path / "small")


def run_it(root: Path, variables: dict[str, str] | None = None) -> str:
    """Run the step and return what it printed."""
    stream, tools = io.StringIO(), RecordingTools()
    STEP.run(open_here(root, variables, stream=stream, tools=tools))
    assert tools.calls == []
    return stream.getvalue()


def publish(root: Path, version: str, key: str) -> None:
    write_model_wheel(root / ".trainwheel" / "index", version, release_key=key)


def key_of(root: Path) -> str:
    return release_key(open_here(root).workspace)


def test_a_decision_is_written_recorded_and_told(root: Path) -> None:
    said = run_it(root)

    layout = open_here(root).workspace.layout
    release = read_release(layout.release)
    assert (release.version, release.releases) == ("0.1.0", True)
    assert release.release_key == key_of(root)
    record = read_record(layout.records, "version")
    assert record is not None
    assert record.fingerprint.facts["the decision"] == release.mark
    assert "0.1.0, the first release" in said


def test_where_nothing_is_released_the_reason_alone_is_told(root: Path) -> None:
    publish(root, "0.1.4", key_of(root))

    said = run_it(root)

    assert said.split()[:4] == ["version", "unchanged", "since", "0.1.4"]
    assert "first release" not in said
    assert not read_release(root / "build" / "version.json").releases


def test_the_same_decision_is_not_written_again(root: Path) -> None:
    run_it(root)
    before = (root / "build" / "version.json").stat().st_mtime_ns

    said = run_it(root)

    assert (root / "build" / "version.json").stat().st_mtime_ns == before
    assert "0.1.0, the first release" in said


def test_what_was_published_since_decides_anew(root: Path) -> None:
    run_it(root)
    publish(root, "0.1.0", OTHER)

    run_it(root)

    assert read_release(root / "build" / "version.json").version == "0.1.1"


def test_what_is_shipped_decides_anew(root: Path) -> None:
    publish(root, "0.1.0", key_of(root))
    run_it(root)
    write(root, "model/small_model/classifier.py", "def predict_record(record): return 1\n")

    run_it(root)

    release = read_release(root / "build" / "version.json")
    assert (release.version, release.releases) == ("0.1.1", True)


def test_without_a_model_nothing_is_decided(root: Path) -> None:
    (root / "model/small_model/artefact/model.joblib").unlink()

    with pytest.raises(StepFailedError, match=r"artefact/model\.joblib"):
        run_it(root)

    assert not (root / "build" / "version.json").exists()


def test_a_refusal_leaves_the_last_decision_as_it_was(root: Path) -> None:
    run_it(root)
    publish(root, "0.1.9", OTHER)

    with pytest.raises(ConfigurationError, match=r"0\.1\.9"):
        run_it(root, {"BUILD_NUMBER": "3"})

    assert read_release(root / "build" / "version.json").version == "0.1.0"


@pytest.mark.parametrize(
    ("variables", "always"), [({}, False), ({"TRAINWHEEL_VERSION": "5"}, True)]
)
def test_what_is_asked_for_by_name_is_released_whatever_is_published(
    root: Path, variables: dict[str, str], *, always: bool
) -> None:
    run_it(root, variables)

    assert read_release(root / "build" / "version.json").always is always


def check(run: Run) -> None:
    assert STEP.check is not None
    STEP.check(run)


@pytest.mark.parametrize(
    "variables",
    [
        {"BUILD_NUMBER": "x"},
        {"TRAINWHEEL_VERSION": "next"},
        {"TRAINWHEEL_INDEX": "corporat"},
        NO_SECRETS,
    ],
    ids=str,
)
def test_before_the_run_begins_it_is_seen_what_would_keep_it_from_its_end(
    root: Path, variables: dict[str, str]
) -> None:
    with pytest.raises(ConfigurationError):
        check(open_here(root, variables))


@pytest.mark.parametrize("variables", [{}, {**NO_SECRETS, "BUILD_NUMBER": "3"}], ids=str)
def test_before_the_run_begins_nothing_is_asked_of_the_index(
    root: Path, variables: dict[str, str]
) -> None:
    publish(root, "0.1.9", OTHER)

    check(open_here(root, variables))


def test_another_release_policy_makes_another_decision(root: Path) -> None:
    publish(root, "0.1.0", key_of(root))
    run_it(root)
    write(root, "pyproject.toml", f'{PYPROJECT}version.release = "always"\n')

    run_it(root)

    release = read_release(root / "build" / "version.json")
    assert (release.version, release.releases, release.always) == ("0.1.1", True, True)
