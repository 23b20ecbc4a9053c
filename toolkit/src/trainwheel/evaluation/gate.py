"""The gate: metrics, thresholds and what is published → a verdict.

Pure: numbers come in, a verdict and its renderings go out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from trainwheel.system.markdown import inline, table
from trainwheel.system.text import columns

__all__ = [
    "DEFERRED",
    "DIRECTIONS",
    "FAILED",
    "LEFT_OUT",
    "PASSED",
    "Baseline",
    "Difference",
    "MetricCheck",
    "Rule",
    "Verdict",
    "direction_of",
    "evaluate_rules",
    "shown",
]

PASSED, FAILED, DEFERRED, LEFT_OUT = "passed", "failed", "deferred", "left out"

HIGHER, LOWER = "higher", "lower"
DIRECTIONS = {
    **dict.fromkeys(
        ("accuracy", "balanced_accuracy", "top_k_accuracy", "average_precision", "f1", "f1_micro",
         "f1_macro", "f1_weighted", "f1_samples", "precision", "precision_macro", "recall",
         "recall_macro", "sensitivity", "specificity", "jaccard", "roc_auc", "auc", "pr_auc",
         "roc_auc_ovr", "roc_auc_ovo", "roc_auc_ovr_weighted", "roc_auc_ovo_weighted",
         "matthews_corrcoef", "d2_log_loss_score", "d2_brier_score", "r2", "explained_variance",
         "d2_absolute_error_score"),
        HIGHER,
    ),
    **dict.fromkeys(
        ("log_loss", "brier", "brier_score", "brier_score_loss", "max_error", "mae", "mse", "rmse",
         "mape", "mean_absolute_error", "mean_squared_error", "mean_squared_log_error",
         "root_mean_squared_error", "root_mean_squared_log_error", "median_absolute_error",
         "mean_absolute_percentage_error", "mean_poisson_deviance", "mean_gamma_deviance"),
        LOWER,
    ),
}  # fmt: skip
"""Which way a metric is good, by the names of scikit-learn's scorers and metrics."""


def direction_of(metric: str) -> str:
    """Return ``higher`` or ``lower``; empty where the metric's name does not tell."""
    return HIGHER if metric.startswith("neg_") else DIRECTIONS.get(metric, "")


@dataclass(frozen=True)
class Rule:
    """What is asked of one metric.

    Args:
        metric: Its name in ``metrics.json``.
        minimum: The least value that passes.
        maximum: The greatest value that passes.
        drop: By how much it may be worse than what is published, absolute.
        drop_relative: The same as a share of the published value.
        direction: Whether ``higher`` or ``lower`` is good; known for scikit-learn's names.
    """

    metric: str
    minimum: float | None = None
    maximum: float | None = None
    drop: float | None = None
    drop_relative: float | None = None
    direction: str = ""

    @property
    def compares(self) -> bool:
        """Whether it asks for what is published."""
        return self.drop is not None or self.drop_relative is not None

    @property
    def sign(self) -> int:
        """1 where higher is good, else -1."""
        return 1 if (self.direction or direction_of(self.metric)) != LOWER else -1

    def margin(self, published: float) -> float:
        """Return by how much the metric may be worse than the published value."""
        if self.drop is not None:
            return self.drop
        return (self.drop_relative or 0.0) * abs(published)


@dataclass(frozen=True)
class Baseline:
    """The newest published version of the release line, or why there is none.

    Args:
        version: Empty where there is none.
        reason: Why there is none; a clause for a person.
        is_deferred: Whether this job may not read the index, and the upload will.
        metrics: What its wheel says of it, on the held-out rows of its own training.
    """

    version: str = ""
    reason: str = ""
    is_deferred: bool = False
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Difference:
    """A metric of the new and of the published model on the same rows.

    Args:
        new: The value of the new one.
        old: The value of the published one.
        lowest: What new less old exceeds with 95 % confidence.
        highest: What it stays below with 95 % confidence.
        visible: The smallest true difference that these rows show with a power of 80 %.
        rows: How many there are.
    """

    new: float
    old: float
    lowest: float
    highest: float
    visible: float
    rows: int

    def __post_init__(self) -> None:
        """Hold it to what an interval is: a verdict on any other would be a fault of ours."""
        change = self.new - self.old
        slack = 1e-9 * max(1.0, abs(self.new), abs(self.old))
        if not self.lowest - slack <= change <= self.highest + slack:
            message = f"{change:g} lies outside its own bounds, {self.lowest:g} to {self.highest:g}"
            raise ValueError(message)


@dataclass(frozen=True)
class MetricCheck:
    """One condition on one metric, and what became of it.

    Args:
        metric: Its name.
        value: What it is; None where it is missing.
        wanted: The condition, as a phrase.
        outcome: ``passed``, ``failed``, ``deferred`` or ``left out``.
        told: What there is to say beside it.
    """

    metric: str
    value: float | None
    wanted: str
    outcome: str
    told: str = ""

    @property
    def line(self) -> str:
        """The check as one clause."""
        value = "missing" if self.value is None else shown(self.value)
        told = f" ({self.told})" if self.told else ""
        return f"{self.metric} is {value}, wanted {self.wanted}{told}"


@dataclass(frozen=True)
class Verdict:
    """What the gate says.

    Args:
        checks: One for each condition.
        baseline: The published version that was compared with; empty for none.
        refusal: Why the model is refused apart from its checks.
    """

    checks: tuple[MetricCheck, ...] = ()
    baseline: str = ""
    refusal: str = ""

    @property
    def outcome(self) -> str:
        """``passed``, ``failed``, or empty where nothing was asked."""
        if self.refusal or any(check.outcome == FAILED for check in self.checks):
            return FAILED
        return PASSED if self.checks else ""

    @property
    def defers(self) -> bool:
        """Whether a comparison is left to the upload; the report says so."""
        return any(check.outcome == DEFERRED for check in self.checks)

    def failures(self) -> list[str]:
        """Return a clause for each reason to refuse the model."""
        failed = [check.line for check in self.checks if check.outcome == FAILED]
        return [*([self.refusal] if self.refusal else []), *failed]

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {**asdict(self), "outcome": self.outcome}

    def table(self) -> tuple[str, ...]:
        """Return a line for each check, in columns."""
        return tuple(
            columns([(c.outcome, c.metric, shown(c.value), c.wanted, c.told) for c in self.checks])
        )

    def markdown(self) -> str:
        """Return it as a table for a pull request; empty where nothing was asked."""
        if not self.outcome:
            return ""
        said = f"The gate says: **{self.outcome}**."
        lines = [said, *([f"{inline(self.refusal)}."] if self.refusal else []), ""]
        rows = [(c.metric, shown(c.value), c.wanted, c.outcome, c.told) for c in self.checks]
        lines += table(("metric", "value", "wanted", "outcome", ""), rows)
        return "\n".join(lines)


def evaluate_rules(  # noqa: PLR0913 - what is known of the model, each by name
    rules: tuple[Rule, ...],
    metrics: Mapping[str, float],
    baseline: Baseline,
    differences: Mapping[str, Difference] | None = None,
    *,
    is_required: bool = False,
    why_stored: str = "",
) -> Verdict:
    """Return the verdict on a model.

    A drop is judged on the same held-out rows where ``differences`` has the metric: it passes if
    the model is shown, with 95 % confidence, to be no worse than the margin allows. Else the value
    that the published wheel carries is compared, which comes from other rows.

    Args:
        rules: What is asked.
        metrics: Of the new model, by name.
        baseline: What is published.
        differences: By metric, on the same rows.
        is_required: Whether a model without anything to compare with is refused.
        why_stored: Why a metric could not be compared on the same rows.
    """
    differences = differences or {}
    checks: list[MetricCheck] = []
    for rule in rules:
        value = metrics.get(rule.metric)
        checks += _plain(rule, value)
        if rule.compares:
            known = differences.get(rule.metric)
            check = _drop(rule, value, baseline, known, why_stored, is_required=is_required)
            checks.append(check)
    refusal = ""
    if is_required and not baseline.version and any(rule.compares for rule in rules):
        refusal = f"a published version to compare with is demanded, but {baseline.reason}"
    return Verdict(tuple(checks), baseline.version, refusal)


def _plain(rule: Rule, value: float | None) -> Iterator[MetricCheck]:
    number = math.nan if value is None else value
    if rule.minimum is not None:
        passed = number >= rule.minimum
        wanted = f"at least {shown(rule.minimum)}"
        yield MetricCheck(rule.metric, value, wanted, PASSED if passed else FAILED)
    if rule.maximum is not None:
        passed = number <= rule.maximum
        wanted = f"at most {shown(rule.maximum)}"
        yield MetricCheck(rule.metric, value, wanted, PASSED if passed else FAILED)


def _drop(  # noqa: PLR0913 - as for evaluate_rules
    rule: Rule,
    value: float | None,
    baseline: Baseline,
    difference: Difference | None,
    why_stored: str,
    *,
    is_required: bool,
) -> MetricCheck:
    worse = "below" if rule.sign > 0 else "above"
    if not baseline.version:
        wanted = f"not much {worse} what is published"
        outcome = DEFERRED if baseline.is_deferred else LEFT_OUT
        return MetricCheck(rule.metric, value, wanted, outcome, baseline.reason)
    if difference is not None:
        return _paired(rule, baseline, difference, worse)
    stored = baseline.metrics.get(rule.metric)
    wanted = f"not much {worse} {baseline.version}"
    if value is None:
        return MetricCheck(rule.metric, value, wanted, FAILED, "the model has no such metric")
    if stored is None:
        told = f"{baseline.version} has no such metric"
        return MetricCheck(rule.metric, value, wanted, FAILED if is_required else LEFT_OUT, told)
    margin = rule.margin(stored)
    passed = rule.sign * (value - stored) >= -margin
    told = f"{baseline.version} was measured on rows of its own"
    told += f": {why_stored}" if why_stored else ""
    wanted = f"at most {shown(margin)} {worse} {shown(stored)} of {baseline.version}"
    return MetricCheck(rule.metric, value, wanted, PASSED if passed else FAILED, told)


def _paired(rule: Rule, baseline: Baseline, difference: Difference, worse: str) -> MetricCheck:
    margin = rule.margin(difference.old)
    lowest = difference.lowest if rule.sign > 0 else -difference.highest
    wanted = f"at most {shown(margin)} {worse} {shown(difference.old)} of {baseline.version}"
    told = f"both answer alike on the same {difference.rows} rows"
    if difference.visible > 0:
        told = (
            f"on the same {difference.rows} rows the change is "
            f"{rule.sign * (difference.new - difference.old):+.4f}, better than {lowest:+.4f} with "
            f"95 % confidence; they show a drop of {difference.visible:.4f} or more"
        )
    passed = lowest >= -margin
    return MetricCheck(rule.metric, difference.new, wanted, PASSED if passed else FAILED, told)


def shown(value: float | None) -> str:
    """Return a number as people read it."""
    return "missing" if value is None else f"{value:.4g}"
