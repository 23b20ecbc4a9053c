"""What the report and the model card say of a model."""

from __future__ import annotations

from typing import Any

from trainwheel.evaluation.gate import Baseline, Difference, MetricCheck, Verdict
from trainwheel.evaluation.report import (
    MetricRow,
    Subject,
    headlines,
    render_metrics,
    rest,
    worst_rows,
)

CHECK = MetricCheck("cost", 3, "at most 4", "passed")
ANEW = {"value": 0.75, "low": 0.7, "high": 0.8}


def subject(metrics: dict[str, float], measured: dict[str, Any], **more: Any) -> Subject:
    given = {"baseline": Baseline(), "compared": {}, "verdict": Verdict(), **more}
    return Subject("m*", metrics, measured, **given)


def test_headlines_are_metrics_that_are_known_measured_or_checked() -> None:
    metrics = {"f1": 0.5, "cost": 3, "mine": 0.75, "epochs": 7, "f1_low": 0.25, "f1_high": 0.625}

    about = subject(metrics, {"named": {"mine": ANEW}}, verdict=Verdict((CHECK,)))

    assert headlines(about) == [
        MetricRow("f1", "0.5", "0.25 to 0.625", "", ""),
        MetricRow("cost", "3", "training says", "", ""),
        MetricRow("mine", "0.75", "0.7 to 0.8", "", ""),
    ]
    assert rest(about) == [("epochs", "7")]


def test_without_headlines_all_that_was_measured_is_one() -> None:
    about = subject({"epochs": 7}, {"measured": {"accuracy": ANEW}})

    assert headlines(about) == [MetricRow("accuracy", "0.75", "0.7 to 0.8", "", "")]
    assert headlines(subject({"epochs": 7}, {})) == []


def test_a_change_is_worse_by_the_direction_of_its_metric() -> None:
    old = {"f1": 0.5, "mae": 0.5, "recall": 0.5, "auc": 0.5, "cost": 9}
    new = {"f1": 0.25, "mae": 0.75, "recall": 0.75, "auc": 0.5, "cost": 3}
    compared = {"f1": Difference(0.25, 0.75, -1, 0, 0.1, 9)}

    rows = headlines(
        subject(new, {}, baseline=Baseline("1", metrics=old), compared=compared,
                verdict=Verdict((CHECK,)))
    )  # fmt: skip

    assert [(row.name, row.published, row.change, row.is_worse) for row in rows] == [
        ("f1", "0.75", "-0.5000", True),
        ("mae", "0.5", "+0.2500, on other rows", True),
        ("recall", "0.5", "+0.2500, on other rows", False),
        ("auc", "0.5", "+0.0000, on other rows", False),
        ("cost", "9", "-6.0000, on other rows", False),
    ]


def test_the_worst_mistakes_show_their_input_where_it_may_be_shown() -> None:
    worst = [{"row": 1, "truth": 0.123456, "predicted": "b", "score": 0.98765},
             {"row": 2, "truth": "a", "predicted": "b"}]  # fmt: skip

    rows = list(worst_rows(subject({}, {"worst": worst}), {1: {"x": 0.123456, "y": "z"}}))

    first = {"row": "1", "truth": "0.1235", "predicted": "b", "score": "0.9877"}
    assert rows == [(first, "x 0.1235, y z"), ({"row": "2", "truth": "a", "predicted": "b"}, "")]
    assert list(worst_rows(subject({}, {}), {})) == []


def test_metrics_for_a_pull_request_are_markdown() -> None:
    measured = {"notes": ["few *rows*"]}
    about = subject({"f1": 0.5}, measured, carriers=["KNN", "GP"], verdict=Verdict((CHECK,)))
    lines = render_metrics(about).splitlines()

    assert [lines[0], lines[1]] == ["### m\\*", ""]
    assert [c.strip() for c in lines[2].split("|")[1:-1]] == ["metric", "value", "95 % interval"]
    assert "- few \\*rows\\*" in lines
    assert any(line.startswith("- This model carries") and "KNN and GP" in line for line in lines)
    assert lines[lines.index("Gate: **passed**.") - 1] == ""
    published = subject({"f1": 0.5}, {}, baseline=Baseline("1.2", metrics={"f1": 0.5}))
    assert "| published 1.2 | change |" in render_metrics(published).splitlines()[2]
    assert render_metrics(subject({}, {})) == "### m\\*\n\n"
    assert subject({}, {}).warning == ""
