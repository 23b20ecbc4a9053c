"""What ships against what was trained: which answers agree, and what is said of the others."""

from __future__ import annotations

import io
import json
import struct
from pathlib import Path
from typing import Any

import pytest

from trainwheel.errors import RefusedError, StepFailedError
from trainwheel.evaluation.skew import read_trained, refuse_skew
from trainwheel.steps.shared.measure import read_held_out

LABELS = "y_true,y_pred\n"
BOTH = "y_true,y_pred,score_no,score_yes\n"
ONE = "y_true,y_pred,score_yes\n"
SINGLE = struct.unpack("f", struct.pack("f", 0.1))[0]


def compare(
    text: str, answers: list[Any], truths: list[Any] | None = None, positive: str | None = None
) -> None:
    trained = read_trained(io.StringIO(text), positive)
    refuse_skew(trained, list(trained.truths) if truths is None else truths, answers, 1e-9)


def refusal(text: str, answers: list[Any], positive: str | None = None) -> str:
    with pytest.raises(RefusedError) as caught:
        compare(text, answers, positive=positive)
    return str(caught.value)


@pytest.mark.parametrize(
    ("cell", "answer"),
    [
        ("yes", "yes"),
        ("yes", {"prediction": "yes"}),
        ("yes", {"label": "yes"}),
        ("yes", {"class": "yes", "note": "no"}),
        ("1", 1),
        ("1.0", 1),
        ("1", 1.0),
        ("1", "1"),
        ("2.0", "2"),
        ("True", True),
        ("true", True),
        ("FALSE", False),
        ("1", True),
        ("0.0", False),
        ("ja, \u2028wohl", "ja, \u2028wohl"),
        ("0.30000000000000004", 0.3),
        ("12.5", {"value": 12.5}),
        ("0.1", SINGLE),
        ("1" + "0" * 400, "1" + "0" * 400),
    ],
)
def test_an_answer_agrees_with_what_training_said_in_other_words(cell: str, answer: Any) -> None:
    compare(f'{LABELS}x,"{cell}"\n', [answer])


@pytest.mark.parametrize(
    ("cell", "answer"),
    [
        ("yes", "no"),
        ("yes", "Yes"),
        ("yes", None),
        ("yes", {"prediction": None}),
        ("yes", ["yes"]),
        ("yes", {"prediction": ["yes"]}),
        ("yes", {"answer": "yes"}),
        ("yes", True),
        ("1", False),
        ("1", 0),
        ("1000000001", 1000000002),
        ("setosa", 0),
        ("12.5", 12.6),
        ("12", 12.4),
        ("0.1", 0.10000001),
        ("0.50000001", 0.5),
        ("1", 10**400),
    ],
)
def test_an_answer_that_differs_is_refused(cell: str, answer: Any) -> None:
    assert refusal(f"{LABELS}x,{cell}\n", [answer]).startswith(
        "refused: what ships is not what was trained: of 1 held-out rows 1 is answered otherwise, "
        f"row 1: y_pred is '{cell}', "
    )


@pytest.mark.parametrize(
    ("text", "answer", "positive"),
    [
        (f"{BOTH}yes,yes,0.1,0.9\n", {"label": "yes", "probability": 0.9}, None),
        (f"{BOTH}yes,yes,0.1,0.9\n", {"label": "yes", "probability": 0.1}, "no"),
        (f"{BOTH}yes,yes,0.1,0.9\n", {"label": "yes", "probability": 0.9 + 1e-12}, None),
        (f"{BOTH}yes,yes,1,0\n", {"label": "yes", "probability": 1e-12}, None),
        (f"{BOTH}yes,yes,0.1,0.9\n", {"label": "yes", "probabilities": {"yes": 0.9}}, None),
        (f"{ONE}no,yes,0.9\n", {"label": "yes", "probabilities": {"no": 0.1, "yes": 0.9}}, None),
        (f"{ONE}no,yes,0.9\n", {"label": "yes", "probability": 0.1}, "no"),
        (
            "y_true,y_pred,score_0.0,score_1.0\n1,1,0.2,0.8\n",
            {"label": 1, "probabilities": {"0": 0.2, "1": 0.8}},
            None,
        ),
        (
            "y_true,y_pred,score_False,score_True\nTrue,True,0.2,0.8\n",
            {"label": True, "probabilities": {"false": 0.2, "true": 0.8}},
            None,
        ),
        # Of three classes none is the positive, and nobody knows whose probability that is.
        (
            "y_true,y_pred,score_a,score_b,score_c\na,a,0.8,0.1,0.1\n",
            {"label": "a", "probability": 0.3},
            None,
        ),
        (f"{LABELS}yes,yes\n", {"label": "yes", "probabilities": {"yes": 0.9}}, None),
        (f"{BOTH}yes,yes,0.1,0.9\n", "yes", None),
    ],
)
def test_scores_agree(text: str, answer: Any, positive: str | None) -> None:
    compare(text, [answer], positive=positive)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({"probability": 0.1}, "score_yes is 0.9, the entry point says 0.1"),
        ({"probability": None}, "score_yes is 0.9, the entry point says null"),
        ({"probabilities": {"no": 0.2, "yes": 0.9}}, "score_no is 0.1, the entry point says 0.2"),
        ({"probabilities": {"0": 0.1, "1": 0.9}}, "no score column has a class of the entry"),
    ],
)
def test_scores_that_differ_are_refused(answer: dict[str, Any], told: str) -> None:
    assert f"row 1: {told}" in refusal(f"{BOTH}yes,yes,0.1,0.9\n", [{"label": "yes", **answer}])


def test_the_first_rows_that_differ_are_shown_and_all_are_counted() -> None:
    text = LABELS + "a,a\n" * 200

    with pytest.raises(RefusedError) as caught:
        compare(text, ["b" if row % 20 == 19 else "a" for row in range(200)])

    assert "of 200 held-out rows 10 are answered otherwise, row 20: y_pred is 'a'" in str(
        caught.value
    )
    assert caught.value.details == tuple(
        f"row {row}: y_pred is 'a', the entry point says \"b\"" for row in (20, 40, 60, 80, 100)
    )


@pytest.mark.parametrize(
    ("text", "truths", "told"),
    [
        (f"{LABELS}a,a\nb,b\n", ["a"], "holdout.jsonl has 1 rows and predictions.csv 2"),
        (f"{LABELS}a,a\n", ["a", "b"], "holdout.jsonl has 2 rows and predictions.csv 1"),
        (LABELS, ["a"], "holdout.jsonl has 1 rows and predictions.csv 0"),
        (
            f"{LABELS}a,a\nb,b\n",
            ["a", "c"],
            "row 2: truth is \"c\" in holdout.jsonl, y_true 'b' in predictions.csv",
        ),
        (f"{LABELS}1.5,1\n", [1.6], "row 1: truth is 1.6 in holdout.jsonl, y_true '1.5'"),
        ("y_true\n1\n", [1], "predictions.csv has no column y_pred"),
        ("", [1], "predictions.csv has no column y_true"),
        (f"{LABELS}1,1\n1\n", [1, 1], "predictions.csv row 3 has 1 cells, its header 2"),
    ],
)
def test_files_that_are_not_of_the_same_rows_are_one_line(
    text: str, truths: list[Any], told: str
) -> None:
    with pytest.raises(StepFailedError) as caught:
        compare(text, truths, truths)

    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("3", "is not an object with input and truth"),
        ('{"input": {}}', "is not an object with input and truth"),
        ('{"input": 3, "truth": 1}', "is not an object with input and truth"),
        ('{"input": {"x": NaN}, "truth": 1}', "contains NaN, which is not valid JSON"),
        ('{"input": {}, "truth": -Infinity}', "contains -Infinity, which is not valid JSON"),
        (
            '{"input": {}, "truth": 1e999}',
            "truth is Infinity, which is neither a label nor a number",
        ),
        ('{"input": {}, "truth": null}', "truth is null, which is neither a label nor a number"),
        ('{"input": {}, "truth": " "}', 'truth is " ", which is neither a label nor a number'),
        ('{"input": {}, "truth": ["a"]}', 'truth is ["a"], which is neither a label nor a number'),
    ],
)
def test_held_out_rows_that_cannot_be_used_are_one_line(
    tmp_path: Path, line: str, told: str
) -> None:
    path = tmp_path / "holdout.jsonl"
    path.write_text(json.dumps({"input": {"x": None}, "truth": False}) + f"\n{line}\n")

    with pytest.raises(StepFailedError) as caught:
        read_held_out(path)

    assert "holdout.jsonl line 2" in str(caught.value)
    assert told in str(caught.value)
