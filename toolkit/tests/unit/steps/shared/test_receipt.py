"""The receipt of an upload of which nobody knows whether it arrived."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from trainwheel.engine.run import Options
from trainwheel.errors import StepFailedError, TrainwheelError, UncertainError, VersionTakenError
from trainwheel.index.target import Target
from trainwheel.steps.shared.receipt import Receipts, receipts_of
from trainwheel.wheel.proof import Proof
from unit.model_wheels import OTHER, proof_of, write_model_wheel
from unit.repository import open_here

TARGET = Target("nexus", "https://n.invalid/m/", "https://n.invalid/m/simple/")
ANSWERS = ((100.0, "page", 404), (101.5, "upload", None), (161.0, "page", 503))
UNCERTAIN = UncertainError("it may be there", answers=ANSWERS)


@pytest.fixture
def receipts(tmp_path: Path) -> Receipts:
    """A folder of receipts that is not there yet."""
    return Receipts(tmp_path / "kept", TARGET, lambda proof: ("settle", proof.version, "a b"))


@pytest.fixture
def proof(tmp_path: Path) -> Proof:
    """The proof of small-model 0.1.0."""
    return proof_of(write_model_wheel(tmp_path))


def leave(receipts: Receipts, proof: Proof, error: TrainwheelError = UNCERTAIN) -> TrainwheelError:
    """Let an upload end in an error, and return what is shown of it."""
    with pytest.raises(type(error)) as caught, receipts.settling(proof):
        raise error
    return caught.value


def test_a_receipt_says_what_was_sent_where_and_what_was_answered(
    receipts: Receipts, proof: Proof
) -> None:
    error = leave(receipts, proof)

    (path,) = receipts.folder.iterdir()
    assert error.message == UNCERTAIN.message
    assert "settle 0.1.0 'a b'" in error.hint
    assert str(path) in error.hint
    document = json.loads(path.read_bytes())
    ended = document.pop("ended")
    assert document == {
        "schema": 1, "index": "nexus", "address": TARGET.simple_url,
        "wheel": proof.wheel, "sha256": proof.sha256, "began": "1970-01-01T00:01:40+00:00",
        "answers": [
            {"time": "1970-01-01T00:01:40+00:00", "request": "page", "status": 404},
            {"time": "1970-01-01T00:01:41+00:00", "request": "upload", "status": None},
            {"time": "1970-01-01T00:02:41+00:00", "request": "page", "status": 503},
        ],
    }  # fmt: skip
    assert ended > "2026"


def test_only_these_bytes_on_this_index_are_uncertain(receipts: Receipts, proof: Proof) -> None:
    assert not receipts.hold(proof)
    leave(receipts, proof)

    assert receipts.hold(proof)
    moved = replace(TARGET, simple_url="https://other.invalid/simple/")
    for target in (moved, replace(TARGET, name="team"), None):
        assert not replace(receipts, target=target).hold(proof)
    assert not receipts.hold(replace(proof, sha256=OTHER))
    receipts.remove(replace(proof, sha256=OTHER))
    assert not receipts.hold(proof)


@pytest.mark.parametrize(("error", "is_kept"), [
    (VersionTakenError("other"), False), (StepFailedError("down"), True), (UNCERTAIN, True),
])  # fmt: skip
def test_a_receipt_goes_when_it_is_known_what_is_there(
    receipts: Receipts, proof: Proof, error: TrainwheelError, *, is_kept: bool
) -> None:
    leave(receipts, proof)

    assert leave(receipts, proof, error).message == error.message

    assert receipts.hold(proof) is is_kept


@pytest.mark.parametrize("text", ["", "[]", "{}", "\0", '{"schema": 1}'])
def test_a_damaged_receipt_is_none(receipts: Receipts, proof: Proof, text: str) -> None:
    leave(receipts, proof)
    (path,) = receipts.folder.iterdir()
    path.write_text(text)

    assert not receipts.hold(proof)


def test_where_none_can_be_written_the_command_is_named_all_the_same(
    receipts: Receipts, proof: Proof
) -> None:
    receipts.folder.write_text("a file")

    error = leave(receipts, proof)

    assert "settle 0.1.0" in error.hint
    assert "cannot be written" in error.hint


@pytest.mark.parametrize(("step", "command"), [
    ("upload", "nox -s verify -- --to nexus small-model==0.1.0"),
    ("verify", "nox -s verify -- --to nexus small-model==0.1.0"),
    ("promote", "nox -s promote -- --from staging --to nexus 0.1.0"),
])  # fmt: skip
def test_a_session_is_settled_by_a_session(
    root: Path, proof: Proof, step: str, command: str
) -> None:
    run = replace(open_here(root), options=Options({"from": "staging", "to": "nexus"}))

    receipts = receipts_of(run, step, TARGET)

    assert shlex.join(receipts.command(proof)) == command
    assert receipts.folder == root / "build/.trainwheel/receipts"
