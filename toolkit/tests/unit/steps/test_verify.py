"""The verify step, as far as it needs no server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from trainwheel.engine.fingerprint import Fingerprint
from trainwheel.engine.layout import Layout
from trainwheel.engine.records import Record, read_record
from trainwheel.engine.run import Options, Run
from trainwheel.errors import (
    ConfigurationError,
    StepFailedError,
    TrainwheelError,
    VersionTakenError,
)
from trainwheel.steps.shared.publish import publisher_of
from trainwheel.steps.verify import STEP
from unit.model_wheels import OTHER, package, write_model_wheel
from unit.recording_tools import RecordingTools
from unit.repository import open_here, write

Prepare = Callable[[Layout], object]


@pytest.fixture
def run(root: Path) -> Run:
    """A run in a repository."""
    return open_here(root, tools=RecordingTools())


def requesting(run: Run, *names: str, to: str = "embedded") -> Run:
    return replace(run, options=Options({"to": to}, names))


def replace_wheel(layout: Layout) -> None:
    package(layout)
    write_model_wheel(layout.dist, metrics={"accuracy": 1})


def publish_another(layout: Layout) -> None:
    package(layout)
    write_model_wheel(layout.index, metrics={"accuracy": 1})


@pytest.mark.parametrize(("prepare", "name", "to", "error"), [
    (lambda _: None, "", "embedded", StepFailedError("package.model")),
    (replace_wheel, "", "embedded", StepFailedError("proved")),
    (publish_another, "", "embedded", VersionTakenError("embedded index")),
    (package, "", "corporat", ConfigurationError("'corporat'")),
    *((package, name, "embedded", ConfigurationError(name)) for name in
      ("small-model==0.1.1", "other-model==0.1.0", "small-model", "0.1.0", "==0.1.0")),
])  # fmt: skip
def test_only_the_wheel_that_was_proved_is_verified(
    run: Run, prepare: Prepare, name: str, to: str, error: TrainwheelError
) -> None:
    log = write(run.workspace.layout.root, "build/log/verify.log", "of an earlier run")
    prepare(run.workspace.layout)

    with pytest.raises(type(error), match=error.message):
        STEP.run(requesting(run, *([name] if name else []), to=to))

    assert not log.exists()


@pytest.mark.parametrize("names", [(), ("small-model==0.1.0",), ("Small_Model==0.1.0",)])
def test_a_release_that_is_not_published_loses_its_record(run: Run, names: tuple[str, ...]) -> None:
    proof = package(run.workspace.layout)
    publisher_of(run, "verify", None).record("verify", proof)

    with pytest.raises(StepFailedError, match=r"small-model 0\.1\.0 is not published") as caught:
        STEP.run(requesting(run, *names))

    assert "upload.model" in caught.value.hint
    assert read_record(run.workspace.layout.records, "verify") is None


def test_it_is_stale_for_a_wheel_that_was_packaged_since(run: Run) -> None:
    proof = package(run.workspace.layout)
    assert STEP.reasons is not None
    reasons = [
        STEP.reasons(run.workspace, Record("verify", Fingerprint(files, {}), {}, 1.0, {}))
        for files in ({proof.wheel: proof.sha256}, {proof.wheel: OTHER})
    ]

    assert [len(each) for each in reasons] == [0, 1]
