"""The gate's drops, checked by the job that publishes."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from trainwheel.errors import ConfigurationError, RefusedError
from trainwheel.index.registry import Registry
from trainwheel.steps.shared.publish import compare_late
from trainwheel.system.console import Console
from trainwheel.system.environ import Environment
from unit.model_wheels import proof_of, write_model_wheel
from unit.wheels import write_wheel

DROP = {"accuracy": {"drop": 0.01}}


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """An index that holds 0.1.0 with an accuracy of 0.9, and what must not be compared with."""
    folder = tmp_path / "index"
    write_model_wheel(folder, "0.0.9", metrics={"accuracy": 0.2})
    write_model_wheel(folder, "0.1.0", metrics={"accuracy": 0.9, "log_loss": 0.5})
    write_model_wheel(folder, "0.2.0", metrics={"accuracy": 0.2})
    return Registry(None, folder)


def compare(
    registry: Registry,
    accuracy: float,
    *,
    gate: dict[str, Any] | None = None,
    version: str = "0.1.1",
    compared_with: str = "",
) -> str:
    """Compare a new wheel with what is published, and return what was printed."""
    new = write_model_wheel(
        registry.folder.parent / "dist",
        version,
        metrics={"accuracy": accuracy, "log_loss": 0.5},
        gate=DROP if gate is None else gate,
    )
    stream = io.StringIO()
    console = Console(Environment(), stream)
    proof = proof_of(new, compared_with=compared_with)
    compare_late(registry, registry.wheels("small-model"), new, proof, console)
    return stream.getvalue()


@pytest.mark.parametrize("accuracy", [0.95, 0.9, 0.8901])
def test_a_model_within_its_margin_passes_and_that_is_told(
    registry: Registry, accuracy: float
) -> None:
    assert compare(registry, accuracy).startswith("notice: compared with 0.1.0")


def test_a_model_that_is_worse_is_refused(registry: Registry) -> None:
    with pytest.raises(RefusedError) as caught:
        compare(registry, 0.889)

    for word in ("accuracy", "0.889", "0.1.0"):
        assert word in caught.value.message
    assert "tool.trainwheel.gate" in caught.value.hint


def test_the_limits_were_the_build_s_to_check(registry: Registry) -> None:
    gate = {"accuracy": {"minimum": 0.99, "drop": 0.01}}

    assert "compared with 0.1.0" in compare(registry, 0.9, gate=gate)


@pytest.mark.parametrize(
    ("rule", "accuracy", "passes"),
    [
        ({"drop_relative": 0.1}, 0.82, True),
        ({"drop_relative": 0.1}, 0.8, False),
        ({"drop": 0.0}, 0.9, True),
        ({"drop": 0.0}, 0.8999, False),
        ({"drop": 0.0, "direction": "lower"}, 0.8999, True),
        ({"drop": 0.0, "direction": "lower"}, 0.9001, False),
    ],
    ids=str,
)
def test_a_rule_is_judged_as_the_wheel_records_it(
    registry: Registry, rule: dict[str, Any], accuracy: float, *, passes: bool
) -> None:
    if passes:
        assert compare(registry, accuracy, gate={"accuracy": rule})
    else:
        with pytest.raises(RefusedError):
            compare(registry, accuracy, gate={"accuracy": rule})


def test_one_metric_that_is_worse_is_enough(registry: Registry) -> None:
    gate = {"log_loss": {"drop": 0.1}, "accuracy": {"drop": 0.01}}

    with pytest.raises(RefusedError, match="accuracy"):
        compare(registry, 0.5, gate=gate)


@pytest.mark.parametrize(
    "more",
    [
        {"compared_with": "0.1.0"},
        {"version": "0.3.0"},
        {"gate": {}},
        {"gate": {"accuracy": {"minimum": 0.99}}},
    ],
    ids=["compared before", "first of its series", "no gate", "no drop"],
)
def test_nothing_is_compared_without_need(registry: Registry, more: dict[str, Any]) -> None:
    assert compare(registry, 0.1, **more) == ""


def test_a_comparison_with_what_was_newest_then_is_not_enough(registry: Registry) -> None:
    write_model_wheel(registry.folder, "0.1.4", metrics={"accuracy": 0.95})

    with pytest.raises(RefusedError, match=r"0\.1\.4"):
        compare(registry, 0.9, version="0.1.5", compared_with="0.1.0")


def test_the_newest_is_the_highest_number(registry: Registry) -> None:
    write_model_wheel(registry.folder, "0.1.9", metrics={"accuracy": 0.1})
    write_model_wheel(registry.folder, "0.1.10", metrics={"accuracy": 0.3})

    assert "compared with 0.1.10" in compare(registry, 0.3, version="0.1.11")


def test_a_published_wheel_without_a_record_is_named_and_does_not_stop_the_release(
    registry: Registry,
) -> None:
    write_wheel(registry.folder, "small_model", "0.1.3")

    said = compare(registry, 0.1, version="0.1.4")

    assert said.startswith("notice: not compared with 0.1.3: ")


def test_a_wheel_of_another_tool_asks_for_nothing(registry: Registry, tmp_path: Path) -> None:
    foreign = write_wheel(tmp_path / "dist", "small_model", "0.1.1")
    stream = io.StringIO()

    compare_late(
        registry,
        registry.wheels("small-model"),
        foreign,
        proof_of(foreign),
        Console(Environment(), stream),
    )

    assert stream.getvalue() == ""


def test_a_metric_that_the_new_model_lacks_is_refused(registry: Registry) -> None:
    with pytest.raises(RefusedError, match="f1"):
        compare(registry, 0.9, gate={"f1": {"drop": 0.1, "direction": "higher"}})


def test_a_metric_that_the_published_wheel_does_not_have_is_said_to_be_skipped(
    registry: Registry,
) -> None:
    write_model_wheel(registry.folder, "0.1.3", metrics={"log_loss": 0.5})

    said = compare(registry, 0.1, version="0.1.4").splitlines()

    assert len(said) == 1
    assert "accuracy" in said[0]
    assert "0.1.3" in said[0]


def test_what_was_compared_is_told_beside_what_was_skipped(registry: Registry) -> None:
    write_model_wheel(registry.folder, "0.1.3", metrics={"log_loss": 0.5})
    gate = {"accuracy": {"drop": 0.1}, "log_loss": {"drop": 0.1}}

    skipped, compared = compare(registry, 0.1, gate=gate, version="0.1.4").splitlines()

    assert "accuracy" in skipped
    assert compared.startswith("notice: compared with 0.1.3: ")


@pytest.mark.parametrize(
    "rule",
    [{"drop": 0.01, "of_a_later_version": 1}, 0.5, None, {"drop": "much"}, {"metric": "f1"},
     {"drop": 0.01, "direction": 1}],
    ids=str,
)  # fmt: skip
def test_a_rule_that_this_version_does_not_know_is_refused_in_one_line(
    registry: Registry, rule: object
) -> None:
    with pytest.raises(RefusedError) as caught:
        compare(registry, 0.9, gate={"accuracy": rule})

    assert "accuracy" in caught.value.message
    assert "small_model-0.1.1" in caught.value.message


@pytest.mark.parametrize("text", [b'{"schema": 2}', b'{"schema": 1}', b"cut sho"], ids=str)
def test_a_record_that_this_version_cannot_read_does_not_pass_for_none(
    registry: Registry, tmp_path: Path, text: bytes
) -> None:
    members = {"small_model-0.1.1.dist-info/trainwheel/provenance.json": text}
    new = write_wheel(tmp_path / "dist", "small_model", "0.1.1", members=members)
    console = Console(Environment(), io.StringIO())

    with pytest.raises(ConfigurationError, match="provenance"):
        compare_late(registry, registry.wheels("small-model"), new, proof_of(new), console)
