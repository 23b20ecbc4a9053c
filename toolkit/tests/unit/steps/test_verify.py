"""The verify step, as far as it needs no server."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from trainwheel.engine.fingerprint import Fingerprint
from trainwheel.engine.records import Record, read_record
from trainwheel.engine.run import Options, Run
from trainwheel.errors import ConfigurationError, StepFailedError
from trainwheel.steps.shared.publisher import publisher_of
from trainwheel.steps.verify import STEP
from unit.model_wheels import OTHER, package, write_model_wheel
from unit.recording_tools import RecordingTools
from unit.repository import make_repository, open_here, write


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run in a repository."""
    return open_here(make_repository(tmp_path / "small"), tools=RecordingTools())


def asking(run: Run, *names: str, to: str = "embedded") -> Run:
    return replace(run, options=Options({"to": to}, names))


def test_without_a_wheel_there_is_nothing_to_verify(run: Run) -> None:
    with pytest.raises(StepFailedError) as caught:
        STEP.run(run)

    assert "package.model" in caught.value.hint


@pytest.mark.parametrize(
    "name", ["small-model==0.1.1", "other-model==0.1.0", "small-model", "0.1.0", "==0.1.0"]
)
def test_another_release_than_the_one_packaged_cannot_be_asked_for(run: Run, name: str) -> None:
    package(run.workspace.layout)

    with pytest.raises(ConfigurationError, match=name):
        STEP.run(asking(run, name))


@pytest.mark.parametrize("names", [(), ("small-model==0.1.0",), ("Small_Model==0.1.0",)])
def test_a_release_that_is_not_published_is_told_and_no_longer_recorded(
    run: Run, names: tuple[str, ...]
) -> None:
    proof = package(run.workspace.layout)
    publisher_of(run, "verify", None).record("verify", proof)

    with pytest.raises(StepFailedError, match=r"small-model 0\.1\.0 is not published") as caught:
        STEP.run(asking(run, *names))

    assert "upload.model" in caught.value.hint
    assert read_record(run.workspace.layout.records, "verify") is None


def test_other_bytes_under_its_name_are_told(run: Run) -> None:
    layout = run.workspace.layout
    proof = package(layout)
    write_model_wheel(layout.index, metrics={"accuracy": 1})

    with pytest.raises(StepFailedError, match="embedded index") as caught:
        STEP.run(run)

    assert proof.sha256[:12] in caught.value.hint


def test_a_wheel_that_is_not_the_one_proved_is_not_verified(run: Run) -> None:
    layout = run.workspace.layout
    package(layout)
    write_model_wheel(layout.dist, metrics={"accuracy": 1})

    with pytest.raises(StepFailedError, match="proved"):
        STEP.run(run)


def test_the_index_asked_for_has_to_be_known(run: Run) -> None:
    package(run.workspace.layout)

    with pytest.raises(ConfigurationError, match="'corporat'"):
        STEP.run(asking(run, to="corporat"))


def test_the_log_of_an_earlier_run_is_gone(run: Run) -> None:
    log = write(run.workspace.layout.root, "build/log/verify.log", "of an earlier run")

    with pytest.raises(StepFailedError):
        STEP.run(run)

    assert not log.exists()


def test_its_reason_is_a_wheel_that_was_packaged_since(run: Run) -> None:
    proof = package(run.workspace.layout)
    assert STEP.reasons is not None
    reasons = [
        STEP.reasons(run.workspace, Record("verify", Fingerprint(files, {}), {}, 1.0, {}))
        for files in ({proof.wheel: proof.sha256}, {proof.wheel: OTHER})
    ]

    assert [len(each) for each in reasons] == [0, 1]
