"""The gate: limits, drops from the baseline, and the renderings of the verdict."""

from __future__ import annotations

import math
from collections.abc import Callable
from xml.etree import ElementTree as ET

import pytest

from trainwheel.errors import ConfigurationError
from trainwheel.evaluation.gate import (
    Baseline,
    Difference,
    MetricCheck,
    Rule,
    direction_of,
    evaluate_rules,
    shown,
)
from trainwheel.evaluation.junit import with_gate
from trainwheel.settings.config import Config, parse_config

PUBLISHED = Baseline("0.1.4", metrics={"accuracy": 0.95, "log_loss": 0.20, "cost": 10.0})
TESTS = b"""<?xml version="1.0" encoding="utf-8"?>
<testsuites name="pytest tests"><testsuite name="pytest" tests="1"><testcase name="a"/></testsuite>
</testsuites>"""
NO_BASELINE = Baseline(reason="nothing is published in 1.0.x")


def check(rule: Rule, value: float | None, baseline: Baseline = PUBLISHED) -> MetricCheck:
    metrics = {} if value is None else {rule.metric: value}
    (only,) = evaluate_rules((rule,), metrics, baseline).checks
    return only


@pytest.mark.parametrize(("rule", "value", "outcome"), [
    (Rule("accuracy", minimum=0.9), 0.9, "passed"),
    (Rule("accuracy", minimum=0.9), 0.900001, "passed"),
    (Rule("accuracy", minimum=0.9), 0.899999, "failed"),
    (Rule("accuracy", minimum=-2), -2.1, "failed"), (Rule("log_loss", maximum=0.3), 0.3, "passed"),
    (Rule("log_loss", maximum=0.3), 0.1 + 0.2, "passed"),
    (Rule("log_loss", maximum=0.3), 0.299999, "passed"),
    (Rule("log_loss", maximum=0.3), 0.300001, "failed"),
    (Rule("accuracy", minimum=0.9), None, "failed"),
    (Rule("log_loss", maximum=0.3), None, "failed"),
    (Rule("accuracy", minimum=0.9), math.nan, "failed"),
    (Rule("log_loss", maximum=0.3), math.nan, "failed"),
])  # fmt: skip
def test_a_value_exactly_at_its_limit_passes(rule: Rule, value: float, outcome: str) -> None:
    assert check(rule, value).outcome == outcome


@pytest.mark.parametrize(
    ("rule", "old", "at", "inside", "outside"),
    [
        (Rule("accuracy", drop=0.02), 0.95, 0.93, 0.930001, 0.929999),
        # 0.9 - 0.88 is 0.020000000000000018 in binary floating point.
        (Rule("accuracy", drop=0.02), 0.9, 0.88, 0.880001, 0.879999),
        (Rule("accuracy", drop=0), 0.9, 0.9, 0.900001, 0.899999),
        (Rule("accuracy", drop_relative=0.1), 0.7, 0.63, 0.630001, 0.629999),
        (Rule("log_loss", drop=0.1), 0.2, 0.3, 0.299999, 0.300001),
        (Rule("log_loss", drop_relative=0.1), 0.3, 0.33, 0.329999, 0.330001),
        (Rule("cost", drop=0.1, direction="lower"), 1e6, 1e6 + 0.1, 1e6, 1e6 + 0.102),
        (Rule("profit", drop_relative=0.1, direction="higher"), -10.0, -11.0, -10.9, -11.1),
    ],
)
def test_a_drop_exactly_as_large_as_its_margin_passes(
    rule: Rule, old: float, at: float, inside: float, outside: float
) -> None:
    baseline = Baseline("0.1.4", metrics={rule.metric: old})

    outcomes = [check(rule, value, baseline).outcome for value in (at, inside, outside)]

    assert outcomes == ["passed", "passed", "failed"]


@pytest.mark.parametrize(
    ("rule", "lowest", "highest", "outcome"),
    [
        (Rule("accuracy", drop=0.02), -0.02, 0.03, "passed"),
        (Rule("accuracy", drop=0.02), 0.88 - 0.9, 0.03, "passed"),
        (Rule("accuracy", drop=0.02), -0.019999, 0.03, "passed"),
        (Rule("accuracy", drop=0.02), -0.020001, 0.03, "failed"),
        (Rule("accuracy", drop_relative=0.02), -0.0191, 0.03, "failed"),
        # The lower the better: what counts is how much higher it may be.
        (Rule("log_loss", drop=0.02), -0.03, 0.02, "passed"),
        (Rule("log_loss", drop=0.02), -0.03, 0.9 - 0.88, "passed"),
        (Rule("log_loss", drop=0.02), -0.03, 0.019999, "passed"),
        (Rule("log_loss", drop=0.02), -0.03, 0.020001, "failed"),
    ],
)
def test_on_the_same_rows_a_bound_exactly_at_the_margin_passes(
    rule: Rule, lowest: float, highest: float, outcome: str
) -> None:
    difference = Difference(0.95, 0.95, lowest, highest, visible=0.015, rows=400)

    verdict = evaluate_rules((rule,), {rule.metric: 0.95}, PUBLISHED, {rule.metric: difference})

    assert [c.outcome for c in verdict.checks] == [outcome]


def test_a_check_tells_what_was_compared(sentence: Callable[[object], None]) -> None:
    rules = (Rule("accuracy", drop=0.03), Rule("log_loss", drop=0.01), Rule("cost", drop=1))
    differences = {
        "accuracy": Difference(0.94, 0.95, -0.02, 0.01, visible=0.015, rows=400),
        "log_loss": Difference(0.2, 0.2, 0, 0, visible=0, rows=400),
    }

    verdict = evaluate_rules(
        rules, {"accuracy": 0.94, "cost": 8}, PUBLISHED, differences, why_unasked="no holdout.jsonl"
    )

    sentence("\n".join(check.line for check in verdict.checks))
    worse = Difference(0.21, 0.2, 0, 0.02, visible=0.1, rows=9)
    verdict = evaluate_rules(rules[1:2], {}, PUBLISHED, {"log_loss": worse})
    assert "the change is -0.0100, better than -0.0200 with" in verdict.checks[0].told


@pytest.mark.parametrize(
    "bounds", [(-0.02, -0.01000001), (-0.009999, 0.03)], ids=["below", "above"]
)
def test_a_change_outside_its_own_bounds_is_a_fault_of_ours(bounds: tuple[float, float]) -> None:
    Difference(0.94, 0.95, -0.01, -0.01, visible=0.015, rows=400)

    with pytest.raises(ValueError, match="outside its own bounds"):
        Difference(0.94, 0.95, *bounds, visible=0.015, rows=400)


@pytest.mark.parametrize(
    ("metrics", "baseline", "outcome", "when_required"),
    [
        ({"roc_auc": 0.9}, NO_BASELINE, "skipped", "failed"),
        ({"roc_auc": 0.9}, Baseline(reason="no access", is_deferred=True), "deferred", "failed"),
        ({"roc_auc": 0.9}, PUBLISHED, "skipped", "failed"),
        ({}, PUBLISHED, "failed", "failed"),
    ],
    ids=["nothing published", "no access", "no such metric published", "no such metric"],
)
def test_a_drop_that_cannot_be_compared_is_skipped_unless_it_is_required(
    metrics: dict[str, float], baseline: Baseline, outcome: str, when_required: str
) -> None:
    rules = (Rule("roc_auc", drop=0.01),)

    free = evaluate_rules(rules, metrics, baseline)
    required = evaluate_rules(rules, metrics, baseline, is_required=True)

    assert free.checks[0].outcome == outcome
    assert free.outcome == ("failed" if outcome == "failed" else "passed")
    assert free.defers == (outcome == "deferred")
    assert required.outcome == when_required
    assert len(required.failures()) == 1
    assert (baseline.reason or "roc_auc") in required.failures()[0]


def test_a_gate_that_compares_nothing_needs_no_baseline() -> None:
    verdict = evaluate_rules((Rule("f1", minimum=0.5),), {"f1": 0.9}, NO_BASELINE, is_required=True)

    assert (verdict.outcome, verdict.failures()) == ("passed", [])


def test_without_rules_there_is_no_verdict() -> None:
    verdict = evaluate_rules((), {"accuracy": 0.5}, PUBLISHED, is_required=True)

    assert (verdict.outcome, verdict.markdown(), verdict.table()) == ("", "", ())
    assert with_gate(TESTS, verdict) == TESTS


RULES = (
    Rule("accuracy", minimum=0.99, drop=0.01),
    Rule("f1", minimum=0.5, drop_relative=0.025),
    Rule("rows", minimum=12_000, maximum=9e6),
    Rule("log_loss", drop=0.1),
)
NUMBERS = {"accuracy": 0.95, "f1": 0.9, "rows": 12345, "log_loss": 0.2}


def test_checks_that_are_skipped_for_one_reason_share_a_line(
    sentence: Callable[[object], None],
) -> None:
    verdict = evaluate_rules(RULES, NUMBERS, NO_BASELINE, is_required=True)

    assert verdict.table() == (
        "failed   accuracy                0.95   at least 0.99",
        "passed   f1                      0.9    at least 0.5",
        "passed   rows                    12345  at least 12000",
        "passed   rows                    12345  at most 9,000,000",
        "skipped  accuracy, f1, log_loss  no baseline: nothing is published in 1.0.x",
    )
    sentence(verdict.markdown())


def test_checks_that_are_skipped_for_other_reasons_do_not() -> None:
    rules = (Rule("f1", drop=0.1), Rule("accuracy", drop=0.1), Rule("recall", drop_relative=0.1))

    verdict = evaluate_rules(rules, {"f1": 1, "accuracy": 1, "recall": 1}, PUBLISHED)

    assert [row[:2] for row in verdict.rows()] == [("accuracy", "1"), ("f1, recall", "")]
    assert verdict.table()[1] == "skipped  f1, recall  not in the metrics of the baseline 0.1.4"


@pytest.mark.parametrize("is_bare", [False, True])
def test_the_results_of_the_tests_get_a_case_for_each_condition(*, is_bare: bool) -> None:
    verdict = evaluate_rules(RULES, NUMBERS, NO_BASELINE, is_required=True)
    tests = b'<testsuite name="pytest" tests="1"/>' if is_bare else TESTS

    root = ET.fromstring(with_gate(tests, verdict))  # noqa: S314 - written a line above

    assert [(suite.tag, suite.get("name")) for suite in root] == [
        ("testsuite", "pytest"),
        ("testsuite", "gate"),
    ]
    assert dict(root[1].attrib) == {
        "name": "gate", "tests": "8", "failures": "2", "errors": "0", "skipped": "3"
    }  # fmt: skip
    cases = {case.get("name"): (case.get("classname"), *case) for case in root[1]}
    assert all(classname == "gate" for classname, *_ in cases.values())
    failure = cases["accuracy at least 0.99"][1]
    assert failure.attrib == {"message": "accuracy is 0.95, expected at least 0.99", "type": "gate"}
    assert failure.text == failure.get("message")
    skip = cases["f1 at most 2.5 % below the baseline"][1]
    assert (skip.tag, skip.get("message")) == (
        "skipped",
        "no baseline: nothing is published in 1.0.x",
    )
    assert cases["log_loss at most 0.1 above the baseline"][1].tag == "skipped"
    assert "nothing is published" in str(cases["baseline"][1].text)
    assert cases["rows at least 12000"][1:] == ()


def test_a_case_that_passes_says_how_it_was_compared() -> None:
    verdict = evaluate_rules((Rule("accuracy", drop=0.1),), {"accuracy": 0.95}, PUBLISHED)

    text = with_gate(TESTS, verdict).decode()

    assert f"<system-out>{verdict.checks[0].line}</system-out>" in text


@pytest.mark.parametrize(("metric", "direction"), [
    ("roc_auc", "higher"), ("mean_absolute_error", "lower"), ("neg_mean_absolute_error", "higher"),
    ("cost", ""),
])  # fmt: skip
def test_scikit_learns_names_tell_which_way_is_good(metric: str, direction: str) -> None:
    assert direction_of(metric) == direction


def configured(lines: str) -> Config:
    start = '[tool.trainwheel]\npackage = "m"\ntrain.command = "python -m t"\n'
    return parse_config(f"{start}[tool.trainwheel.gate]\n{lines}")


def test_a_gate_is_read_from_the_configuration() -> None:
    gate = configured(
        'baseline = "required"\naccuracy = { min = 0.9, max-drop = 0.01 }\n'
        'cost = { max-drop-relative = 0.1, direction = "lower" }\n'
    ).gate

    assert gate.rules == (
        Rule("accuracy", minimum=0.9, drop=0.01),
        Rule("cost", drop_relative=0.1, direction="lower"),
    )
    assert (gate.baseline, gate.compares) == ("required", True)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("accuracy = {}", "gate.accuracy asks for nothing: give min, max"),
        ("accuracy = 0.9", "unknown key tool.trainwheel.gate.accuracy"),
        ("accuracy = { min = nan }", "gate.accuracy.min = nan, but it takes a finite number"),
        ("accuracy = { min = true }", "gate.accuracy.min = True, but it takes a finite number"),
        ("accuracy = { min = 1, max = 0 }", "gate.accuracy has a min above its max"),
        ("accuracy = { max-drop = -1 }", "max-drop = -1, but it takes a finite number from 0 on"),
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
def test_a_gate_that_makes_no_sense_is_refused(line: str, words: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        configured(line)

    assert words in str(caught.value)


@pytest.mark.parametrize(("value", "text"), [
    (38_163.7, "38,160"), (-1_234_567.0, "-1,235,000"), (9_000_000, "9,000,000"), (12_345, "12345"),
    (9_999.6, "10,000"), (9_994.6, "9995"), (0.98754, "0.9875"), (1e-7, "1e-07"), (3e15, "3e+15"),
    (float("inf"), "inf"), (None, "missing"),
])  # fmt: skip
def test_numbers_are_written_as_people_read_them(value: float | None, text: str) -> None:
    assert shown(value) == text
