"""Publishing to the folder of a real index, as far as it needs no server."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from trainwheel.engine.records import read_record
from trainwheel.errors import (
    ConfigurationError,
    RefusedError,
    StepFailedError,
)
from trainwheel.index.registry import Registry
from trainwheel.index.target import Target
from trainwheel.install.environments import Installer
from trainwheel.steps.shared.publish import Publisher
from trainwheel.system.console import Console
from trainwheel.system.environ import Environment
from unit.model_wheels import ONE, OTHER, proof_of, write_model_wheel


class ServedError(Exception):
    """The publisher was about to start a server, or twine."""


def no_python() -> Path:
    raise ServedError


@dataclass(frozen=True)
class Place:
    """A publisher to the folder of an index, and what it prints."""

    publisher: Publisher
    stream: io.StringIO
    dist: Path

    @property
    def index(self) -> Path:
        """The folder of the index."""
        return self.publisher.registry.folder

    def recorded(self, step: str) -> bool:
        """Return whether a step has a record."""
        assert self.publisher.records is not None
        return read_record(self.publisher.records, step) is not None


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """An index without files."""
    environment, stream = Environment(), io.StringIO()
    registry = Registry(None, tmp_path / "an index")
    publisher = Publisher(
        environment, Console(environment, stream), registry, no_python, records=tmp_path / "records"
    )
    return Place(publisher, stream, tmp_path / "dist")


def test_what_is_published_is_marked_by_its_bytes_and_its_index(place: Place) -> None:
    proof = proof_of(write_model_wheel(place.dist))
    nexus = Target("nexus", "https://n.invalid/m/", "https://n.invalid/m/simple/")
    elsewhere = replace(place.publisher, registry=Registry(nexus, place.index))

    mark = place.publisher.mark(proof)

    assert mark.files == {proof.wheel: proof.sha256}
    assert mark.facts == {"the index": place.index.as_posix()}
    assert elsewhere.mark(proof).facts == {"the index": "https://n.invalid/m/simple/"}
    assert place.publisher.mark(replace(proof, sha256=OTHER)).key != mark.key


def test_what_is_there_already_is_recorded_and_told(place: Place) -> None:
    wheel, proof = write_model_wheel(place.index), proof_of(write_model_wheel(place.dist))

    uploaded = place.publisher.publish(wheel, proof)

    assert uploaded.is_there
    assert uploaded.summary in place.stream.getvalue()
    assert place.recorded("upload")


def test_a_release_of_the_same_content_as_the_newest_is_not_sent(place: Place) -> None:
    write_model_wheel(place.index, "0.1.3", release_key=ONE)
    wheel = write_model_wheel(place.dist, "0.1.4")

    uploaded = place.publisher.publish(wheel, proof_of(wheel))

    assert (uploaded.summary, uploaded.is_there) == ("unchanged since 0.1.3", False)
    assert not place.recorded("upload")


@pytest.mark.parametrize(
    ("published", "always"), [(ONE, True), (OTHER, False)], ids=["asked for", "changed"]
)
def test_what_has_to_be_sent_is_sent_and_verified_anew(
    place: Place, published: str, *, always: bool
) -> None:
    write_model_wheel(place.index, "0.1.3", release_key=published)
    wheel = write_model_wheel(place.dist, "0.1.4")
    proof = proof_of(wheel, always=always)
    place.publisher.record("verify", proof)

    with pytest.raises(ServedError):
        place.publisher.publish(wheel, proof)

    # Had this run been killed while it sent, nothing would claim what is not so.
    assert not place.recorded("verify")
    assert not place.recorded("upload")


def test_the_same_version_with_other_bytes_is_left_to_the_upload(place: Place) -> None:
    write_model_wheel(place.index, "0.1.0", metrics={"accuracy": 0.5})
    wheel = write_model_wheel(place.dist, "0.1.0")

    assert not place.publisher.holds(proof_of(wheel))
    with pytest.raises(ServedError):
        place.publisher.upload(wheel, proof_of(wheel))


def test_a_version_below_what_is_published_is_refused(place: Place) -> None:
    write_model_wheel(place.index, "0.1.9", release_key=OTHER)
    wheel = write_model_wheel(place.dist, "0.1.4")
    place.publisher.record("verify", proof_of(wheel))

    with pytest.raises(ConfigurationError, match=r"0\.1\.9"):
        place.publisher.publish(wheel, proof_of(wheel))

    assert place.recorded("verify")


def test_a_model_that_the_gate_refuses_is_not_sent(place: Place) -> None:
    write_model_wheel(place.index, "0.1.3", release_key=OTHER, metrics={"accuracy": 0.9})
    drop = {"accuracy": {"drop": 0.01}}
    wheel = write_model_wheel(place.dist, "0.1.4", metrics={"accuracy": 0.5}, gate=drop)
    place.publisher.record("verify", proof_of(wheel))

    with pytest.raises(RefusedError, match="accuracy"):
        place.publisher.publish(wheel, proof_of(wheel))

    assert place.recorded("verify")
    assert not place.recorded("upload")


def test_the_index_holds_a_wheel_whose_digest_it_lists(place: Place) -> None:
    proof = proof_of(write_model_wheel(place.dist))
    assert not place.publisher.holds(proof)

    write_model_wheel(place.index)

    assert place.publisher.holds(proof)
    assert not place.publisher.holds(replace(proof, sha256=OTHER))


@pytest.mark.parametrize("metrics", [None, {"accuracy": 0.5}], ids=["absent", "other bytes"])
def test_what_fails_its_verification_is_no_longer_recorded_as_verified(
    place: Place, metrics: dict[str, float] | None
) -> None:
    wheel = write_model_wheel(place.dist)
    proof = proof_of(wheel)
    if metrics is not None:
        write_model_wheel(place.index, metrics=metrics)
    for step in ("upload", "verify"):
        place.publisher.record(step, proof)

    with pytest.raises(StepFailedError):
        place.publisher.confirm(proof, wheel, Installer(Environment()))

    assert not place.recorded("verify")
    assert place.recorded("upload")
    assert "published" not in place.stream.getvalue()


def test_another_index_s_verification_stands_if_this_one_fails(place: Place) -> None:
    wheel = write_model_wheel(place.dist)
    proof = proof_of(wheel)
    elsewhere = replace(place.publisher, registry=Registry(None, place.dist))
    elsewhere.record("verify", proof)

    with pytest.raises(StepFailedError):
        place.publisher.confirm(proof, wheel, Installer(Environment()))

    assert place.recorded("verify")


def test_without_a_place_for_records_none_are_kept(place: Place, tmp_path: Path) -> None:
    wheel = write_model_wheel(place.index)
    publisher = replace(place.publisher, records=None)

    publisher.publish(wheel, proof_of(wheel))
    with pytest.raises(StepFailedError):
        publisher.confirm(replace(proof_of(wheel), version="9"), wheel, Installer(Environment()))

    assert not (tmp_path / "records").exists()
