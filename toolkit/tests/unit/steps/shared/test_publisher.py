"""What a run publishes: to which index, and which wheel."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainwheel.engine.fingerprint import Fingerprint, Reason
from trainwheel.engine.records import Record
from trainwheel.engine.run import Run
from trainwheel.errors import StepFailedError
from trainwheel.steps.shared.publisher import publisher_of, unpublished, wheel_of
from unit.model_wheels import ONE, OTHER, package
from unit.recording_tools import RecordingTools
from unit.repository import make_repository, open_here, write


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run in a small model repository."""
    return open_here(make_repository(tmp_path / "small"), tools=RecordingTools())


def record_of(files: dict[str, str]) -> Record:
    return Record("upload", Fingerprint(files, {}), {}, 0.0, {})


@pytest.mark.parametrize("step", ["upload", "verify", "promote"])
def test_every_step_publishes_with_the_tools_of_upload_and_a_log_of_its_own(
    run: Run, step: str
) -> None:
    publisher = publisher_of(run, step, None)

    assert publisher.python() == Path("/environments/upload/bin/python")
    assert publisher.log == run.workspace.layout.log(step)
    assert publisher.records == run.workspace.layout.records
    assert publisher.registry.folder == run.workspace.layout.index


def test_no_environment_is_made_before_it_is_used(run: Run) -> None:
    root = run.workspace.layout.root

    publisher_of(open_here(root), "upload", None)

    assert not (root / ".nox").exists()


def test_the_wheel_is_the_one_in_the_record(run: Run) -> None:
    layout = run.workspace.layout
    proof = package(layout)
    write(layout.dist, "small_model-9.9.9-py3-none-any.whl", "left over")

    assert wheel_of(layout) == layout.dist / proof.wheel


def test_without_a_record_there_is_no_wheel(run: Run) -> None:
    layout = run.workspace.layout
    package(layout)
    (layout.records / "package.json").write_text("cut sho")

    with pytest.raises(StepFailedError) as caught:
        wheel_of(layout)

    assert "package.model" in caught.value.hint


def test_a_wheel_that_is_published_is_no_reason(run: Run) -> None:
    layout = run.workspace.layout
    proof = package(layout)

    assert unpublished(layout, record_of({proof.wheel: proof.sha256})) == ()


@pytest.mark.parametrize(
    ("published", "before"), [({}, None), ({"of another name": ONE}, None), (OTHER, OTHER)]
)
def test_another_wheel_is_a_reason(
    run: Run, published: dict[str, str] | str, before: str | None
) -> None:
    layout = run.workspace.layout
    proof = package(layout)
    files = {proof.wheel: published} if isinstance(published, str) else published

    assert unpublished(layout, record_of(files)) == (Reason(proof.wheel, before, proof.sha256),)


def test_where_nothing_is_packaged_nothing_can_be_published(run: Run) -> None:
    assert unpublished(run.workspace.layout, record_of({"a.whl": ONE})) == ()
