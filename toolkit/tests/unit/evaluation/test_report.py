"""What the report and the model card say of a model."""

from __future__ import annotations

from typing import Any

import pytest

from trainwheel.evaluation.gate import Baseline, Difference, MetricCheck, Verdict
from trainwheel.evaluation.report import (
    MetricRow,
    Subject,
    class_rows,
    describe_proved,
    headlines,
    origin,
    render_metrics,
    rest,
    usage,
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
        ("f1", "0.75", "-0.5000, worse", True),
        ("mae", "0.5", "+0.2500, worse, on other rows", True),
        ("recall", "0.5", "+0.2500, on other rows", False),
        ("auc", "0.5", "+0.0000, on other rows", False),
        ("cost", "9", "-6.0000, on other rows", False),
    ]


@pytest.mark.parametrize(("source", "positive", "words"), [
    ("training", "b", ("9 held-out rows", "training wrote", "the positive class is b.")),
    ("entry point", None, ("9 held-out rows", "the function that ships")),
    ("entry point", 0, ("the positive class is 0.",)),
])  # fmt: skip
def test_the_source_of_the_numbers_and_the_positive_class_are_named(
    source: str, positive: object, words: tuple[str, ...]
) -> None:
    sentence = origin(subject({}, {"rows": 9, "positive": positive}, source=source))

    assert all(part in sentence for part in words)
    assert ("positive" in sentence) is (positive is not None)
    assert ("training" in sentence) is (source == "training")


def test_without_measurements_the_numbers_are_the_word_of_training() -> None:
    assert "training's own word" in origin(subject({"f1": 1}, {}, source="entry point"))


def test_each_class_has_precision_recall_f1_and_its_share_of_the_rows() -> None:
    measured = {"classes": ["a", 7, "never"], "confusion": [[3, 1, 0], [1, 2, 0], [1, 0, 0]]}

    assert class_rows(measured) == [
        ("a", "0.6", "0.75", "0.6667", "4", "50.0 %"),
        ("7", "0.6667", "0.6667", "0.6667", "3", "37.5 %"),
        ("never", "undefined", "0", "0", "1", "12.5 %"),
    ]
    assert class_rows({"classes": ["a"], "confusion": [[0]]}) == [
        ("a", "undefined", "undefined", "undefined", "0", "")
    ]


@pytest.mark.parametrize("measured", [{}, {"classes": [], "confusion": None},
                                      {"classes": ["a"] * 31, "confusion": None}])  # fmt: skip
def test_numbers_and_too_many_classes_have_no_table_of_each(measured: dict[str, Any]) -> None:
    assert class_rows(measured) == []


def test_the_worst_mistakes_show_their_input_where_it_may_be_shown() -> None:
    worst = [{"row": 1, "truth": 0.123456, "predicted": "b", "score": 0.98765},
             {"row": 2, "truth": "a", "predicted": "b"}]  # fmt: skip

    rows = list(worst_rows(subject({}, {"worst": worst}), {1: {"x": 0.123456, "y": "z"}}))

    score = {"score of the predicted class": "0.9877"}
    first = {"row": "1", "truth": "0.1235", "predicted": "b", **score}
    assert rows == [(first, "x 0.1235, y z"), ({"row": "2", "truth": "a", "predicted": "b"}, "")]
    assert list(worst_rows(subject({}, {}), {})) == []


def test_the_card_says_where_it_was_proved_and_where_nobody_tried() -> None:
    cells = [{"python": "3.11", "numpy": "2.4.6"}, {"python": "3.12", "scipy": "1.18.1"}]

    lines = [*describe_proved({"cells": cells, "unproved": {"3.13": "not tried"}})]

    assert lines[4:] == [
        "| Python | numpy | scipy |", "|---|---|---|", "| 3.11 | 2.4.6 |  |",
        "| 3.12 |  | 1.18.1 |", "", "- not proved: Python 3.13 (not tried)", "",
    ]  # fmt: skip


def test_metrics_for_a_pull_request_are_markdown() -> None:
    measured = {"notes": ["few *rows*"], "rows": 9}
    about = subject({"f1": 0.5}, measured, carriers=["KNN", "GP"], verdict=Verdict((CHECK,)))
    lines = render_metrics(about).splitlines()

    assert [lines[0], lines[1]] == ["### m\\*", ""]
    assert lines[2:4] == [origin(about), ""]
    assert [c.strip() for c in lines[4].split("|")[1:-1]] == ["metric", "value", "95 % interval"]
    assert "- few \\*rows\\*" in lines
    assert any(line.startswith("- This model carries") and "KNN and GP" in line for line in lines)
    assert lines[lines.index("Gate: **passed**.") - 1] == ""
    published = subject({"f1": 0.5}, {}, baseline=Baseline("1.2", metrics={"f1": 0.5}))
    assert "| published 1.2 | change |" in render_metrics(published).splitlines()[4]
    assert render_metrics(subject({}, {})) == "### m\\*\n\n"
    assert subject({}, {}).warning == ""


def test_a_class_is_made_once_and_asked() -> None:
    assert usage("a_model:Classifier", {"x": 1.5, "the 'y'": "b"}) == [
        "from a_model import Classifier", "", "model = Classifier()",
        "model.predict({", "    'x': 1.5,", """    "the 'y'": 'b',""", "})",
    ]  # fmt: skip


def test_a_function_is_called_and_much_is_shortened() -> None:
    record = {**dict.fromkeys("abcde", None), "f": "x" * 99, "g": "`\n\u202e"}
    lines = usage("a_model.classifier:predict_record", record)

    assert lines[:3] == ["from a_model.classifier import predict_record", "", "predict_record({"]
    assert lines[8:] == [f"    'f': {chr(39) + 'x' * 59 + '…'!r},", "    # and 1 more column", "})"]
    assert "and 2 more columns" in "".join(usage("m:f", dict.fromkeys("abcdefgh")))
    (line,) = (line for line in usage("m:f", {"g": record["g"]}) if "g" in line)
    assert line == r"    'g': '`\n\u202e',"
    compile("\n".join(lines), "card", "exec")
