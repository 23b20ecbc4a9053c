"""Publishing to the folder of a real index, as far as it needs no server."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from trainwheel.engine.records import read_record
from trainwheel.errors import (
    ConfigurationError,
    RefusedError,
    StepFailedError,
    TrainwheelError,
    UncertainError,
    VersionTakenError,
)
from trainwheel.index.registry import Registry
from trainwheel.index.target import Target
from trainwheel.install.environments import Installer
from trainwheel.install.printed import InstallLine
from trainwheel.steps.shared.publish import Publisher
from trainwheel.steps.shared.receipt import Receipts
from trainwheel.system.console import Console
from trainwheel.system.environ import Environment
from trainwheel.wheel.proof import Proof, check_name, proof_path, read_proof, render_proof
from unit.model_wheels import ONE, OTHER, proof_of, write_model_wheel
from unit.wheels import write_wheel


class ServedError(Exception):
    """The publisher was about to start a server, or twine."""


def no_python() -> Path:
    raise ServedError


@dataclass(frozen=True)
class Place:
    """A publisher to the folder of an index, and its output."""

    publisher: Publisher
    stream: io.StringIO
    dist: Path

    @property
    def index(self) -> Path:
        """The folder of the index."""
        return self.publisher.registry.folder

    def records(self) -> list[str]:
        """Return the steps that are recorded."""
        folder = self.publisher.records
        assert folder is not None
        return [step for step in ("upload", "verify") if read_record(folder, step) is not None]

    def at(self, registry: Registry) -> Place:
        """Return the same for another index."""
        return replace(self, publisher=replace(self.publisher, registry=registry))

    def refuse(self, proof: Proof, error: type[TrainwheelError]) -> None:
        """Verify a wheel, which has to fail."""
        with pytest.raises(error):
            self.publisher.confirm(proof, Installer(Environment()))
        assert "published" not in self.stream.getvalue()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """An index without files."""
    environment, stream = Environment(), io.StringIO()
    registry, records = Registry(None, tmp_path / "an index"), tmp_path / "records"
    console = Console(environment, stream)
    receipts = Receipts(records / "receipts", None, lambda _: ())
    publisher = Publisher(environment, console, registry, no_python, receipts, records=records)
    return Place(publisher, stream, tmp_path / "dist")


def nexus(install_url: str | None = None) -> Target:
    return Target("nexus", "https://n.invalid/m/", "https://n.invalid/m/simple/", install_url)


def test_a_wheel_is_marked_by_its_bytes_and_its_index(place: Place) -> None:
    proof = proof_of(write_model_wheel(place.dist))
    mark = place.publisher.mark(proof)

    assert mark.files == {proof.wheel: proof.sha256}
    assert mark.facts == {"the index": place.index.as_posix()}
    elsewhere = place.at(Registry(nexus(), place.index)).publisher
    assert elsewhere.mark(proof).facts == {"the index": "https://n.invalid/m/simple/"}
    assert place.publisher.mark(replace(proof, sha256=OTHER)).key != mark.key


@pytest.mark.parametrize(("version", "key", "always"), [
    ("0.1.3", ONE, True), ("0.1.3", OTHER, False), ("0.1.4", ONE, False),
], ids=["requested", "changed", "other bytes"])  # fmt: skip
def test_an_upload_withdraws_the_verification_first(
    place: Place, version: str, key: str, *, always: bool
) -> None:
    write_model_wheel(place.index, version, release_key=key, metrics={"accuracy": 0.5})
    wheel = write_model_wheel(place.dist, "0.1.4")
    proof = proof_of(wheel, always=always)
    place.publisher.record("verify", proof)

    with pytest.raises(ServedError):
        place.publisher.publish(wheel, proof)

    # A run that is killed while it uploads has recorded nothing that is not true.
    assert place.records() == []


@pytest.mark.parametrize(("version", "accuracy", "error", "name"), [
    ("0.1.9", 0.5, ConfigurationError, r"0\.1\.9"), ("0.1.3", 0.9, RefusedError, "accuracy"),
], ids=["too low", "gate"])  # fmt: skip
def test_a_release_that_is_too_low_or_worse_is_not_uploaded(
    place: Place, version: str, accuracy: float, error: type[Exception], name: str
) -> None:
    write_model_wheel(place.index, version, release_key=OTHER, metrics={"accuracy": accuracy})
    drop = {"accuracy": {"drop": 0.01}}
    wheel = write_model_wheel(place.dist, "0.1.4", metrics={"accuracy": 0.5}, gate=drop)
    place.publisher.record("verify", proof_of(wheel))

    with pytest.raises(error, match=name):
        place.publisher.publish(wheel, proof_of(wheel))

    assert place.records() == ["verify"]


@pytest.mark.parametrize(("is_there", "elsewhere", "records"), [
    (False, False, ["upload"]), (True, False, ["upload"]), (False, True, ["upload", "verify"]),
], ids=["absent", "other bytes", "verified on another index"])  # fmt: skip
def test_a_verification_that_fails_withdraws_the_record_of_this_index(
    place: Place, records: list[str], *, is_there: bool, elsewhere: bool
) -> None:
    wheel = write_model_wheel(place.dist)
    if is_there:
        write_model_wheel(place.index, metrics={"accuracy": 0.5})
    place.publisher.record("upload", proof_of(wheel))
    verified = place.at(Registry(None, place.dist)) if elsewhere else place
    verified.publisher.record("verify", proof_of(wheel))

    place.refuse(proof_of(wheel), VersionTakenError if is_there else StepFailedError)

    assert place.records() == records


def keep_receipt(place: Place, proof: Proof) -> None:
    """Let an upload of a wheel end in uncertainty."""
    error = UncertainError("nobody knows", answers=[(1.0, "page", 404)])
    with pytest.raises(UncertainError), place.publisher.receipts.settling(proof):
        raise error


@pytest.mark.parametrize("step", ["upload", "verify"])
def test_a_receipt_goes_with_the_record_of_what_has_become_of_the_upload(
    place: Place, step: str
) -> None:
    proof = proof_of(write_model_wheel(place.dist))
    keep_receipt(place, proof)
    assert place.publisher.receipts.hold(proof)

    place.publisher.record(step, proof)

    assert not place.publisher.receipts.hold(proof)


@pytest.mark.parametrize("is_there", [False, True])
def test_a_receipt_stays_until_something_is_listed(place: Place, *, is_there: bool) -> None:
    wheel = write_model_wheel(place.dist)
    if is_there:
        write_model_wheel(place.index, metrics={"accuracy": 0.5})
    keep_receipt(place, proof_of(wheel))

    place.refuse(proof_of(wheel), VersionTakenError if is_there else StepFailedError)

    assert place.publisher.receipts.hold(proof_of(wheel)) is not is_there


@pytest.mark.parametrize(("line", "printed"), [
    (None, []),
    (InstallLine("pip install ./a.whl"), ["install:  pip install ./a.whl"]),
    (InstallLine("pip install a", "in a file"),
     ["install:  pip install a", "password: in a file"]),
])  # fmt: skip
def test_only_a_command_that_has_run_is_printed(
    place: Place, line: InstallLine | None, printed: list[str]
) -> None:
    proof = proof_of(write_model_wheel(place.dist))

    place.publisher.announce(proof, line)

    first, *rest = place.stream.getvalue().splitlines()
    assert first == (f"published small-model 0.1.0  sha256 {proof.sha256}  in the embedded index")
    assert rest == printed


def rename_in_proof(wheel: Path) -> None:
    proof = replace(proof_of(wheel), wheel="b-1-py3-none-any.whl")
    proof_path(wheel).write_text(render_proof(proof))


SPOIL: dict[str, tuple[Callable[[Path], object], type[TrainwheelError]]] = {
    "no wheel": (Path.unlink, ConfigurationError),
    "no proof": (lambda wheel: proof_path(wheel).unlink(), ConfigurationError),
    "no JSON": (lambda wheel: proof_path(wheel).write_text("{"), ConfigurationError),
    "other bytes": (lambda wheel: wheel.write_bytes(b"\0"), StepFailedError),
    "other name": (rename_in_proof, StepFailedError),
}


def test_a_proof_beside_its_wheel_is_read(tmp_path: Path) -> None:
    wheel = write_model_wheel(tmp_path)
    proof_path(wheel).write_text(render_proof(proof_of(wheel)))

    assert read_proof(wheel) == proof_of(wheel)
    with pytest.raises(ConfigurationError, match=r"\.zip"):
        read_proof(wheel.with_suffix(".zip"))


@pytest.mark.parametrize("what", SPOIL)
def test_only_the_wheel_that_was_proved_is_published(
    tmp_path: Path, what: str, sentence: Callable[[object], None]
) -> None:
    wheel = write_model_wheel(tmp_path)
    proof_path(wheel).write_text(render_proof(replace(proof_of(wheel), sha256=ONE)))
    spoil, error = SPOIL[what]
    spoil(wheel)

    with pytest.raises(error, match="small_model-0") as caught:
        read_proof(wheel)

    sentence(caught.value)


def test_wheel_and_proof_must_be_of_the_distribution(tmp_path: Path) -> None:
    wheel, foreign = write_model_wheel(tmp_path), write_wheel(tmp_path, "urllib3", "9.9")
    proof = proof_of(wheel)
    for name in ("small-model", "Small_Model", "small.model"):
        check_name(wheel, proof, name)

    with pytest.raises(RefusedError, match="small-model"):
        check_name(wheel, proof, "large-model")
    for file, claim in ((wheel, replace(proof, name="urllib3")), (foreign, proof)):
        with pytest.raises(RefusedError, match="urllib3"):
            check_name(file, claim, "small-model")
