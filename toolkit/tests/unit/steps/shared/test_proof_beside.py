"""Which wheel may be published: the one that was proved, of this distribution."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from trainwheel.errors import (
    ConfigurationError,
    RefusedError,
    StepFailedError,
    TrainwheelError,
)
from trainwheel.steps.shared.publish import check_name, read_proof
from trainwheel.wheel.proof import proof_path, render_proof
from unit.model_wheels import proof_of, write_model_wheel
from unit.wheels import write_wheel


def test_a_proof_beside_its_wheel_is_read(tmp_path: Path) -> None:
    wheel = write_model_wheel(tmp_path)
    proof_path(wheel).write_text(render_proof(proof_of(wheel)))

    assert read_proof(wheel) == proof_of(wheel)


def spoil(wheel: Path, what: str) -> Path:
    """Leave a wheel and its proof in a state in which neither can be published."""
    proof = proof_of(wheel)
    proof_path(wheel).write_text(render_proof(proof))
    if what == "no wheel":
        wheel.unlink()
    elif what == "no proof":
        proof_path(wheel).unlink()
    elif what == "no JSON":
        proof_path(wheel).write_text("{")
    elif what == "other bytes":
        wheel.write_bytes(wheel.read_bytes() + b"\0")
    elif what == "other name":
        proof_path(wheel).write_text(render_proof(replace(proof, wheel="b-1-py3-none-any.whl")))
    else:
        return wheel.with_suffix(".zip")
    return wheel


@pytest.mark.parametrize(
    ("what", "error", "named"),
    [
        ("no wheel", ConfigurationError, ".whl"),
        ("no proof", ConfigurationError, ".proof.json"),
        ("no JSON", ConfigurationError, ".proof.json"),
        ("no wheel's name", ConfigurationError, ".zip"),
        ("other bytes", StepFailedError, ".whl"),
        ("other name", StepFailedError, ".whl"),
    ],
)
def test_only_the_wheel_that_was_proved_is_published(
    tmp_path: Path, what: str, error: type[TrainwheelError], named: str
) -> None:
    wheel = spoil(write_model_wheel(tmp_path), what)

    with pytest.raises(error) as caught:
        read_proof(wheel)

    assert named in caught.value.message


@pytest.mark.parametrize("name", ["small-model", "Small_Model", "small.model"])
def test_a_name_may_be_spelled_as_one_likes(tmp_path: Path, name: str) -> None:
    wheel = write_model_wheel(tmp_path)

    check_name(wheel, proof_of(wheel), name)


def test_a_wheel_or_a_proof_of_another_distribution_is_refused(tmp_path: Path) -> None:
    wheel = write_model_wheel(tmp_path)

    with pytest.raises(RefusedError, match="small-model"):
        check_name(wheel, proof_of(wheel), "large-model")
    with pytest.raises(RefusedError, match="urllib3"):
        check_name(wheel, replace(proof_of(wheel), name="urllib3"), "small-model")
    foreign = write_wheel(tmp_path, "urllib3", "9.9")
    with pytest.raises(RefusedError, match="urllib3"):
        check_name(foreign, proof_of(wheel), "small-model")
