"""What a run publishes: which wheel, and to which index."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainwheel.engine.fingerprint import Fingerprint, Reason
from trainwheel.engine.layout import Layout
from trainwheel.engine.records import Record
from trainwheel.errors import StepFailedError
from trainwheel.steps.shared.publish import publisher_of
from trainwheel.steps.shared.publisher import unpublished, wheel_of
from unit.model_wheels import ONE, OTHER, package
from unit.recording_tools import RecordingTools
from unit.repository import open_here, write


@pytest.fixture
def layout(root: Path) -> Layout:
    """The paths of the repository."""
    return open_here(root).workspace.layout


@pytest.mark.parametrize("step", ["upload", "verify", "promote"])
def test_every_step_publishes_with_the_tools_of_upload_and_a_log_of_its_own(
    layout: Layout, step: str
) -> None:
    publisher = publisher_of(open_here(layout.root, tools=RecordingTools()), step, None)

    assert publisher.python() == Path("/environments/upload/bin/python")
    assert (publisher.log, publisher.records) == (layout.log(step), layout.records)
    assert publisher.registry.folder == layout.index
    publisher_of(open_here(layout.root), step, None)
    assert not (layout.root / ".nox").exists()  # until the interpreter is used


def test_the_wheel_is_the_one_in_the_record(layout: Layout) -> None:
    proof = package(layout)
    write(layout.dist, "small_model-9.9.9-py3-none-any.whl", "left over")

    assert wheel_of(layout) == layout.dist / proof.wheel

    (layout.records / "package.json").write_text("cut sho")
    with pytest.raises(StepFailedError) as caught:
        wheel_of(layout)
    assert "package.model" in caught.value.hint


def reasons(layout: Layout, files: dict[str, str]) -> tuple[Reason, ...]:
    return unpublished(layout, Record("upload", Fingerprint(files, {}), {}, 0.0, {}))


def test_another_wheel_than_the_packaged_one_is_a_reason(layout: Layout) -> None:
    assert reasons(layout, {"a.whl": ONE}) == ()  # nothing is packaged

    proof = package(layout)
    assert reasons(layout, {proof.wheel: proof.sha256}) == ()
    assert reasons(layout, {}) == (Reason(proof.wheel, None, proof.sha256),)
    assert reasons(layout, {"other.whl": ONE}) == (Reason(proof.wheel, None, proof.sha256),)
    assert reasons(layout, {proof.wheel: OTHER}) == (Reason(proof.wheel, OTHER, proof.sha256),)
