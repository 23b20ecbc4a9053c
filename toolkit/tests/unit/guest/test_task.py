"""What the task of a model is: stated, told by its rows and said aloud, or refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainwheel.guest.measuring.columns import read_answers, read_predictions, read_truths
from trainwheel.guest.measuring.labels import UnreadableError
from trainwheel.guest.measuring.predictions import Predictions
from trainwheel.guest.measuring.task import Task, interpret

HEADER, SCORED = "y_true,y_pred\n", "y_true,y_pred,score_a\n"
NUMBER, MISSING = "which is not a finite number", "which stands for a missing value"
FEW = HEADER + "0,1\n1,1\n2,2\n" * 5
CODES = HEADER + "".join(f"{code},{(code + 1) % 30}\n" for code in range(30))
COUNTS = HEADER + "1,2\n2,9\n3,3\n"


def from_csv(folder: Path, text: str, **stated: Any) -> Predictions:
    (folder / "p.csv").write_text(text)
    return interpret(read_predictions(folder / "p.csv"), Task(**stated))


def from_json(folder: Path, truths: list[Any], answers: list[Any], **stated: Any) -> Predictions:
    for name, values in (("h", [{"truth": truth} for truth in truths]), ("a", answers)):
        (folder / name).write_text("".join(json.dumps(value) + "\n" for value in values))
    return interpret(
        read_answers(read_truths(folder / "h"), folder / "a", "the entry point"), Task(**stated)
    )


@pytest.mark.parametrize(("text", "reason"), [
    ("", "p.csv has no column y_true"), ("y_true\n1\n", "p.csv has no column y_pred"),
    ("y_true,y_pred,y_pred\n1,1,1\n", "p.csv has more than one column y_pred"),
    ("y_true,y_pred,score_a,score_a\na,a,1,1\n", "p.csv has more than one column score_a"),
    (HEADER, "p.csv has no rows"), (f"{HEADER}1,1\n1\n", "p.csv row 3 has 1 cells, its header 2"),
    (f"{HEADER}1,1,1\n", "p.csv row 2 has 3 cells, its header 2"),
    (f"{SCORED}a,a,0.5\na,a,high\n", f"p.csv row 3: score_a is 'high', {NUMBER}"),
    (f"{SCORED}a,a,\n", "p.csv row 2: score_a is empty"),
    (f"{SCORED}a,a,-inf\n", f"p.csv row 2: score_a is '-inf', {NUMBER}"),
    (f"{SCORED}1,1,0.9\n1,-Infinity,1\n", f"p.csv row 3: y_pred is '-Infinity', {NUMBER}"),
    (f"{HEADER}1.5,nan\n", f"p.csv row 2: y_pred is 'nan', {NUMBER}"),
    (f"{HEADER}1.5,1e999\n", f"p.csv row 2: y_pred is '1e999', {NUMBER}"),
    (f"{HEADER}a,a\nNaN,a\n", f"p.csv row 3: y_true is 'NaN', {NUMBER}"),
    # The index trap of pandas: what is aligned by other rows has gaps.
    (f"{HEADER}a,a\n,a\n", "p.csv row 3: y_true is empty"),
    (f"{HEADER}1,1\n,1\n", "p.csv row 3: y_true is empty"),
    (f"{HEADER}1.5,1.5\n1,\n", "p.csv row 3: y_pred is empty"),
    (f"{HEADER} \t,a\n", "p.csv row 2: y_true is empty"),
    (f"{SCORED},a,0.5\n", "p.csv row 2: y_true is empty"),
    (f"{HEADER}a,a\nNone,a\n", f"p.csv row 3: y_true is 'None', {MISSING}: omit"),
    (f"{HEADER}2,4\n?,4\n", f"p.csv row 3: y_true is '?', {MISSING}"),
    (HEADER + "".join(f"{n / 7},1.5\n" for n in range(2_001)) + ",1\n",
     "p.csv row 2003: y_true is empty"),
    (HEADER + "".join(f"{n / 7},1.5\n" for n in range(60_000)) + "x,1\n",
     f"p.csv row 60002: y_true is 'x', {NUMBER}"),
    (HEADER + "".join(f"t{n},a\n" for n in range(3_000)), "y_true has more than 1000 classes"),
    (HEADER + "".join(f"t{n},a\n" for n in range(1_500)), "p.csv has 1501 classes, more than"),
])  # fmt: skip
def test_predictions_that_cannot_be_read_are_one_line(
    tmp_path: Path, text: str, reason: str
) -> None:
    with pytest.raises(UnreadableError) as caught:
        from_csv(tmp_path, text)

    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_in_another_encoding_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_bytes(HEADER.encode() + "süß,a\n".encode("latin-1"))

    with pytest.raises(UnreadableError, match=r"^p\.csv is not UTF-8$"):
        read_predictions(tmp_path / "p.csv")


@pytest.mark.parametrize(("text", "names", "kind", "told"), [
    (f"{HEADER}yes,no\nno,no\n", "r2", "binary", "the labels"),
    (f"{HEADER}True,True\nFalse,True\n", "", "binary", "the labels"),
    (f"{HEADER}007,007\n7,7\n", "", "binary", "the labels"),
    (f"{HEADER}1,1\n2,x\n", "", "multiclass", "the labels"),
    ("y_true,y_pred,score_1,score_0\n1,1,0.9,0.1\n0,0,0.2,0.8\n", "r2", "binary", "the scores"),
    (FEW, "r2 rows", "regression", "the metric r2"),
    (FEW, "neg_mean_absolute_error", "regression", "the metric mean_absolute_error"),
    (CODES, "accuracy rows", "multiclass", "the metric accuracy"),
    (COUNTS, "mae", "regression", "the metric mean_absolute_error"),
    (f"{HEADER}0.5,0.4\n1,1\n", "", "regression", "numbers that are not whole"),
    (f"{HEADER}1,1.2\n2,2\n", "mae accuracy", "regression", "numbers that are not whole"),
    (FEW, "mae accuracy", "multiclass", "its 3 whole numbers, of which each prediction is one"),
    (FEW, "", "multiclass", "its 3 whole numbers, of which each prediction is one"),
])  # fmt: skip
def test_a_task_that_is_not_stated_is_told_by_the_rows_and_said(
    tmp_path: Path, text: str, names: str, kind: str, told: str
) -> None:
    found = from_csv(tmp_path, text, names=names.split())

    assert found.kind == kind
    assert f"told by {told}; state it with task = " in found.notes[0]


QUESTION = ': state in [tool.trainwheel] what whole numbers are, task = "classification" or task'
BETWEEN = "between whole numbers that are classes: state the labels, or task"


@pytest.mark.parametrize(("text", "stated", "reason"), [
    (CODES, {}, f"p.csv: y_true has 30 different whole numbers{QUESTION}"),
    (HEADER + "".join(f"{n},{n}\n" for n in range(3_000)), {},
     f"p.csv: y_true has 3000 different whole numbers{QUESTION}"),
    (COUNTS, {}, f"p.csv row 3: y_pred is '9', which no truth is{QUESTION}"),
    (COUNTS, {"names": ["r2", "accuracy"]}, "y_pred is '9', which no truth is"),
    # A probability where a class should stand.
    (f"{HEADER}0,0\n1,0.7\n", {"names": ["accuracy"]}, f"p.csv row 3: y_pred is '0.7', {BETWEEN}"),
    (f"{HEADER}0,0\n1,0.7\n", {"task": "classification"}, f"row 3: y_pred is '0.7', {BETWEEN}"),
    (f"{SCORED}1.5,1,1\n", {}, f"p.csv row 2: y_true is '1.5', {BETWEEN}"),
    (f"{HEADER}1.5,2\n2.5,x\n", {}, f"p.csv row 2: y_true is '1.5', {BETWEEN}"),
    (f"{HEADER}1.5,1.5\nx,1.5\n", {}, f"p.csv row 2: y_true is '1.5', {BETWEEN}"),
    (f"{HEADER}1,1\n2,x\n", {"task": "regression"}, f"p.csv row 3: y_pred is 'x', {NUMBER}"),
    (f"{HEADER}1,1\n0,no\n", {"labels": ("0", "1")},
     "p.csv row 3: y_pred is 'no', which is not among the labels '0', '1'"),
    (f"{HEADER}1,1\n2,1\n", {"labels": ("0", "1")}, "p.csv row 3: y_true is '2', which is not amo"),
    (f"{SCORED}b,b,1\n", {"labels": ("b", "c")}, "there are scores of 'a', which is not among"),
    ("y_true,y_pred,score_1,score_1.0\n1,0,1,1\n", {}, "scores of '1.0' twice, in two spellings"),
    (f"{HEADER}yes,no\nno,no\n", {"positive": "ill"},
     "no row of p.csv is of the class 'ill', which positive names: correct it, or state the"),
    (f"{HEADER}0,no\n1,yes\n", {}, "p.csv row 2: y_pred is 'no', a text, and the truth is a numb"),
    (HEADER + "".join(f"{n},{n}\n" for n in range(3_000)), {"task": "classification"},
     "p.csv has more than 1000 classes"),
    (f"{HEADER}3,4\n", {"task": "classification", "names": ("r2", "cost")}, "the metric r2 is"),
])  # fmt: skip
def test_what_does_not_fit_the_task_is_refused_with_row_and_column(
    tmp_path: Path, text: str, stated: dict[str, Any], reason: str
) -> None:
    with pytest.raises(UnreadableError) as caught:
        from_csv(tmp_path, text, **stated)

    assert reason in str(caught.value)


@pytest.mark.parametrize(("text", "stated", "classes"), [
    (f"{HEADER}0,1\n1,1\n10,2\n", {"task": "classification"}, ("0", "1", "2", "10")),
    (CODES, {"task": "classification"}, tuple(map(str, range(30)))),
    # One class in two spellings: pandas writes the numbers of a column with gaps as 2.0.
    (f"{HEADER}2.0,2\n1.0,x\n", {}, ("1", "2", "x")),
    (f"{HEADER}true,True\nfalse,FALSE\n", {}, ("False", "True")),
    (f"{HEADER}1,True\n0,False\n", {}, ("0", "1")), (f"{HEADER}1,True\n1,False\n", {}, ("0", "1")),
    (f"{HEADER}true,1\nfalse,0.0\n", {}, ("False", "True")),
    (f"{HEADER}1.1,1.10\n", {"task": "classification", "labels": ("1.1", "1.10")}, ("1.1", "1.10")),
    (f"{HEADER}007,7\n7,7\n", {}, ("007", "7")), (f"{HEADER}None,None\n", {"labels": ("None", "a")},
     ("None", "a")),
    (f"{HEADER}1000001,1000001\n1000002,1000002\n", {}, ("1000001", "1000002")),
    (f"{HEADER}9007199254740993,9007199254740992\n9007199254740992,9007199254740993\n", {},
     ("9007199254740992", "9007199254740993")),
    # In the order that is stated, whether they are seen or not.
    (f"{HEADER}yes,yes\nyes,no\n", {"labels": ("yes", "no")}, ("yes", "no")),
    (f"{HEADER}b,b\n", {"labels": ("b", "a")}, ("b", "a")),
    (f"{HEADER}b,a\n", {"labels": ("c", "b", "a")}, ("c", "b", "a")),
    (f"{HEADER}1.0,2\n", {"labels": ("2", "1")}, ("2", "1")),
    (FEW, {"task": "regression"}, ()), (CODES, {"task": "regression"}, ()),
])  # fmt: skip
def test_classes_have_one_spelling_and_their_order(
    tmp_path: Path, text: str, stated: dict[str, Any], classes: tuple[str, ...]
) -> None:
    assert from_csv(tmp_path, text, **stated).classes == classes


@pytest.mark.parametrize(("sides", "stated", "classes", "hits"), [
    ((["yes", "no"], ["yes", "no"]), {}, ("no", "yes"), 2),
    ((["yes", "no"], [{"label": "yes", "probabilities": {"yes": 0.9, "no": 0.1}}] * 2), {},
     ("no", "yes"), 1),
    # JSON tells texts from numbers, and one text from another.
    ((["007", "7"], ["7", "7"]), {}, ("007", "7"), 1),
    ((["2", "2.0"], ["2.0", "2.0"]), {}, ("2", "2.0"), 1),
    (([2, 1], ["2", "1"]), {}, ("1", "2"), 2), (([2.0, 1], [2, 1.0]), {}, ("1", "2"), 2),
    (([True, False], [1, 0]), {}, ("False", "True"), 2),
    (([1, 0], [True, False]), {}, ("0", "1"), 2),
    (([1, 1], [True, False]), {}, ("0", "1"), 1), ((["true", "false"], [True, False]), {},
     ("false", "true"), 2),
    (([True, False], [True, True]), {"labels": ("true", "false")}, ("true", "false"), 1),
    (([2, 1], [2.0, 1]), {"labels": ("2", "1", "0")}, ("2", "1", "0"), 2),
    (([1, 2], [1.5, 2]), {}, (), 1), (([3, 4], [3, 4]), {"task": "regression"}, (), 2),
])  # fmt: skip
def test_answers_of_a_model_are_understood(
    tmp_path: Path, sides: list[Any], stated: Any, classes: tuple[str, ...], hits: int
) -> None:
    found = from_json(tmp_path, *sides, **stated)

    assert found.classes == classes
    assert (found.truth == found.predicted).sum() == hits


@pytest.mark.parametrize(("truths", "answers", "stated", "reason"), [
    ([1, "b"], [1, 1], {}, 'h line 2: truth is "b", a text, and line 1 has a number: write one'),
    ([1, True], [1, 1], {}, "h line 2: truth is true, a boolean, and line 1 has a number"),
    ([1, None], [1, 1], {}, "h line 2: truth is null, which is neither a label nor a number"),
    (["a", " "], ["a", "a"], {}, "h line 2: truth is empty"),
    ([1.5, float("nan")], [1, 1], {}, f"h line 2: truth is NaN, {NUMBER}"),
    ([1, 2], [1, {"value": float("inf")}], {"task": "regression"},
     f"h line 2: the entry point's answer is Infinity, {NUMBER}"),
    (["a"], [{"label": None}], {}, "h line 1: the entry point's answer is null, which is neither"),
    ([1, 2], [1, "2"], {"task": "regression"}, f"entry point's answer is \"2\", {NUMBER}"),
    ([1, 2], [1, True], {"task": "regression"}, f"the entry point's answer is true, {NUMBER}"),
    ([1, 10**400], [1, 1], {"task": "regression"}, "which is not a finite number"),
    ([2, 1], ["2.0", "1.0"], {}, "h line 1: the entry point's answer is \"2.0\", a text, and the"),
    (["2.0", "1.0"], [2, 1], {}, "h line 1: the entry point's answer is 2, a number, and the trut"),
    (["7"], ["007"], {"labels": ("7", "8")}, "h line 1: the entry point's answer is \"007\", wh"),
    (["a", "b"], [{"label": "a", "probabilities": {"a": None}}] * 2, {},
     f"h line 1: the entry point's answer: the probability of 'a' is null, {NUMBER}"),
    (["a", "b"], ["a"], {}, "1 answers to 2 held-out rows"), ([], [], {}, "h has no rows"),
])  # fmt: skip
def test_answers_and_truths_that_do_not_fit_are_refused_with_the_line(
    tmp_path: Path, truths: list[Any], answers: list[Any], stated: dict[str, Any], reason: str
) -> None:
    with pytest.raises(UnreadableError) as caught:
        from_json(tmp_path, truths, answers, **stated)

    assert reason in str(caught.value)


POSITIVE = "the positive class is 'yes', the last of two; name it with positive = \"yes\""


@pytest.mark.parametrize(("text", "stated", "positive", "note"), [
    (f"{HEADER}yes,no\nno,no\n", {"task": "classification"}, 1, POSITIVE),
    (f"{HEADER}no,no\n", {"labels": ("no", "yes")}, 1, POSITIVE),
    (f"{HEADER}yes,no\nno,no\n", {"positive": "no"}, 0, ""),
    (f"{HEADER}2.0,1\n1,1\n", {"positive": "2.0"}, 1, ""),
    # No row is positive: said elsewhere, but no reason to refuse where labels are stated.
    (f"{HEADER}no,no\n", {"labels": ("yes", "no"), "positive": "yes"}, 0, ""),
    (f"{HEADER}a,b\nc,c\n", {"positive": "c"}, -1, "positive = 'c' is not used, for there are 3"),
    (f"{SCORED}a,b,1\nb,b,0\n", {"labels": ("a", "b", "c"), "positive": "a"}, -1,
     "scores are not measured: there are rows without one of 'b', 'c'"),
    (f"{SCORED}1,2,0.5\n", {"task": "regression"}, -1, "scores are not used: the task is regr"),
])  # fmt: skip
def test_the_positive_class_is_named_or_said(
    tmp_path: Path, text: str, stated: dict[str, Any], positive: int, note: str
) -> None:
    found = from_csv(tmp_path, text, **stated)

    assert found.positive == positive
    assert found.notes[-1].startswith(note) if note else found.notes == ()


@pytest.mark.parametrize(("text", "positive", "classes", "scores"), [
    ("y_true,y_pred,score_sick\nsick,sick,0.9\nwell,well,0.2\n", "sick", ("sick", "well"),
     [[0.9, pytest.approx(0.1)], [0.2, 0.8]]),
    ("y_true,y_pred,score_1,score_2\n2.0,2,0.1,0.9\n1.0,1,0.8,0.2\n", "2", ("1", "2"),
     [[0.1, 0.9], [0.8, 0.2]]),
])  # fmt: skip
def test_scores_stand_in_the_order_of_the_classes(
    tmp_path: Path, text: str, positive: str, classes: tuple[str, ...], scores: list[list[float]]
) -> None:
    sample = from_csv(tmp_path, text, positive=positive)

    assert sample.classes == classes
    assert sample.truth.tolist() == sample.predicted.tolist()
    assert sample.truth[0] == sample.positive
    assert sample.scores is not None
    assert sample.scores.tolist() == scores


@pytest.mark.parametrize("probability", [{"probability": 0.9}, {"probabilities": {"True": 0.9}}])
def test_the_probability_of_an_answer_is_that_of_the_positive_class(
    tmp_path: Path, probability: dict[str, Any]
) -> None:
    answers = [{"label": label, **probability} for label in (1, 0)]

    sample = from_json(tmp_path, [1, 0], answers)

    assert sample.scores is not None
    assert sample.scores[:, sample.positive].tolist() == [0.9, 0.9]


@given(
    pairs=st.lists(
        st.tuples(*[st.integers(-3, 40) | st.floats(-2, 2).map(lambda x: round(x, 1))] * 2),
        min_size=1,
    )
)
def test_numbers_are_never_classes_unless_each_prediction_is_a_whole_truth(
    tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[float, float]]
) -> None:
    folder = tmp_path_factory.mktemp("numbers")
    true, said = map(list, zip(*pairs, strict=True))
    is_whole = all(value == int(value) for value in (*true, *said))
    few = len({*true}) <= 20 and {*said} <= {*true}
    try:
        found = from_json(folder, true, said)
    except UnreadableError:
        assert is_whole
        assert not few
    else:
        assert bool(found.classes) == (is_whole and few)
