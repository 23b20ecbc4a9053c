"""The upload step: once, followed by one verification, and accounting for a run that was killed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from pytest_socket import SocketBlockedError

from trainwheel.engine.layout import Layout
from trainwheel.engine.records import read_record
from trainwheel.engine.run import Run
from trainwheel.errors import (
    ConfigurationError,
    MissingCredentialsError,
    StepFailedError,
    TrainwheelError,
)
from trainwheel.steps.shared.publish import publisher_of
from trainwheel.steps.shared.release import Release
from trainwheel.steps.upload import STEP
from trainwheel.wheel.proof import Proof
from unit.model_wheels import ONE, OTHER, package, write_model_wheel
from unit.repository import PYPROJECT, open_here, write
from unit.steps.session import Session, open_with


@dataclass
class Here:
    """A repository to upload from."""

    root: Path
    registered: frozenset[str] = field(default=frozenset({"upload", "verify"}))

    @property
    def layout(self) -> Layout:
        """Its paths."""
        return open_here(self.root).workspace.layout

    def upload(self, *flags: str) -> Session:
        """Run the step."""
        session = open_with(self.root, lambda _: "", *flags, named=["upload"])
        return replace(session, run=replace(session.run, registered=self.registered)).step("upload")

    def has_record(self) -> bool:
        """Return whether an upload is recorded."""
        return read_record(self.layout.records, "upload") is not None

    def package(self, version: str = "0.1.0") -> Proof:
        """Package a release that is decided."""
        self.decide(version, releases=True)
        return package(self.layout, version)

    def package_and_publish(self) -> Proof:
        """Package a release, and put it into the embedded index, as an upload does."""
        proof = self.package()
        self.layout.index.mkdir(parents=True, exist_ok=True)
        shutil.copy(self.layout.dist / proof.wheel, self.layout.index)
        return proof

    def decide(self, version: str = "0.1.0", *, releases: bool = False) -> None:
        """Write the decision of the version step."""
        reason = f"unchanged since {version}"
        release = Release("small-model", version, releases, False, reason, ONE)  # noqa: FBT003
        write(self.root, "build/version.json", release.render())

    def record(self, step: str, proof: Proof) -> None:
        """Record a step that was done with these bytes."""
        publisher_of(open_here(self.root), step, None).record(step, proof)


@pytest.fixture
def here(root: Path) -> Here:
    """A repository without anything packaged."""
    return Here(root)


def test_what_the_index_has_already_is_recorded_and_verified(here: Here) -> None:
    here.package_and_publish()
    log = write(here.root, "build/log/upload.log", "of an earlier run")

    assert here.upload().queue == ["verify"]
    assert here.has_record()
    assert not log.exists()


@pytest.mark.parametrize(("sha256", "flags", "queue"), [
    ("", (), []), ("", ("force",), ["verify"]), (OTHER, (), ["verify"]),
], ids=["verified", "forced", "other bytes"])  # fmt: skip
def test_these_bytes_are_verified_once_unless_forced(
    here: Here, sha256: str, flags: tuple[str, ...], queue: list[str]
) -> None:
    proof = here.package_and_publish()
    here.record("verify", replace(proof, sha256=sha256 or proof.sha256))

    assert here.upload(*flags).queue == queue


def test_a_noxfile_without_verification_gets_none(here: Here) -> None:
    here.registered = frozenset({"upload"})
    here.package_and_publish()

    assert here.upload().queue == []
    assert here.has_record()


def unchanged_in_the_index(here: Here) -> None:
    write_model_wheel(here.layout.index, "0.1.3")
    here.package("0.1.4")


@pytest.mark.parametrize(
    "prepare", [unchanged_in_the_index, lambda here: here.decide("0.1.3")], ids=["index", "decided"]
)
def test_unchanged_content_is_not_published(here: Here, prepare: Callable[[Here], None]) -> None:
    prepare(here)

    session = here.upload()

    assert "unchanged since 0.1.3" in session.output
    assert not here.has_record()
    assert session.queue == []


@pytest.mark.parametrize("sha256", [None, OTHER, ""], ids=["none", "earlier bytes", "these bytes"])
def test_an_upload_whose_run_was_killed_is_recorded_and_verified(
    here: Here, sha256: str | None
) -> None:
    proof = here.package_and_publish()
    here.decide()
    if sha256 is not None:
        here.record("upload", replace(proof, sha256=sha256 or proof.sha256))

    assert here.upload().queue == ["verify"]
    record = read_record(here.layout.records, "upload")
    assert record is not None
    assert record.fingerprint.files == {proof.wheel: proof.sha256}


LOSSES: dict[str, Callable[[Here], object]] = {
    "never sent": lambda here: shutil.rmtree(here.layout.index),
    "other bytes": lambda here: write_model_wheel(here.layout.index, metrics={"accuracy": 1}),
    "other version": lambda here: here.decide("0.1.1"),
    "cleaned": lambda here: shutil.rmtree(here.layout.dist),
    "no record": lambda here: (here.layout.records / "package.json").unlink(),
}


@pytest.mark.parametrize("loss", LOSSES)
def test_an_upload_that_cannot_be_shown_is_not_recorded(here: Here, loss: str) -> None:
    here.package_and_publish()
    here.decide()
    LOSSES[loss](here)

    assert here.upload().queue == []
    assert not here.has_record()


@pytest.mark.parametrize(("file", "flag"), [
    ("build/version.json", ""), ("build/.trainwheel/package.json", ""), ("", "to=corporat"),
])  # fmt: skip
def test_without_a_decision_a_wheel_or_an_index_nothing_is_published(
    here: Here, file: str, flag: str, sentence: Callable[[object], None]
) -> None:
    here.package()
    if file:
        (here.root / file).unlink()

    with pytest.raises(TrainwheelError) as caught:
        here.upload(*([flag] if flag else []))

    sentence(caught.value)


CORPORATE = {"TRAINWHEEL_INDEX": "corporate"}
TABLE = '\n[tool.trainwheel.index.corporate]\nurl = "http://127.0.0.1:9/"\nallow-http = true\n'


@pytest.fixture
def with_release(root: Path) -> Path:
    """A small model repository whose version is 0.1.0, and whose index has 0.1.9."""
    write(root, "pyproject.toml", PYPROJECT + TABLE)
    write_model_wheel(root / ".trainwheel/index", "0.1.9", release_key=OTHER)
    return root


def check(run: Run, *stale: str) -> None:
    """Check before a run in which these steps have something to do."""
    assert STEP.check is not None
    STEP.check(replace(run, is_stale=lambda step: step in stale))


@pytest.mark.parametrize("variables", [
    {}, {"BUILD_NUMBER": "3"},
    *({"TRAINWHEEL_VERSION": version} for version in ("0.1.9", "10", "0.0.1", "0.2.0")),
], ids=str)  # fmt: skip
def test_a_run_that_can_be_completed_begins(with_release: Path, variables: dict[str, str]) -> None:
    check(open_here(with_release, variables), "train", "test")


@pytest.mark.parametrize(("version", "name"), [
    ("3", r"0\.1\.9"), ("0.1.8", r"0\.1\.9"), ("0.1.9rc1", r"0\.1\.9"), ("next", "'next'"),
])  # fmt: skip
def test_a_version_that_is_too_low_or_not_one_is_refused(
    with_release: Path, version: str, name: str
) -> None:
    with pytest.raises(ConfigurationError, match=name):
        check(open_here(with_release, {"TRAINWHEEL_VERSION": version}))


@pytest.mark.parametrize("stale", [(), ("train",)])
def test_missing_credentials_are_named_before_anything_runs(
    with_release: Path, stale: tuple[str, ...]
) -> None:
    variables = {"NEXUS_LOCAL_REPO_URL": "https://nexus.invalid/m/", "NEXUS_USERNAME": "ci"}

    with pytest.raises(MissingCredentialsError, match="NEXUS_PASSWORD"):
        check(open_here(with_release, variables), *stale)


@pytest.mark.parametrize("stale", ["train", "test"])
def test_before_long_work_the_index_must_accept_the_credentials(
    with_release: Path, stale: str
) -> None:
    # The request itself is blocked in unit tests.
    with pytest.raises((SocketBlockedError, UserWarning), match="socket"):
        check(open_here(with_release, CORPORATE), stale)


def test_without_long_work_the_index_is_left_to_the_version_step(with_release: Path) -> None:
    check(open_here(with_release, CORPORATE), "doc", "report", "package")


@pytest.mark.parametrize(("copies", "passes"), [(6, False), (7, True)])
def test_the_disk_must_have_room_for_every_copy_of_the_artefact(
    with_release: Path, copies: int, *, passes: bool
) -> None:
    free = shutil.disk_usage(with_release).free
    # A sparse file takes no room.
    os.truncate(with_release / "model/small_model/artefact/model.joblib",
                max(0, free - (passes << 30)) // copies)  # fmt: skip

    if passes:
        check(open_here(with_release))
    else:
        with pytest.raises(StepFailedError, match="MiB") as caught:
            check(open_here(with_release))
        assert "make clean" in caught.value.hint
