"""The upload step: once, followed by one verification, and accounting for a run that was killed."""

from __future__ import annotations

import io
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from trainwheel.engine.fingerprint import Fingerprint
from trainwheel.engine.records import Record, read_record, write_record
from trainwheel.engine.release import Release
from trainwheel.engine.run import Options, Run
from trainwheel.errors import StepFailedError, TrainwheelError
from trainwheel.steps.shared.publisher import publisher_of
from trainwheel.steps.upload import STEP
from trainwheel.wheel.proof import Proof
from unit.model_wheels import ONE, OTHER, package, write_model_wheel
from unit.recording_tools import RecordingTools
from unit.repository import make_repository, open_here, write


@dataclass
class Here:
    """A run in a repository, what it queued, and what it printed."""

    root: Path
    queued: list[str] = field(default_factory=list)
    stream: io.StringIO = field(default_factory=io.StringIO)
    registered: frozenset[str] = frozenset({"upload", "verify"})

    def run(self, *flags: str, to: str = "") -> Run:
        """Return the run, with flags."""
        values = {**dict.fromkeys(flags, ""), **({"to": to} if to else {})}
        run = open_here(self.root, stream=self.stream, tools=RecordingTools())
        return replace(
            run,
            options=Options(values),
            named=frozenset({"upload"}),
            registered=self.registered,
            queue=self.queued.append,
        )

    def has_record(self, step: str) -> bool:
        """Return whether a step has a record."""
        return read_record(self.run().workspace.layout.records, step) is not None

    def package(self, version: str = "0.1.0") -> Proof:
        """Package a release that is decided."""
        self.decide(version, releases=True)
        return package(self.run().workspace.layout, version)

    def decide(self, version: str, *, releases: bool) -> None:
        """Write the decision of the version step."""
        reason = f"unchanged since {version}"
        release = Release("small-model", version, releases, False, reason, ONE)  # noqa: FBT003
        write(self.root, "build/version.json", release.render())

    def publish(self, proof: Proof) -> None:
        """Put what is packaged into the embedded index, as an upload does."""
        layout = self.run().workspace.layout
        layout.index.mkdir(parents=True, exist_ok=True)
        shutil.copy(layout.dist / proof.wheel, layout.index)

    def record(self, step: str, proof: Proof) -> None:
        """Record a step that was done with these bytes."""
        publisher_of(self.run(), step, None).record(step, proof)


@pytest.fixture
def here(tmp_path: Path) -> Here:
    """A repository without anything packaged."""
    return Here(make_repository(tmp_path / "small"))


def test_what_is_there_already_is_recorded_and_verified(here: Here) -> None:
    proof = here.package()
    here.publish(proof)

    STEP.run(here.run())

    assert here.has_record("upload")
    assert here.queued == ["verify"]


def test_the_log_of_an_earlier_run_is_gone(here: Here) -> None:
    here.publish(here.package())
    write(here.root, "build/log/upload.log", "of an earlier run")

    STEP.run(here.run())

    assert not (here.root / "build/log/upload.log").exists()


@pytest.mark.parametrize(
    ("flags", "queued"), [((), []), (("force",), ["verify"])], ids=["plain", "forced"]
)
def test_what_is_verified_is_not_verified_again_unless_that_is_asked_for(
    here: Here, flags: tuple[str, ...], queued: list[str]
) -> None:
    proof = here.package()
    here.publish(proof)
    here.record("verify", proof)

    STEP.run(here.run(*flags))

    assert here.queued == queued


def test_a_verification_of_other_bytes_does_not_count(here: Here) -> None:
    proof = here.package()
    here.publish(proof)
    here.record("verify", replace(proof, sha256=OTHER))

    STEP.run(here.run())

    assert here.queued == ["verify"]


def test_a_noxfile_without_verification_gets_none(here: Here) -> None:
    here.registered = frozenset({"upload"})
    here.publish(here.package())

    STEP.run(here.run())

    assert here.has_record("upload")
    assert here.queued == []


def test_the_same_content_as_the_newest_release_is_not_published(here: Here) -> None:
    write_model_wheel(here.root / ".trainwheel/index", "0.1.3")
    here.package("0.1.4")

    STEP.run(here.run())

    assert "unchanged since 0.1.3" in here.stream.getvalue()
    assert not here.has_record("upload")
    assert here.queued == []


def test_without_a_release_the_reason_is_told_and_nothing_is_done(here: Here) -> None:
    here.decide("0.1.0", releases=False)

    STEP.run(here.run())

    assert "unchanged since 0.1.0" in here.stream.getvalue()
    assert not here.has_record("upload")
    assert here.queued == []


def test_an_upload_whose_run_was_killed_is_accounted_for_and_verified(here: Here) -> None:
    here.publish(here.package())
    here.decide("0.1.0", releases=False)

    STEP.run(here.run())

    assert here.has_record("upload")
    assert here.queued == ["verify"]


def test_a_record_of_earlier_bytes_is_replaced(here: Here) -> None:
    proof = here.package()
    here.publish(proof)
    here.record("upload", replace(proof, sha256=OTHER))
    here.decide("0.1.0", releases=False)

    STEP.run(here.run())

    record = read_record(here.run().workspace.layout.records, "upload")
    assert record is not None
    assert record.fingerprint.files == {proof.wheel: proof.sha256}


def test_a_verification_that_was_killed_is_made_up_for(here: Here) -> None:
    proof = here.package()
    here.publish(proof)
    here.record("upload", proof)
    here.decide("0.1.0", releases=False)

    STEP.run(here.run())

    assert here.queued == ["verify"]


def lose(here: Here, what: str) -> None:
    """Take away what shows that the packaged wheel is the published one."""
    layout = here.run().workspace.layout
    if what == "never sent":
        shutil.rmtree(layout.index)
    elif what == "other bytes":
        write_model_wheel(layout.index, metrics={"accuracy": 1})
    elif what == "other version":
        here.decide("0.1.1", releases=False)
    elif what == "cleaned":
        shutil.rmtree(layout.dist)
    else:
        (layout.records / "package.json").unlink()


@pytest.mark.parametrize(
    "what", ["never sent", "other bytes", "other version", "cleaned", "no record"]
)
def test_what_this_checkout_did_not_publish_is_not_claimed(here: Here, what: str) -> None:
    here.publish(here.package())
    here.decide("0.1.0", releases=False)
    lose(here, what)

    STEP.run(here.run())

    assert not here.has_record("upload")
    assert here.queued == []


@pytest.mark.parametrize("lost", ["build/version.json", "build/.trainwheel/package.json"])
def test_without_a_decision_or_a_wheel_nothing_is_published(here: Here, lost: str) -> None:
    here.package()
    (here.root / lost).unlink()

    with pytest.raises(StepFailedError):
        STEP.run(here.run())


def test_an_unknown_index_is_refused(here: Here) -> None:
    here.package()

    with pytest.raises(TrainwheelError, match="corporat"):
        STEP.run(here.run(to="corporat"))


def test_its_reason_is_the_wheel_that_is_not_published(here: Here) -> None:
    proof = here.package()
    assert STEP.reasons is not None
    workspace = here.run().workspace
    record = Record("upload", Fingerprint({proof.wheel: OTHER}, {}), {}, 1.0, {})
    write_record(workspace.layout.records, record)

    (reason,) = STEP.reasons(workspace, record)

    assert (reason.what, reason.old, reason.new) == (proof.wheel, OTHER, proof.sha256)
