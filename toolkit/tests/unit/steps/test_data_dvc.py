"""What DVC tracks is pulled, and pulled again where anybody wrote to it since."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainwheel.errors import ConfigurationError, LockfileError, StepFailedError
from trainwheel.system.secrets import SecretClass
from unit.recording_tools import Call
from unit.repository import make_repository, write
from unit.steps.opened import Answer, fail, lock_more, open_with


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small model repository whose data DVC tracks."""
    root = make_repository(tmp_path / "small")
    lock_more(root, "data", "dvc")
    write(root, "data.dvc", "outs: 1\n")
    return root


def pull(root: Path) -> Answer:
    def answer(_: Call) -> str:
        write(root, "data/rows.csv", "pulled\n")
        return ""

    return answer


def test_what_is_tracked_is_pulled_by_name_and_with_the_secrets_of_data(root: Path) -> None:
    opened = open_with(root, pull(root)).step("data")

    (call,) = opened.calls
    assert call.argv == ("python", "-P", "-m", "dvc", "pull", "--quiet", "data.dvc")
    assert call.secrets == {SecretClass.DATA}
    assert call.env["DVC_NO_ANALYTICS"] == "1"
    assert "1 tracked by DVC" in opened.said
    assert not any((root / "build/data").iterdir())


def test_what_was_pulled_is_left_alone(root: Path) -> None:
    open_with(root, pull(root)).step("data")

    assert open_with(root, pull(root)).step("data").calls == []


@pytest.mark.parametrize(
    ("name", "text"), [("data/rows.csv", "by hand\n"), ("data/new.csv", ""), ("data.dvc", "o: 2\n")]
)
def test_it_is_pulled_again_where_anybody_wrote(root: Path, name: str, text: str) -> None:
    open_with(root, pull(root)).step("data")
    write(root, name, text)

    assert len(open_with(root, pull(root)).step("data").calls) == 1


def test_dvc_has_to_be_locked(tmp_path: Path) -> None:
    root = make_repository(tmp_path)
    lock_more(root, "data", "other")
    write(root, "data.dvc", "outs: 1\n")

    opened = open_with(root)
    with pytest.raises(LockfileError, match="data is tracked by DVC"):
        opened.step("data")

    assert opened.calls == []


def test_a_pull_that_fails_is_tried_again(root: Path) -> None:
    with pytest.raises(StepFailedError, match="no such remote"):
        open_with(root, fail("no such remote")).step("data")

    assert len(open_with(root, pull(root)).step("data").calls) == 1


def test_without_a_command_there_is_no_snapshot_to_accept(root: Path) -> None:
    with pytest.raises(ConfigurationError, match="no snapshot"):
        open_with(root, pull(root), "accept", named=["data"]).step("data")

    assert not (root / "data-schema.json").exists()
