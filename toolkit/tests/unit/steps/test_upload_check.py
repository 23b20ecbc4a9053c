"""What is checked before a run that uploads begins: disk, credentials, and the version."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from pytest_socket import SocketBlockedError

from trainwheel.engine.run import Run
from trainwheel.errors import ConfigurationError, MissingCredentialsError, StepFailedError
from trainwheel.steps.upload import STEP
from unit.model_wheels import OTHER, write_model_wheel
from unit.repository import PYPROJECT, make_repository, open_here, write

OPEN_INDEX = '\n[tool.trainwheel.index.corporate]\nurl = "http://127.0.0.1:9/"\nallow-http = true\n'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small model repository whose version is 0.1.0, and whose index holds 0.1.9."""
    root = make_repository(tmp_path / "small")
    write(root, "pyproject.toml", PYPROJECT + OPEN_INDEX)
    write_model_wheel(root / ".trainwheel" / "index", "0.1.9", release_key=OTHER)
    return root


def check(run: Run, *stale: str) -> None:
    """Check as a run does in which these steps have something to do."""
    assert STEP.check is not None
    STEP.check(replace(run, is_stale=lambda step: step in stale))


@pytest.mark.parametrize(
    "variables", [{}, {"BUILD_NUMBER": "3"}, {"TRAINWHEEL_VERSION": "9"}], ids=str
)
def test_a_run_that_can_come_to_its_end_begins(root: Path, variables: dict[str, str]) -> None:
    check(open_here(root, variables), "train", "test")


@pytest.mark.parametrize("asked", ["3", "0.1.8", "0.1.9rc1"])
def test_a_lower_version_than_is_published_is_refused(root: Path, asked: str) -> None:
    with pytest.raises(ConfigurationError, match=r"0\.1\.9"):
        check(open_here(root, {"TRAINWHEEL_VERSION": asked}))


@pytest.mark.parametrize("asked", ["0.1.9", "10", "0.0.1", "0.2.0"])
def test_a_version_that_is_not_lower_in_its_series_passes(root: Path, asked: str) -> None:
    check(open_here(root, {"TRAINWHEEL_VERSION": asked}))


@pytest.mark.parametrize("asked", ["next", "1.0-"])
def test_a_version_that_is_none_is_refused(root: Path, asked: str) -> None:
    with pytest.raises(ConfigurationError, match=asked):
        check(open_here(root, {"TRAINWHEEL_VERSION": asked}))


@pytest.mark.parametrize("stale", [(), ("train",)])
def test_missing_credentials_are_named_before_anything_runs(
    root: Path, stale: tuple[str, ...]
) -> None:
    variables = {"NEXUS_LOCAL_REPO_URL": "https://nexus.invalid/m/", "NEXUS_USERNAME": "ci"}

    with pytest.raises(MissingCredentialsError, match="NEXUS_PASSWORD"):
        check(open_here(root, variables), *stale)


@pytest.mark.parametrize("stale", [("train",), ("test",), ("train", "test")])
def test_before_long_work_the_index_is_asked_whether_it_takes_the_credentials(
    root: Path, stale: tuple[str, ...]
) -> None:
    # Where it would ask, it is kept from it here.
    with pytest.raises((SocketBlockedError, UserWarning), match="socket"):
        check(open_here(root, {"TRAINWHEEL_INDEX": "corporate"}), *stale)


@pytest.mark.parametrize("stale", [(), ("doc", "report", "package")])
def test_without_long_work_ahead_the_index_is_left_to_the_version_step(
    root: Path, stale: tuple[str, ...]
) -> None:
    check(open_here(root, {"TRAINWHEEL_INDEX": "corporate"}), *stale)


def grow(root: Path, size: int) -> None:
    """Make an artefact of a size; it takes no room."""
    with (root / "model/small_model/artefact/model.joblib").open("wb") as stream:
        os.truncate(stream.fileno(), size)


def test_a_disk_without_room_for_every_copy_of_the_artefact_is_told(root: Path) -> None:
    free = shutil.disk_usage(root).free
    grow(root, free // 6)

    with pytest.raises(StepFailedError, match="MiB") as caught:
        check(open_here(root))

    assert "make clean" in caught.value.hint


def test_a_disk_with_room_for_every_copy_is_enough(root: Path) -> None:
    free = shutil.disk_usage(root).free
    grow(root, max(0, free - (1 << 30)) // 7)

    check(open_here(root))
