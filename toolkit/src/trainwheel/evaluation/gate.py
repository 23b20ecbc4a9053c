"""The gate: metrics, thresholds and the baseline → a verdict.

Pure: numbers come in, a verdict and its renderings go out.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from trainwheel.system.markdown import inline, table
from trainwheel.system.text import columns

__all__ = [
    "DEFERRED",
    "FAILED",
    "PASSED",
    "SKIPPED",
    "Baseline",
    "Difference",
    "MetricCheck",
    "Rule",
    "Verdict",
    "direction_of",
    "evaluate_rules",
    "shown",
]

PASSED, FAILED, DEFERRED, SKIPPED = "passed", "failed", "deferred", "skipped"

_ROUNDING = 1e-9
_LARGEST, _LONGEST = 1_000_000, 1e15

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
    """Return ``higher`` or ``lower``; empty for a name that scikit-learn does not have."""
    return HIGHER if metric.startswith("neg_") else DIRECTIONS.get(metric, "")


@dataclass(frozen=True)
class Rule:
    """What is asked of one metric.

    Args:
        metric: Its name in ``metrics.json``.
        minimum: The least value that passes.
        maximum: The greatest value that passes.
        drop: By how much it may be worse than the baseline, absolute.
        drop_relative: The same as a share of the baseline's value.
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
        """Whether it needs a baseline."""
        return self.drop is not None or self.drop_relative is not None

    @property
    def sign(self) -> int:
        """1 where higher is good, else -1."""
        return 1 if (self.direction or direction_of(self.metric)) != LOWER else -1

    @property
    def worse(self) -> str:
        """On which side of another value a worse one lies."""
        return "below" if self.sign > 0 else "above"

    @property
    def condition(self) -> str:
        """The drop that it allows, as a phrase, where no value of the baseline is known."""
        share = shown(100 * (self.drop_relative or 0.0)) + " %"
        most = share if self.drop is None else shown(self.drop)
        return f"at most {most} {self.worse} the baseline"

    def margin(self, old: float) -> float:
        """Return by how much the metric may be worse than the baseline's value."""
        if self.drop is not None:
            return self.drop
        return (self.drop_relative or 0.0) * abs(old)


@dataclass(frozen=True)
class Baseline:
    """The newest published version of the release series, or why there is none.

    Args:
        version: Empty where there is none.
        reason: Why there is none; a clause for a person.
        is_deferred: Whether this job may not read the index, and the upload will.
        metrics: What its wheel says of it, on the held-out rows of its own training.
        is_this_model: Whether it is the very model that is evaluated, with the same metrics.
        unknown: Columns of the held-out rows that it does not know, and is asked without.
    """

    version: str = ""
    reason: str = ""
    is_deferred: bool = False
    metrics: Mapping[str, float] = field(default_factory=dict)
    is_this_model: bool = False
    unknown: Sequence[str] = ()


@dataclass(frozen=True)
class Difference:
    """A metric of the new model and of the baseline on the same rows.

    Args:
        new: The value of the new model.
        old: The value of the baseline.
        lowest: Bound that new minus old exceeds with 95 % confidence.
        highest: Bound that new minus old stays below with 95 % confidence.
        visible: The smallest true difference that these rows show with a power of 80 %.
        rows: The number of rows.
    """

    new: float
    old: float
    lowest: float
    highest: float
    visible: float
    rows: int

    def __post_init__(self) -> None:
        """Refuse a change outside its own bounds: a verdict on it would be a fault of ours."""
        change = self.new - self.old
        slack = _ROUNDING * max(1.0, abs(self.new), abs(self.old))
        if not self.lowest - slack <= change <= self.highest + slack:
            message = f"{change:g} lies outside its own bounds, {self.lowest:g} to {self.highest:g}"
            raise ValueError(message)


@dataclass(frozen=True)
class MetricCheck:
    """One condition on one metric, and its outcome.

    Args:
        metric: Its name.
        value: Its value; None where it is missing.
        wanted: The condition, as a phrase.
        outcome: ``passed``, ``failed``, ``deferred`` or ``skipped``.
        told: A remark, such as the reason for the outcome.
        is_claimed: Whether the value is training's own word, measured by nobody.
    """

    metric: str
    value: float | None
    wanted: str
    outcome: str
    told: str = ""
    is_claimed: bool = False

    @property
    def remark(self) -> str:
        """The remark, and whose word the value is."""
        return "; ".join(filter(None, ("training says" if self.is_claimed else "", self.told)))

    @property
    def line(self) -> str:
        """The check as one clause."""
        remark = f" ({self.remark})" if self.remark else ""
        return f"{self.metric} is {shown(self.value)}, expected {self.wanted}{remark}"


@dataclass(frozen=True)
class Verdict:
    """The gate's decision on a model.

    Args:
        checks: One for each condition.
        baseline: The published version that was compared with; empty for none.
        refusal: Why the model is refused apart from its checks.
        unasked: Why the baseline could not be asked about the held-out rows.
    """

    checks: tuple[MetricCheck, ...] = ()
    baseline: str = ""
    refusal: str = ""
    unasked: str = ""

    @property
    def summary(self) -> str:
        """The outcome, and why the baseline was not asked; empty where the gate has no rule."""
        remark = f"; {self.baseline} was not asked: {self.unasked}" if self.unasked else ""
        return f"{self.outcome}{remark}" if self.outcome else ""

    @property
    def outcome(self) -> str:
        """``passed``, ``failed``, or empty where the gate has no rule."""
        if self.refusal or any(check.outcome == FAILED for check in self.checks):
            return FAILED
        return PASSED if self.checks else ""

    @property
    def defers(self) -> bool:
        """Whether a comparison is left to the upload; the report says so."""
        return any(check.outcome == DEFERRED for check in self.checks)

    def failures(self) -> list[str]:
        """Return a clause for each reason to refuse the model."""
        lines = [check.line for check in self.checks if check.outcome == FAILED]
        return [*([self.refusal] if self.refusal else []), *lines]

    def as_json(self) -> dict[str, Any]:
        """Return it as a JSON value."""
        return {**asdict(self), "outcome": self.outcome}

    def rows(self) -> list[tuple[str, str, str, str, str]]:
        """Return metric, value, condition, outcome and remark of each check, as texts.

        Checks that were not made for the same reason share a row, which has no value.
        """
        rows = []
        metrics: dict[tuple[str, str], list[str]] = {}
        for check in self.checks:
            reason = (check.outcome, check.told)
            if check.outcome in {SKIPPED, DEFERRED}:
                metrics.setdefault(reason, []).append(check.metric)
            else:
                value = shown(check.value)
                rows.append((check.metric, value, check.wanted, check.outcome, check.remark))
        return rows + [
            (", ".join(names), "", "", outcome, told) for (outcome, told), names in metrics.items()
        ]

    def table(self) -> tuple[str, ...]:
        """Return a line for each row, in columns."""
        rows = self.rows()
        values = columns([(row[1], row[2], row[4]) for row in rows if row[1]])
        return tuple(
            columns([(row[3], row[0], next(values) if row[1] else row[4]) for row in rows])
        )

    def markdown(self) -> str:
        """Return it as a table for a pull request; empty where the gate has no rule."""
        if not self.outcome:
            return ""
        refusal = [f"{inline(self.refusal)}."] if self.refusal else []
        heads = ("metric", "value", "condition", "outcome", "remark")
        return "\n".join([f"Gate: **{self.outcome}**.", *refusal, "", *table(heads, self.rows())])


def evaluate_rules(  # noqa: PLR0913 - what is known of the model, each by name
    rules: tuple[Rule, ...],
    metrics: Mapping[str, float],
    baseline: Baseline,
    differences: Mapping[str, Difference] | None = None,
    *,
    is_required: bool = False,
    why_unasked: str = "",
    claimed: Collection[str] = (),
) -> Verdict:
    """Return the verdict on a model.

    A metric in ``differences`` passes if the model is shown, with 95 % confidence, to be worse than
    the baseline by no more than the margin, on the same held-out rows. For any other metric the
    value in the baseline's wheel is compared, which was measured on other rows.

    A value exactly at its limit passes, a drop exactly as large as its margin too. Numbers that
    differ by less than a billionth of their size are equal here: 0.9 - 0.88 is above 0.02 in binary
    floating point, by 2e-17, and that must not decide.

    Args:
        rules: The conditions.
        metrics: Of the new model, by name.
        baseline: The published version to compare with.
        differences: By metric, on the same rows.
        is_required: Whether a model without a baseline is refused.
        why_unasked: Why the baseline could not be asked about the held-out rows.
        claimed: The metrics that are training's own word.
    """
    differences = differences or {}
    checks: list[MetricCheck] = []
    for rule in rules:
        value = metrics.get(rule.metric)
        checks += _limits(rule, value)
        if rule.compares and not baseline.version:
            checks.append(_without_baseline(rule, value, baseline))
        elif rule.compares and rule.metric in differences:
            checks.append(_paired(rule, baseline, differences[rule.metric]))
        elif rule.compares:
            checks.append(_stored(rule, value, baseline, why_unasked, is_required=is_required))
    refusal = ""
    if is_required and any(rule.compares for rule in rules):
        if not baseline.version:
            refusal = f"the gate requires a baseline, and there is none: {baseline.reason}"
        elif why_unasked:
            refusal = f"the gate requires a comparison with {baseline.version}: {why_unasked}"
    marked = (replace(check, is_claimed=_is_claim(check, claimed)) for check in checks)
    return Verdict(tuple(marked), baseline.version, refusal, why_unasked)


def _is_claim(check: MetricCheck, claimed: Collection[str]) -> bool:
    return check.metric in claimed and check.outcome in {PASSED, FAILED}


def _limits(rule: Rule, value: float | None) -> Iterator[MetricCheck]:
    number = math.nan if value is None else value
    if rule.minimum is not None:
        outcome = _outcome(number, rule.minimum, abs(rule.minimum))
        yield MetricCheck(rule.metric, value, f"at least {shown(rule.minimum)}", outcome)
    if rule.maximum is not None:
        outcome = _outcome(-number, -rule.maximum, abs(rule.maximum))
        yield MetricCheck(rule.metric, value, f"at most {shown(rule.maximum)}", outcome)


def _without_baseline(rule: Rule, value: float | None, baseline: Baseline) -> MetricCheck:
    if baseline.is_deferred:
        return MetricCheck(rule.metric, value, rule.condition, DEFERRED, baseline.reason)
    reason = f"no baseline: {baseline.reason}"
    return MetricCheck(rule.metric, value, rule.condition, SKIPPED, reason)


def _stored(
    rule: Rule, value: float | None, baseline: Baseline, why_unasked: str, *, is_required: bool
) -> MetricCheck:
    """Compare with the value that the baseline's wheel carries."""
    old = baseline.metrics.get(rule.metric)
    if value is None:
        reason = f"not in the metrics of this model, baseline {baseline.version}"
        return MetricCheck(rule.metric, value, rule.condition, FAILED, reason)
    if old is None:
        outcome = FAILED if is_required else SKIPPED
        reason = f"not in the metrics of the baseline {baseline.version}"
        return MetricCheck(rule.metric, value, rule.condition, outcome, reason)
    margin = rule.margin(old)
    outcome = _outcome(rule.sign * (value - old), -margin, max(abs(value), abs(old)))
    remark = f"{baseline.version} was measured on other rows"
    remark += f": {why_unasked}" if why_unasked else ""
    if baseline.is_this_model:
        remark = f"this model is {baseline.version}"
    return MetricCheck(rule.metric, value, _condition(rule, old, baseline), outcome, remark)


def _paired(rule: Rule, baseline: Baseline, difference: Difference) -> MetricCheck:
    """Compare on the same rows: the worst change that these leave open has to be allowed."""
    lowest = difference.lowest if rule.sign > 0 else -difference.highest
    remark = f"both answer alike on the same {difference.rows} rows"
    if difference.visible > 0:
        remark = (
            f"on the same {difference.rows} rows the change is "
            f"{rule.sign * (difference.new - difference.old):+.4f}, better than {lowest:+.4f} with "
            f"95 % confidence; these rows would reveal a drop of {difference.visible:.4f} or more"
        )
    if baseline.unknown:
        remark += f"; {baseline.version} does not know {', '.join(baseline.unknown)}"
    scale = max(abs(difference.new), abs(difference.old))
    outcome = _outcome(lowest, -rule.margin(difference.old), scale)
    condition = _condition(rule, difference.old, baseline)
    return MetricCheck(rule.metric, difference.new, condition, outcome, remark)


def _outcome(value: float, least: float, scale: float) -> str:
    """Return whether a value reaches the least that passes; rounding at that scale is forgiven."""
    return PASSED if value >= least - _ROUNDING * scale else FAILED


def _condition(rule: Rule, old: float, baseline: Baseline) -> str:
    return f"at most {shown(rule.margin(old))} {rule.worse} {shown(old)} of {baseline.version}"


def shown(value: float | None) -> str:
    """Return a number as people read it: four digits that count, a small whole one as it is."""
    if value is None:
        return "missing"
    is_whole = isinstance(value, int) and abs(value) < _LARGEST
    text = str(value) if is_whole else f"{value:.4g}"
    # Nobody reads an amount of money by its exponent.
    return f"{float(text):,.0f}" if "e+" in text and abs(value) < _LONGEST else text
