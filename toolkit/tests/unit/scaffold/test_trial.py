from __future__ import annotations

import tomllib

import pytest

from trainwheel.scaffold.trial import Trial, gate_lines


@pytest.mark.parametrize(("metric", "low", "dummy", "least"), [
    ("roc_auc", 0.9177, 0.5, 0.91), ("roc_auc", 0.41, 0.5, 0.5), ("r2", -0.3, 0.0, 0.0),
    ("r2", 1.0, 0.0, 0.97), ("balanced_accuracy", 0.345, 1 / 3, 0.34),
    ("balanced_accuracy", 0.338, 1 / 3, 0.3333),
])  # fmt: skip
def test_the_gate_asks_for_the_lower_bound_and_no_less_than_a_dummy_has(
    metric: str, low: float, dummy: float, least: float
) -> None:
    trial = Trial(metric, 0.95, low, dummy, 100, "")
    gate = tomllib.loads("\n".join(gate_lines(trial)))
    assert gate == {metric: {"min": least, "max-drop": 0.03}}
