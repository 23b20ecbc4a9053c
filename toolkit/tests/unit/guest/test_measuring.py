"""Metrics, intervals and comparisons, beside scikit-learn, closed forms and simulations."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.random import Generator, default_rng
from numpy.typing import NDArray
from sklearn import metrics

from trainwheel.guest import MEASURING
from trainwheel.guest.measuring import resampling
from trainwheel.guest.measuring.__main__ import main
from trainwheel.guest.measuring.describe import describe
from trainwheel.guest.measuring.metrics import metrics_of
from trainwheel.guest.measuring.predictions import Predictions
from trainwheel.guest.measuring.resampling import (
    Comparison,
    Measured,
    called,
    compare_models,
    measure,
    wilson,
)

SIMULATIONS = 1_000


def binary(generator: Generator, rows: int, skill: float = 1.0) -> Predictions:
    """Return predictions of a classifier with some ties among its scores."""
    truth = (generator.random(rows) < 0.4).astype(np.intp)
    raw = 1 / (1 + np.exp(-(skill * (2 * truth - 1) + generator.normal(0, 1, rows))))
    scores = np.round(raw, 2).clip(0.01, 0.99)
    predicted = (scores > 0.5).astype(np.intp)
    return Predictions(("no", "yes"), truth, predicted, np.c_[1 - scores, scores], 1)


def values(predictions: Predictions) -> dict[str, float]:
    columns = metrics_of(predictions)(np.ones((predictions.rows, 1)))
    return {name: float(column[0]) for name, column in columns.items()}


def agree(sample: Predictions, **expected: float) -> None:
    assert values(sample) == pytest.approx(expected, rel=1e-12)


def test_two_classes_are_measured_as_scikit_learn_does() -> None:
    sample = binary(default_rng(1), 500)
    assert sample.scores is not None
    truth, said, score = sample.truth, sample.predicted, sample.scores[:, 1]

    agree(
        sample,
        accuracy=metrics.accuracy_score(truth, said),
        balanced_accuracy=metrics.balanced_accuracy_score(truth, said),
        sensitivity=metrics.recall_score(truth, said),
        specificity=metrics.recall_score(truth, said, pos_label=0),
        precision=metrics.precision_score(truth, said), f1=metrics.f1_score(truth, said),
        roc_auc=metrics.roc_auc_score(truth, score), log_loss=metrics.log_loss(truth, score),
        average_precision=metrics.average_precision_score(truth, score),
        brier_score=metrics.brier_score_loss(truth, score),
    )  # fmt: skip


def test_several_classes_are_measured_as_scikit_learn_does() -> None:
    generator = default_rng(2)
    truth = generator.integers(3, size=400)
    scores = generator.dirichlet([1, 1, 1], size=400)
    scores[np.arange(400), truth] += 0.5
    scores /= scores.sum(axis=1, keepdims=True)
    said = scores.argmax(axis=1)

    agree(
        Predictions(("a", "b", "c"), truth, said, scores),
        accuracy=metrics.accuracy_score(truth, said),
        balanced_accuracy=metrics.balanced_accuracy_score(truth, said),
        f1_macro=metrics.f1_score(truth, said, average="macro"),
        precision_macro=metrics.precision_score(truth, said, average="macro"),
        recall_macro=metrics.recall_score(truth, said, average="macro"),
        roc_auc_ovr=metrics.roc_auc_score(truth, scores, multi_class="ovr"),
        log_loss=metrics.log_loss(truth, scores),
    )


def test_numbers_are_measured_as_scikit_learn_does() -> None:
    generator = default_rng(3)
    truth = generator.normal(size=300)
    said = truth + generator.normal(0, 0.3, 300)

    agree(
        Predictions((), truth, said),
        r2=metrics.r2_score(truth, said),
        mean_absolute_error=metrics.mean_absolute_error(truth, said),
        mean_squared_error=metrics.mean_squared_error(truth, said),
        root_mean_squared_error=metrics.root_mean_squared_error(truth, said),
    )


@pytest.mark.parametrize("kind", ["binary", "several", "numbers"])
def test_a_weight_counts_as_that_many_rows_in_each_of_many_resamples(kind: str) -> None:
    generator = default_rng(4)
    sample = binary(generator, 60)
    if kind == "several":
        scores = generator.dirichlet([1, 1, 1], size=60).round(1)
        sample = Predictions(tuple("abc"), generator.integers(3, size=60), scores.argmax(1), scores)
    elif kind == "numbers":
        sample = Predictions((), generator.normal(size=60), generator.normal(size=60))
    weights = default_rng(5).integers(0, 4, (60, 7))

    weighted = metrics_of(sample)(weights.astype(float))

    for resample in range(7):
        repeated = sample.take(np.repeat(np.arange(60), weights[:, resample]))
        column = {name: float(each[resample]) for name, each in weighted.items()}
        assert column == pytest.approx(values(repeated), rel=1e-12)


def test_resamples_are_the_same_however_many_are_drawn_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sample = binary(default_rng(4), 90)
    whole = measure(sample)
    monkeypatch.setattr(resampling, "_CELLS", 700)

    for name, metric in measure(sample).items():
        expected = [whole[name].value, whole[name].low, whole[name].high]
        assert [metric.value, metric.low, metric.high] == pytest.approx(expected, rel=1e-12)


def test_an_interval_of_a_share_is_close_to_the_closed_form() -> None:
    sample = binary(default_rng(6), 2_000)
    accuracy = measure(sample)["accuracy"]
    spread = 1.959964 * math.sqrt(accuracy.value * (1 - accuracy.value) / 2_000)

    assert (accuracy.low, accuracy.high) == pytest.approx(
        (accuracy.value - spread, accuracy.value + spread), abs=0.002
    )


def test_where_all_rows_hit_the_interval_is_wilsons() -> None:
    truth = np.array([0, 1] * 20)
    sample = Predictions(("a", "b"), truth, truth.copy(), None, 1)

    found = measure(sample)["accuracy"]

    assert (found.low, found.high) == wilson(40, 40)
    assert found.low == pytest.approx(0.9124, abs=5e-5)


def test_the_same_rows_give_the_same_numbers() -> None:
    sample = binary(default_rng(7), 200)

    assert measure(sample) == measure(sample)


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Have one metric drawn, and that less often, for a simulation of many tests."""

    def restrict(name: str) -> None:
        monkeypatch.setattr(resampling, "_ROUNDS", 600)
        monkeypatch.setattr(
            resampling,
            "metrics_of",
            lambda sample: lambda weights: {name: metrics_of(sample)(weights)[name]},
        )

    return restrict


@pytest.mark.slow
@pytest.mark.parametrize(
    # ROC takes as long as the others together, by the same percentiles.
    "name", ["accuracy", pytest.param("roc_auc", marks=pytest.mark.bench), "log_loss",
             "mean_absolute_error"],
)  # fmt: skip
def test_an_interval_of_95_per_cent_covers_the_truth_that_often(
    name: str, only: Callable[[str], None]
) -> None:
    only(name)
    generator = default_rng(8)

    def draw(rows: int) -> Predictions:
        if name == "mean_absolute_error":
            truth = generator.normal(size=rows)
            return Predictions((), truth, truth + generator.normal(size=rows))
        return binary(generator, rows)

    true = values(draw(2_000_000))[name]
    hits = 0
    for number in range(SIMULATIONS):
        sample = draw(300)
        found = measure(sample, number)[name]
        assert found.low is not None
        assert found.high is not None
        hits += found.low <= true <= found.high

    assert 0.93 <= hits / SIMULATIONS <= 0.97


def pair(generator: Generator, rows: int, drop: float) -> tuple[Predictions, Predictions]:
    """Return a model that is right on 90 % of the rows less ``drop``, and one on 90 %."""
    truth = generator.integers(2, size=rows)
    # Both stumble over the hard rows, and each over some of its own.
    hard = generator.random(rows) < 0.05
    old_wrong = hard | (generator.random(rows) < 0.05 / 0.95)
    new_wrong = hard | (generator.random(rows) < (0.05 + drop) / 0.95)
    labels = ("no", "yes")
    new, old = (np.where(wrong, 1 - truth, truth) for wrong in (new_wrong, old_wrong))
    return Predictions(labels, truth, new, None, 1), Predictions(labels, truth, old, None, 1)


def test_the_bound_of_a_difference_is_close_to_the_closed_form() -> None:
    new, old = pair(default_rng(9), 1_000, 0.02)
    found = compare_models(new, old)["accuracy"]
    won = int(((new.predicted == new.truth) & (old.predicted != old.truth)).sum())
    lost = int(((new.predicted != new.truth) & (old.predicted == old.truth)).sum())
    # McNemar's counts: the variance of a difference of paired shares.
    error = math.sqrt(won + lost - (won - lost) ** 2 / 1_000) / 1_000

    assert found.new - found.old == pytest.approx((won - lost) / 1_000)
    assert found.lowest == pytest.approx((won - lost) / 1_000 - 1.644854 * error, abs=0.0015)
    assert found.visible == pytest.approx((1.644854 + 0.841621) * error, rel=0.06)


@pytest.mark.slow
@pytest.mark.parametrize(("drop", "least", "most"), [
    # A true drop beyond the margin of 0.04 must hardly ever pass, none must mostly pass.
    (0.045, 0.0, 0.05), (0.0, 0.7, 1.0),
])  # fmt: skip
def test_a_drop_beyond_the_margin_passes_in_at_most_one_of_twenty_runs(
    drop: float, least: float, most: float, only: Callable[[str], None]
) -> None:
    only("accuracy")
    generator = default_rng(10)

    passed = sum(
        compare_models(*pair(generator, 400, drop), seed)["accuracy"].lowest >= -0.04
        for seed in range(SIMULATIONS // 2)
    )

    assert least <= passed / (SIMULATIONS // 2) <= most


def test_of_many_rows_a_part_gives_the_interval_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    sample = binary(default_rng(11), 4_000)
    whole = measure(sample)
    monkeypatch.setattr(resampling, "LIMIT", 1_000)

    parted = measure(sample)

    for name, found in whole.items():
        told = parted[name]
        assert told.value == found.value
        assert None not in {told.low, told.high, found.low, found.high}
        width, expected = told.high - told.low, found.high - found.low  # type: ignore[operator]
        assert width == pytest.approx(expected, rel=0.25), name


def test_metrics_are_told_under_the_names_that_they_are_called_by() -> None:
    found = measure(binary(default_rng(12), 100))

    told = called(found, ["recall", "neg_log_loss", "cost"])

    assert set(told) == {"recall", "neg_log_loss"}
    assert told["recall"] == found["sensitivity"]
    assert told["neg_log_loss"].value == -found["log_loss"].value


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


HEADER = "y_true,y_pred\n"
Claims = dict[str, float]


def request_of(path: Path, claims: Claims, positive: str | None = None) -> dict[str, Any]:
    names = list(claims)
    return {"predictions": str(path), "names": names, "claims": claims, "positive": positive}


def whole_answer_to(tmp_path: Path, request: dict[str, Any]) -> dict[str, Any]:
    main(str(write(tmp_path / "r", json.dumps(request))), str(tmp_path / "answer"))
    answer: dict[str, Any] = json.loads((tmp_path / "answer").read_bytes())
    return answer


def answer_to(tmp_path: Path, request: dict[str, Any]) -> dict[str, Any]:
    predictions: dict[str, Any] = whole_answer_to(tmp_path, request)["predictions"]
    return predictions


def lines(path: Path, values: list[Any]) -> str:
    return str(write(path, "".join(json.dumps(value) + "\n" for value in values)))


def test_the_answers_of_what_ships_are_measured_and_the_scores_of_training_fill_in(
    tmp_path: Path,
) -> None:
    truths = ["no", "yes"] * 10
    scored = [{"label": truth, "probability": 0.2 + 0.6 * (truth == "yes")} for truth in truths]
    trained = "y_true,y_pred,score_yes\n" + "no,yes,0.6\nyes,no,0.4\n" * 10
    request = {
        "names": ["accuracy"], "positive": None,
        "holdout": lines(tmp_path / "holdout.jsonl", [{"input": {}, "truth": t} for t in truths]),
        "predictions": str(write(tmp_path / "p.csv", trained)),
        "answers": lines(tmp_path / "new.jsonl", truths),
    }  # fmt: skip
    told = [
        answer_to(tmp_path, request),
        answer_to(tmp_path, request | {"answers": lines(tmp_path / "scored.jsonl", scored)}),
        answer_to(tmp_path, {k: v for k, v in request.items() if k not in {"holdout", "answers"}}),
    ]
    sources = [(each["source"], each["scores_source"]) for each in told]
    values = [
        tuple(each["measured"][name]["value"] for name in ("accuracy", "roc_auc")) for each in told
    ]

    assert sources == [("entry point", "training"), ("entry point",) * 2, ("training",) * 2]
    assert values == [(1, 0), (1, 1), (0, 0)]
    assert "roc_auc" in told[0]["of_training_scores"]
    assert "accuracy" not in told[0]["of_training_scores"]
    assert "of_training_scores" not in told[1]


@pytest.mark.parametrize(("old", "comparison"), [
    (["no", "yes"] * 10, {"rows": 20, "new": 1.0, "old": 1.0}),
    (["maybe"] * 20, "maybe"), (["no"], "1 answers to 20 held-out rows"), ([{}] * 20, "answers"),
])  # fmt: skip
def test_a_model_that_cannot_be_compared_is_a_problem_and_the_rest_is_measured(
    tmp_path: Path, old: list[Any], comparison: Any
) -> None:
    truths = ["no", "yes"] * 10
    answer = whole_answer_to(tmp_path, {
        "names": ["accuracy"], "positive": None,
        "holdout": lines(tmp_path / "holdout.jsonl", [{"input": {}, "truth": t} for t in truths]),
        "answers": lines(tmp_path / "new.jsonl", truths), "old": lines(tmp_path / "old", old),
    })  # fmt: skip

    assert answer["predictions"]["measured"]["accuracy"]["value"] == 1
    told = answer["comparison"]
    if isinstance(comparison, str):
        assert comparison in told["problem"]
    else:
        accuracy = told["metrics"]["accuracy"]
        assert {"rows": told["rows"]} | {k: accuracy[k] for k in ("new", "old")} == comparison


TWO = "y_true,y_pred\n" + "no,no\nno,no\nno,no\nyes,no\nyes,yes\n" * 20


@pytest.mark.parametrize(("text", "claims", "positive"), [
    (TWO, {"accuracy": 0.8, "recall": 0.5, "unknown": 7}, None),
    (TWO, {"accuracy_score": 0.81, "specificity": 1}, None),
    (TWO, {"recall": 1, "precision": 0.75}, "no"),
    (TWO.replace("yes,no", "yes,yes"), {"accuracy": 1}, None),
    ("y_true,y_pred,score_b\n" + "a,a,0.333333\nb,b,0.666667\n" * 9, {"log_loss": 0.41}, None),
    ("y_true,y_pred\n" + "1.5,2.5\n" * 9, {"mae": 1, "neg_mse": -1.0}, None),
])  # fmt: skip
def test_what_training_says_lies_in_its_interval(
    tmp_path: Path, text: str, claims: Claims, positive: str | None
) -> None:
    told = answer_to(tmp_path, request_of(write(tmp_path / "p.csv", text), claims, positive))

    assert told["rows"] == text.count("\n") - 1


@pytest.mark.parametrize(("text", "claims", "reason"), [
    (TWO, {"accuracy": 0.4}, "metrics.json says accuracy 0.4, but predictions.csv gives 0.8 ("),
    (TWO, {"neg_brier": 0.5, "f1": 0.1}, "metrics.json says f1 0.1, but predictions.csv gives"),
    (TWO, {"recall": 1.0}, "): it is that of the class 'no', which positive does not name"),
    (TWO, {"accuracy": 80.1}, "): it is given in per cent, and shares run from 0 to 1"),
    (TWO.replace("no,", "nein,").replace("yes,", "ja,"), {"accuracy": 0.8},
     "): y_true has 'ja', 'nein' and y_pred 'no', 'yes', which have no label in common"),
    (HEADER + "1,2\n2,3\n3,2\n4,4\n" * 20, {"accuracy": 0.895},
     "): whole numbers are read as classes, and an answer that is near is wrong"),
    (HEADER + "1.5,2.5\n2,2\n" * 20, {"mae": 0.9}, "says mae 0.9, but predictions.csv"),
])  # fmt: skip
def test_what_training_says_outside_its_interval_is_one_line_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, claims: Claims, reason: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        answer_to(tmp_path, request_of(write(tmp_path / "p.csv", text), claims))

    line = capsys.readouterr().err
    assert caught.value.code == 2
    assert line.count("\n") == 1
    assert reason in line


def test_a_value_outside_its_own_interval_is_a_fault_of_ours() -> None:
    with pytest.raises(
        ValueError, match=r"^0\.895 lies outside its own interval, 0\.09 to 0\.185$"
    ):
        Measured(0.895, 0.09, 0.185)
    with pytest.raises(ValueError, match="outside its own interval"):
        Comparison(0.9, 0.8, 0.2, 0.3, 0.1)


def test_a_fault_of_ours_ends_the_run_by_one_line(tmp_path: Path) -> None:
    package = shutil.copytree(MEASURING, tmp_path / "measuring")
    source = (package / "resampling.py").read_text()
    planted = source.replace("(value, float(low), float(high))", "(value, 0.09, 0.185)")
    write(package / "resampling.py", planted)
    path = write(tmp_path / "p.csv", TWO)
    request = write(tmp_path / "r", json.dumps(request_of(path, {})))

    ended = subprocess.run(
        [sys.executable, "-P", "-m", "measuring", request, tmp_path / "answer"],
        env={"PYTHONPATH": str(tmp_path)}, check=False, capture_output=True, text=True,
    )  # fmt: skip

    assert planted != source
    assert ended.returncode == 1
    assert ended.stderr == (
        "a fault of trainwheel, please report it: 0.75 lies outside its own interval, "
        "0.09 to 0.185\n"
    )
    assert not (tmp_path / "answer").exists()


@pytest.mark.parametrize("per_class", [1, 3])
def test_of_many_small_classes_each_metric_lies_in_its_interval(per_class: int) -> None:
    generator = default_rng(14)
    labels = tuple(map(str, range(80)))
    truth = np.repeat(np.arange(80), per_class)
    said = [np.where(generator.random(len(truth)) < 0.7, truth, (truth + 1) % 80) for _ in "ab"]
    new, old = (Predictions(labels, truth, side) for side in said)

    measured, compared = measure(new), compare_models(new, old)

    assert measured["f1_macro"].low is not None
    assert set(compared) == set(measured)


def test_classes_without_rows_count_as_scikit_learn_counts_them() -> None:
    truth, said = np.array([0, 0, 1, 1]), np.array([0, 2, 1, 1])
    options: dict[str, Any] = {"average": "macro", "zero_division": 0.0}

    found = values(Predictions(("a", "b", "c", "d"), truth, said))

    assert found["precision_macro"] == metrics.precision_score(truth, said, **options)
    assert found["recall_macro"] == metrics.recall_score(truth, said, **options)
    assert found["f1_macro"] == metrics.f1_score(truth, said, **options)


def test_classes_that_are_alone_or_never_predicted_are_noted_and_have_no_curve() -> None:
    zeros, labels = np.zeros(4, np.intp), ("a", "b")
    scores = np.array([[0.9, 0.1]] * 4)

    never = describe(Predictions(labels, np.array([0, 0, 1, 1]), zeros, None, 1), [])
    alone = describe(Predictions(("a",), zeros, zeros), [])
    scored = describe(Predictions(labels, zeros, zeros, scores, 1), [])

    assert never["notes"] == ["'b' is never predicted"]
    assert "precision" not in never["measured"]
    assert alone["notes"] == ["every held-out row is 'a': nothing is known of the other classes"]
    assert "roc_auc" not in scored["measured"]
    assert scored["measured"]["accuracy"]["value"] == 1
    json.dumps([never, alone, scored], allow_nan=False)


def test_the_worst_mistakes_are_those_that_were_surest() -> None:
    truth, said = np.array([0, 0, 1]), np.array([1, 1, 1])
    scores = np.array([[0.4, 0.6], [0.1, 0.9], [0.2, 0.8]])

    told = describe(Predictions(("a", "b"), truth, said, scores, 1), [])

    assert told["worst"] == [
        {"row": 2, "truth": "a", "predicted": "b", "score": 0.9},
        {"row": 1, "truth": "a", "predicted": "b", "score": 0.6},
    ]


def test_answers_without_a_prediction_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = write(tmp_path / "holdout.jsonl", '{"input": {}, "truth": 1}\n')
    answers = str(write(tmp_path / "a.jsonl", '{"x": 1}\n'))
    sides = {"holdout": str(rows), "answers": answers}
    request: dict[str, Any] = {**sides, "names": [], "positive": None}

    with pytest.raises(SystemExit) as caught:
        main(str(write(tmp_path / "r", json.dumps(request))), str(tmp_path / "answer"))

    assert caught.value.code == 2
    told = capsys.readouterr().err
    assert told == "the model's answers hold no prediction, label, class or value\n"


@pytest.mark.bench
def test_ten_million_predictions_are_measured(tmp_path: Path) -> None:
    rows = 10_000_000
    generator = default_rng(13)
    path = tmp_path / "p.csv"
    with path.open("w") as stream:
        stream.write("y_true,y_pred,score_yes\n")
        for _ in range(100):
            scores: NDArray[np.float64] = generator.random(rows // 100)
            truth = generator.random(rows // 100) < scores
            stream.writelines(
                f"{'yes' if t else 'no'},{'yes' if s > 0.5 else 'no'},{s:.4f}\n"
                for t, s in zip(truth.tolist(), scores.tolist(), strict=True)
            )

    with warnings.catch_warnings():
        told = answer_to(tmp_path, request_of(path, {}))

    assert told["rows"] == rows
    assert told["measured"]["accuracy"]["value"] == pytest.approx(0.75, abs=0.001)
