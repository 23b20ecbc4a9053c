"""The gate: thresholds, drops against what is published, and how the verdict is told."""

from __future__ import annotations

import math
from typing import Any

import pytest

from trainwheel.errors import ConfigurationError
from trainwheel.evaluation.gate import (
    Baseline,
    Difference,
    Rule,
    Verdict,
    direction_of,
    evaluate_rules,
)
from trainwheel.evaluation.junit import with_gate
from trainwheel.settings.config import Config, parse_config

PUBLISHED = Baseline("0.1.4", metrics={"accuracy": 0.95, "log_loss": 0.20, "cost": 10.0})
TESTS = b"""<?xml version="1.0" encoding="utf-8"?>
<testsuites name="pytest tests"><testsuite name="pytest" tests="1"><testcase name="a"/></testsuite>
</testsuites>"""


def outcomes(verdict: Verdict) -> list[str]:
    return [check.outcome for check in verdict.checks]


@pytest.mark.parametrize(
    ("rule", "value", "outcome"),
    [
        (Rule("accuracy", minimum=0.9), 0.9, "passed"),
        (Rule("accuracy", minimum=0.9), 0.8999, "failed"),
        (Rule("log_loss", maximum=0.3), 0.3, "passed"),
        (Rule("log_loss", maximum=0.3), 0.3001, "failed"),
        (Rule("accuracy", minimum=0.9), None, "failed"),
        (Rule("accuracy", minimum=0.9), math.nan, "failed"),
        (Rule("log_loss", maximum=0.3), math.nan, "failed"),
    ],
)
def test_a_plain_threshold_is_what_it_says(rule: Rule, value: float | None, outcome: str) -> None:
    metrics = {} if value is None else {rule.metric: value}

    verdict = evaluate_rules((rule,), metrics, Baseline(reason="nothing is published"))

    assert outcomes(verdict) == [outcome]
    assert verdict.outcome == outcome


@pytest.mark.parametrize(
    ("rule", "value", "outcome"),
    [
        (Rule("accuracy", drop=0.01), 0.941, "passed"),
        (Rule("accuracy", drop=0.01), 0.939, "failed"),
        (Rule("accuracy", drop_relative=0.01), 0.9406, "passed"),
        (Rule("accuracy", drop_relative=0.01), 0.9404, "failed"),
        (Rule("log_loss", drop=0.02), 0.219, "passed"),
        (Rule("log_loss", drop=0.02), 0.221, "failed"),
        (Rule("cost", drop=1, direction="lower"), 11.0, "passed"),
        (Rule("cost", drop=1, direction="lower"), 11.1, "failed"),
        (Rule("cost", drop=1, direction="higher"), 8.9, "failed"),
    ],
)
def test_without_the_same_rows_the_stored_value_is_compared_and_said_to_be_from_others(
    rule: Rule, value: float, outcome: str
) -> None:
    verdict = evaluate_rules(
        (rule,), {rule.metric: value}, PUBLISHED, why_stored="no holdout.jsonl"
    )

    assert outcomes(verdict) == [outcome]
    assert verdict.checks[0].told == "0.1.4 was measured on rows of its own: no holdout.jsonl"


@pytest.mark.parametrize(
    ("rule", "lowest", "highest", "outcome"),
    [
        (Rule("accuracy", drop=0.02), -0.0199, 0.03, "passed"),
        (Rule("accuracy", drop=0.02), -0.0201, 0.03, "failed"),
        # The lower the better: what counts is how much higher it may be.
        (Rule("log_loss", drop=0.02), -0.03, 0.0199, "passed"),
        (Rule("log_loss", drop=0.02), -0.03, 0.0201, "failed"),
    ],
)
def test_on_the_same_rows_no_worse_than_the_margin_has_to_be_shown(
    rule: Rule, lowest: float, highest: float, outcome: str
) -> None:
    difference = Difference(0.95, 0.95, lowest, highest, visible=0.015, rows=400)

    verdict = evaluate_rules((rule,), {rule.metric: 0.95}, PUBLISHED, {rule.metric: difference})

    assert outcomes(verdict) == [outcome]
    assert "they show a drop of 0.0150 or more" in verdict.checks[0].told


def test_nothing_published_leaves_a_drop_out_unless_it_is_demanded() -> None:
    rules = (Rule("accuracy", minimum=0.9, drop=0.01),)
    nothing = Baseline(reason="nothing is published in the line of 1.0")

    free = evaluate_rules(rules, {"accuracy": 0.95}, nothing)
    demanded = evaluate_rules(rules, {"accuracy": 0.95}, nothing, is_required=True)

    assert (free.outcome, outcomes(free)) == ("passed", ["passed", "left out"])
    assert demanded.outcome == "failed"
    assert demanded.failures() == [
        f"a published version to compare with is demanded, but {nothing.reason}"
    ]


def test_a_published_wheel_that_lacks_the_metric_counts_as_nothing_published() -> None:
    rules = (Rule("roc_auc", drop=0.01),)

    assert outcomes(evaluate_rules(rules, {"roc_auc": 0.9}, PUBLISHED)) == ["left out"]
    assert outcomes(evaluate_rules(rules, {"roc_auc": 0.9}, PUBLISHED, is_required=True)) == [
        "failed"
    ]
    assert outcomes(evaluate_rules(rules, {}, PUBLISHED)) == ["failed"]


def test_a_job_that_may_not_read_defers_and_a_demanded_comparison_is_refused() -> None:
    deferred = Baseline(reason="the index cannot be read here", is_deferred=True)
    rules = (Rule("accuracy", drop=0.01),)

    verdict = evaluate_rules(rules, {"accuracy": 0.9}, deferred)

    assert verdict.defers
    assert verdict.outcome == "passed"
    assert evaluate_rules(rules, {"accuracy": 0.9}, deferred, is_required=True).outcome == "failed"


def test_no_rule_is_no_verdict() -> None:
    verdict = evaluate_rules((), {"accuracy": 0.5}, PUBLISHED)

    assert (verdict.outcome, verdict.markdown(), verdict.table()) == ("", "", ())
    assert with_gate(TESTS, verdict) == TESTS


def test_the_verdict_is_a_table_and_a_case_for_each_condition() -> None:
    rules = (Rule("accuracy", minimum=0.99, drop=0.01), Rule("f1", minimum=0.5))
    verdict = evaluate_rules(
        rules, {"accuracy": 0.95, "f1": 0.9}, Baseline(reason="nothing is there")
    )

    assert [line.split()[:3] for line in verdict.table()] == [
        ["failed", "accuracy", "0.95"],
        ["left", "out", "accuracy"],
        ["passed", "f1", "0.9"],
    ]
    assert "| accuracy | 0.95 | at least 0.99 | failed |  |" in verdict.markdown()
    merged = with_gate(TESTS, verdict).decode()
    assert '<testsuite name="pytest" tests="1">' in merged
    assert '<testsuite name="gate" tests="3" failures="1" errors="0" skipped="1">' in merged
    assert 'message="accuracy is 0.95, wanted at least 0.99"' in merged


def test_scikit_learns_names_tell_which_way_is_good() -> None:
    assert direction_of("roc_auc") == "higher"
    assert direction_of("mean_absolute_error") == "lower"
    assert direction_of("neg_mean_absolute_error") == "higher"
    assert direction_of("cost") == ""


def configured(lines: str) -> Config:
    start = '[tool.trainwheel]\npackage = "m"\ntrain.command = "python -m t"\n'
    return parse_config(f"{start}[tool.trainwheel.gate]\n{lines}")


def test_a_gate_is_read_from_the_configuration() -> None:
    gate = configured(
        'baseline = "required"\npositive = "yes"\naccuracy = { min = 0.9, max-drop = 0.01 }\n'
        'cost = { max-drop-relative = 0.1, direction = "lower" }\n'
    ).gate

    assert gate.rules == (
        Rule("accuracy", minimum=0.9, drop=0.01),
        Rule("cost", drop_relative=0.1, direction="lower"),
    )
    assert (gate.baseline, gate.positive, gate.compares) == ("required", "yes", True)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("accuracy = {}", "gate.accuracy asks for nothing: give min, max"),
        ("accuracy = 0.9", "unknown key tool.trainwheel.gate.accuracy"),
        ("accuracy = { min = nan }", "gate.accuracy.min = nan, but it takes a finite number"),
        ("accuracy = { min = true }", "gate.accuracy.min = True, but it takes a finite number"),
        ("accuracy = { min = 1, max = 0 }", "gate.accuracy has a min above its max"),
        ("accuracy = { max-drop = -1 }", "max-drop = -1, but it takes a number from 0 on"),
        ("accuracy = { minn = 1 }", "unknown key tool.trainwheel.gate.accuracy.minn, did you mean"),
        ("cost = { max-drop = 1 }", 'gate.cost needs direction = "higher" or "lower"'),
        (
            "accuracy = { max-drop = 1, max-drop-relative = 1 }",
            "gate.accuracy has both max-drop and max-drop-relative: give one",
        ),
        (
            'baseline = "always"',
            'gate.baseline = \'always\', but it takes "optional" or "required"',
        ),
    ],
)
def test_a_gate_that_makes_no_sense_is_refused(line: str, told: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        configured(line)

    assert told in str(caught.value)


def test_what_a_verdict_says_survives_json() -> None:
    difference = Difference(0.9, 0.95, -0.06, -0.04, 0.01, 100)
    rules = (Rule("accuracy", drop=0.01),)

    told: dict[str, Any] = evaluate_rules(
        rules, {"accuracy": 0.9}, PUBLISHED, {"accuracy": difference}
    ).as_json()

    assert told["outcome"] == "failed"
    assert told["baseline"] == "0.1.4"
    assert told["checks"][0]["metric"] == "accuracy"
