"""The content of the report and the model card, from metrics, measurements and verdict.

Pure: numbers come in, rows of text go out; the templates in ``data/report`` lay them out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trainwheel.evaluation.gate import Baseline, Difference, Verdict, direction_of, shown
from trainwheel.evaluation.metrics import claims_among, intervals_of, split_intervals
from trainwheel.system.markdown import inline, table

__all__ = [
    "CLASS_HEADS",
    "PICTURES",
    "MetricRow",
    "Subject",
    "class_rows",
    "describe_proved",
    "headlines",
    "origin",
    "proved_table",
    "render_metrics",
    "rest",
    "usage",
    "worst_rows",
]

PICTURES = {
    "confusion": "Confusion matrix: rows are the truth, the shade is the share of each true class",
    "roc": "ROC curve: how many are found, and how many false alarms that costs",
    "precision_recall": "Precision and recall: what is found, and how much of it is right",
    "calibration": "Calibration: of what gets a score, how much is true",
    "scores": "Scores by true class: the less they overlap, the better",
    "actual_vs_predicted": "True against predicted values: on the line is perfect",
    "residual_vs_predicted": "Residuals: around the line without a pattern is good",
}
"""Name of a picture → what it shows, in the order of the page."""

_FEW, _LONGEST = 6, 60
CLASS_HEADS = ("class", "precision", "recall", "F1", "rows", "share")
"""Heads of the table of classes; the share is that of all held-out rows."""


@dataclass(frozen=True)
class MetricRow:
    """One metric in the page's first table, as texts."""

    name: str
    value: str
    interval: str
    published: str
    change: str
    is_worse: bool = False


@dataclass(frozen=True)
class Subject:
    """What a report is about.

    Args:
        name: Of the distribution.
        metrics: As training wrote them.
        measured: The answer of the measuring script; empty where there are no predictions.
        baseline: The published version to compare with.
        compared: Metric → difference from the baseline, on the same rows.
        verdict: Of the gate.
        carriers: Kinds of estimators in the model that hold rows of the training data.
        source: Whose predictions were measured: ``entry point``, or ``training`` for its own word.
    """

    name: str
    metrics: Mapping[str, float]
    measured: Mapping[str, Any]
    baseline: Baseline
    compared: Mapping[str, Difference]
    verdict: Verdict
    carriers: Sequence[str] = field(default=())
    source: str = "training"

    @property
    def warning(self) -> str:
        """A warning for whoever gives the model away; empty for none."""
        if not self.carriers:
            return ""
        kinds = " and ".join(self.carriers)
        return (
            f"This model carries rows of its training data: {kinds} keeps them to predict. "
            "Whoever has the wheel has those rows."
        )


def headlines(subject: Subject) -> list[MetricRow]:
    """Return the metrics that can be measured anew, have a rule, or a name of scikit-learn's.

    Where training wrote none of these, all that was measured from its predictions.
    """
    metrics, _ = split_intervals(subject.metrics)
    intervals = intervals_of(subject.metrics, subject.measured)
    names = {*subject.measured.get("named", {}), *(c.metric for c in subject.verdict.checks)}
    values = {n: value for n, value in metrics.items() if n in names or direction_of(n)}
    if not values:
        measurements = subject.measured.get("measured", {})
        values = {name: measurement["value"] for name, measurement in measurements.items()}
    return [_row(subject, name, value, intervals.get(name)) for name, value in values.items()]


def proved_table(proved: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return heads and rows of the Pythons and libraries with which the predictions repeat.

    Args:
        proved: As in the provenance.
    """
    cells = proved.get("cells", [])
    libraries = sorted({name for cell in cells for name in cell} - {"python"})
    names = ["python", *libraries]
    return ["Python", *libraries], [[cell.get(name, "") for name in names] for cell in cells]


def describe_proved(proved: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of the model card on where the predictions repeat, and where nobody knows."""
    heads, rows = proved_table(proved)
    yield from ("## Where it was proved", "")
    yield from ("The golden predictions repeat with:", "", *table(heads, rows))
    for what, reason in proved.get("unproved", {}).items():
        yield f"- not proved: {inline(f'Python {what} ({reason})')}"
    yield ""


def origin(subject: Subject) -> str:
    """Return a sentence on where the numbers come from; it names the positive class."""
    measured = subject.measured
    if not measured:
        return "The numbers are training's own word: it wrote no predictions to measure."
    by = "the predictions that training wrote"
    if subject.source == "entry point":
        by = "the answers of the function that ships"
    sentence = f"Measured on {measured['rows']} held-out rows, by {by}"
    positive = measured.get("positive")
    return f"{sentence}{'' if positive is None else f'; the positive class is {positive}'}."


def class_rows(measured: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return the cells below `CLASS_HEADS` for each class of the held-out rows.

    Args:
        measured: The answer of the measuring script. Its ``confusion`` has a row for each true
            class and a column for each predicted one; it is missing where classes are many.
    """
    confusion = measured.get("confusion") or []
    total = sum(map(sum, confusion))
    rows = []
    for code, label in enumerate(measured["classes"] if confusion else ()):
        hits, support = confusion[code][code], sum(confusion[code])
        predicted = sum(row[code] for row in confusion)
        ratios = ((hits, predicted), (hits, support), (2 * hits, predicted + support))
        # Of a class that nobody predicts, no share of the predictions is right or wrong.
        shares = (shown(part / whole) if whole else "undefined" for part, whole in ratios)
        share = f"{100 * support / total:.1f} %" if total else ""
        rows.append((str(label), *shares, str(support), share))
    return rows


def rest(subject: Subject) -> list[tuple[str, str]]:
    """Return the metrics that are not headlines, as name and text."""
    metrics, _ = split_intervals(subject.metrics)
    names = {row.name for row in headlines(subject)}
    return [(name, shown(value)) for name, value in metrics.items() if name not in names]


def usage(reference: str, record: Mapping[str, Any]) -> list[str]:
    """Return lines of Python that ask an installed model.

    Args:
        reference: What a consumer imports, ``MODULE:NAME``: a class whose objects predict, if its
            name begins with a capital, else a function.
        record: Column → value, to be predicted; of many columns the first few are shown.
    """
    module, _, name = reference.partition(":")
    entries = [f"    {column!r}: {_literal(value)}," for column, value in record.items()]
    if more := len(entries[_FEW:]):
        entries[_FEW:] = [f"    # and {more} more {'column' if more == 1 else 'columns'}"]
    is_class = name[:1].isupper()
    call = [f"{'model.predict' if is_class else name}({{", *entries, "})"]
    lines = [f"from {module} import {name}", ""]
    return [*lines, f"model = {name}()", *call] if is_class else [*lines, *call]


def worst_rows(
    subject: Subject, inputs: Mapping[int, Mapping[str, Any]]
) -> Iterator[tuple[dict[str, str], str]]:
    """Yield the worst mistakes as columns, each with its input where it may be shown.

    Args:
        subject: The model.
        inputs: Number of a row, from 1 → its record; empty where rows are not to be shown.
    """
    for mistake in subject.measured.get("worst", ()):
        columns = {
            "row": str(mistake["row"]),
            "truth": _text(mistake["truth"]),
            "predicted": _text(mistake["predicted"]),
        }
        if "score" in mistake:
            columns["score of the predicted class"] = shown(mistake["score"])
        record = inputs.get(mistake["row"], {})
        yield columns, ", ".join(f"{name} {_text(value)}" for name, value in record.items())


def render_metrics(subject: Subject) -> str:
    """Return metrics and verdict as Markdown, for a pull request."""
    lines = [f"### {inline(subject.name)}", ""]
    rows = headlines(subject)
    if rows:
        lines += [inline(origin(subject)), ""]
        heads = ["metric", "value", "95 % interval"]
        if subject.baseline.version:
            heads += [f"published {subject.baseline.version}", "change"]
        cells = ((r.name, r.value, r.interval, r.published, r.change) for r in rows)
        lines += table(heads, (row[: len(heads)] for row in cells))
    if classes := class_rows(subject.measured):
        lines += table(CLASS_HEADS, classes)
    notes = [*subject.measured.get("notes", ()), *([subject.warning] if subject.warning else [])]
    lines += [*(f"- {inline(note)}" for note in notes), *([""] if notes else [])]
    return "".join(f"{line}\n" for line in lines) + subject.verdict.markdown()


def _row(
    subject: Subject, name: str, value: float, bounds: tuple[float, float] | None
) -> MetricRow:
    interval = "" if bounds is None else " to ".join(map(shown, bounds))
    if not interval and subject.measured and name in claims_among([name], subject.measured):
        interval = "training says"
    now, then, is_same = value, subject.baseline.metrics.get(name), subject.baseline.is_this_model
    difference = subject.compared.get(name)
    if difference is not None:
        now, then, is_same = difference.new, difference.old, True
    if then is None:
        return MetricRow(name, shown(value), interval, "", "")
    sign = {"higher": 1, "lower": -1}.get(direction_of(name), 0)
    is_worse = sign * (now - then) < 0
    # In words too, for where a colour is not shown or not seen.
    remarks = [*(["worse"] if is_worse else []), *([] if is_same else ["on other rows"])]
    change = ", ".join([f"{now - then:+.4f}", *remarks])
    return MetricRow(name, shown(value), interval, shown(then), change, is_worse)


def _literal(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST else repr(f"{text[:_LONGEST]}…")


def _text(value: Any) -> str:
    return shown(value) if isinstance(value, float) else str(value)
