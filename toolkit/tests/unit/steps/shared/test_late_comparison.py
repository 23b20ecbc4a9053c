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
    """An index that has 0.1.0 with an accuracy of 0.9, and two releases not to compare with."""
    folder = tmp_path / "index"
    write_model_wheel(folder, "0.0.9", metrics={"accuracy": 0.2})
    write_model_wheel(folder, "0.1.0", metrics={"accuracy": 0.9, "log_loss": 0.5})
    write_model_wheel(folder, "0.2.0", metrics={"accuracy": 0.2})
    return Registry(None, folder)


def compare(
    registry: Registry, accuracy: float = 0.9, *, gate: dict[str, Any] | None = None,
    version: str = "0.1.1", compared_with: str = "",
) -> str:  # fmt: skip
    """Compare a new wheel with what is published, and return what was printed."""
    metrics, rules = {"accuracy": accuracy, "log_loss": 0.5}, DROP if gate is None else gate
    folder = registry.folder.parent / "dist"
    return output_of(
        registry, write_model_wheel(folder, version, metrics=metrics, gate=rules), compared_with
    )


def output_of(registry: Registry, wheel: Path, compared_with: str = "") -> str:
    stream = io.StringIO()
    proof = proof_of(wheel, compared_with=compared_with)
    console = Console(Environment(), stream)
    compare_late(registry, registry.wheels("small-model"), wheel, proof, console)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("gate", "accuracy"),
    [
        *((DROP, accuracy) for accuracy in (0.95, 0.9, 0.8901)),
        ({"accuracy": {"drop_relative": 0.1}}, 0.82),
        ({"accuracy": {"drop": 0.0}}, 0.9),
        ({"accuracy": {"drop": 0.0, "direction": "lower"}}, 0.8999),
        # The build has checked limits.
        ({"accuracy": {"minimum": 0.99, "drop": 0.01}}, 0.9),
    ],
    ids=str,
)
def test_a_model_within_its_margin_passes(
    registry: Registry, gate: dict[str, Any], accuracy: float
) -> None:
    assert compare(registry, accuracy, gate=gate).startswith("notice: compared with 0.1.0")


@pytest.mark.parametrize(("gate", "accuracy", "name"), [
    (DROP, 0.889, "accuracy is 0.889"), ({"accuracy": {"drop_relative": 0.1}}, 0.8, "accuracy"),
    ({"accuracy": {"drop": 0.0}}, 0.8999, "accuracy"),
    ({"accuracy": {"drop": 0.0, "direction": "lower"}}, 0.9001, "accuracy"),
    ({"log_loss": {"drop": 0.1}, "accuracy": {"drop": 0.01}}, 0.5, "accuracy"),
    ({"f1": {"drop": 0.1, "direction": "higher"}}, 0.9, "f1"),
], ids=str)  # fmt: skip
def test_one_metric_that_is_worse_refuses_the_model(
    registry: Registry, gate: dict[str, Any], accuracy: float, name: str
) -> None:
    with pytest.raises(RefusedError, match=name):
        compare(registry, accuracy, gate=gate)


@pytest.mark.parametrize("options", [
    {"compared_with": "0.1.0"}, {"version": "0.3.0"}, {"gate": {}},
    {"gate": {"accuracy": {"minimum": 0.99}}},
], ids=["compared before", "first of its series", "no gate", "no drop"])  # fmt: skip
def test_nothing_is_compared_without_need(registry: Registry, options: dict[str, Any]) -> None:
    assert compare(registry, 0.1, **options) == ""


def test_a_comparison_with_an_earlier_release_is_not_enough(registry: Registry) -> None:
    write_model_wheel(registry.folder, "0.1.9", metrics={"accuracy": 0.1})
    write_model_wheel(registry.folder, "0.1.10", metrics={"accuracy": 0.95})

    with pytest.raises(RefusedError, match=r"0\.1\.10"):
        compare(registry, 0.9, version="0.1.11", compared_with="0.1.0")


def test_a_published_wheel_without_provenance_is_named_and_does_not_stop_the_release(
    registry: Registry,
) -> None:
    write_wheel(registry.folder, "small_model", "0.1.3")

    assert compare(registry, 0.1, version="0.1.4").startswith("notice: not compared with 0.1.3: ")


def test_a_wheel_of_another_tool_has_no_rules(registry: Registry, tmp_path: Path) -> None:
    assert output_of(registry, write_wheel(tmp_path / "dist", "small_model", "0.1.1")) == ""


@pytest.mark.parametrize(
    ("gate", "count"), [(DROP, 1), ({"accuracy": {"drop": 0.1}, "log_loss": {"drop": 0.1}}, 2)]
)
def test_a_metric_that_the_published_wheel_does_not_have_is_named(
    registry: Registry, gate: dict[str, Any], count: int
) -> None:
    write_model_wheel(registry.folder, "0.1.3", metrics={"log_loss": 0.5})

    lines = compare(registry, 0.1, gate=gate, version="0.1.4").splitlines()

    assert len(lines) == count
    assert "accuracy" in lines[0]
    assert "baseline 0.1.3" in lines[0]
    # What could be compared is named beside it.
    assert all(line.startswith("notice: compared with 0.1.3: ") for line in lines[1:])


@pytest.mark.parametrize("rule", [
    {"drop": 0.01, "of_a_later_version": 1}, 0.5, None, {"drop": "much"}, {"metric": "f1"},
    {"drop": 0.01, "direction": 1},
], ids=str)  # fmt: skip
def test_a_rule_that_this_version_does_not_know_is_refused(
    registry: Registry, rule: object
) -> None:
    with pytest.raises(RefusedError, match=r"small_model-0\.1\.1.*accuracy"):
        compare(registry, gate={"accuracy": rule})


@pytest.mark.parametrize("text", [b'{"schema": 2}', b'{"schema": 1}', b"cut sho"], ids=str)
def test_a_provenance_that_this_version_cannot_read_is_refused(
    registry: Registry, tmp_path: Path, text: bytes
) -> None:
    members = {"small_model-0.1.1.dist-info/trainwheel/provenance.json": text}
    wheel = write_wheel(tmp_path / "dist", "small_model", "0.1.1", members=members)

    with pytest.raises(ConfigurationError, match="provenance"):
        output_of(registry, wheel)
