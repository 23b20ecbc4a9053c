"""The protocol chooses without looking at the held-out rows, and measures on them alone."""

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from oncology_model import MEASUREMENTS, Prediction
from oncology_training.candidates import list_candidates
from oncology_training.data import DataError, Example, to_labels, to_matrix
from oncology_training.golden import draw_golden
from oncology_training.metrics import find_wilson_interval, measure
from oncology_training.protocol import Training, train
from oncology_training.search import Choice, choose
from oncology_training.split import split

SEEN: list[tuple[float, ...]] = []


class RecordingClassifier(ClassifierMixin, BaseEstimator):
    """Keeps every row that it is fitted to or asked about; knows nothing."""

    def fit(self, matrix: Any, labels: Any) -> Self:  # noqa: ANN401 - as scikit-learn calls it
        SEEN.extend(map(tuple, matrix.tolist()))
        self.classes_ = np.unique(labels)
        return self

    def predict_proba(self, matrix: Any) -> Any:  # noqa: ANN401 - as scikit-learn calls it
        return np.full((len(matrix), 2), 0.5)

    def predict(self, matrix: Any) -> Any:  # noqa: ANN401 - as scikit-learn calls it
        return self.classes_[[0] * len(matrix)]


def make_training(
    holdout: Sequence[Example], malignancies: Sequence[float], rows: Sequence[Example]
) -> Training:
    choice = Choice(name="fixed", estimator=None, losses={"fixed": 0.5}, accuracy=0.75)
    return Training(choice=choice, rows=rows, holdout=holdout, malignancies=malignancies)


def test_no_candidate_is_fitted_to_a_held_out_row(
    make_examples: Callable[[int], list[Example]],
) -> None:
    SEEN.clear()
    examples = make_examples(100)
    train(examples, {"recording": RecordingClassifier()})
    rows, _ = split(examples)
    assert set(SEEN) == {example.tumor.values() for example in rows}


def test_the_candidate_with_the_least_loss_wins_and_is_fitted_to_all_rows(
    make_examples: Callable[[int], list[Example]],
) -> None:
    rows = make_examples(60)
    candidates = {"dummy": DummyClassifier(), "logistic": LogisticRegression(max_iter=1000)}
    choice = choose(candidates, rows)
    refitted = LogisticRegression(max_iter=1000).fit(to_matrix(rows), to_labels(rows))
    assert choice.name == "logistic"
    assert choice.losses["logistic"] < choice.losses["dummy"]
    np.testing.assert_array_equal(choice.estimator.coef_, refitted.coef_)


def test_the_first_of_two_equal_candidates_wins(
    make_examples: Callable[[int], list[Example]],
) -> None:
    choice = choose({"b": DummyClassifier(), "a": DummyClassifier()}, make_examples(60))
    assert choice.name == "b"


def test_candidates_hold_a_scaled_regression_and_a_forest() -> None:
    kinds = {name.split("_")[0]: candidate for name, candidate in list_candidates().items()}
    assert set(kinds) == {"logistic", "forest"}
    assert isinstance(kinds["logistic"][0], StandardScaler)


@pytest.mark.parametrize("name", list_candidates())
def test_candidates_are_seeded_and_keep_no_number_of_jobs(name: str) -> None:
    parameters = list_candidates()[name].get_params(deep=True)
    jobs = {key: value for key, value in parameters.items() if key.endswith("n_jobs")}
    seeds = [value for key, value in parameters.items() if key.endswith("random_state")]
    assert set(jobs.values()) <= {None}
    assert seeds
    assert None not in seeds


@pytest.mark.parametrize(
    ("diagnosis", "message"),
    [
        (Prediction.BENIGN, r"^0 training rows are malignant; at least 5 needed$"),
        (Prediction.MALIGNANT, r"^0 training rows are benign; at least 5 needed$"),
    ],
)
def test_data_of_one_diagnosis_is_refused(
    make_examples: Callable[[int], list[Example]], diagnosis: Prediction, message: str
) -> None:
    examples = [Example(example.tumor, diagnosis) for example in make_examples(60)]
    with pytest.raises(DataError, match=message):
        train(examples)


def test_data_without_held_out_rows_is_refused(
    make_examples: Callable[[int], list[Example]],
) -> None:
    rows, _ = split(make_examples(60))
    with pytest.raises(DataError, match=r"^0 held-out rows are benign; at least 1 needed$"):
        train(rows)


def test_metrics_are_those_of_the_held_out_rows(
    make_examples: Callable[[int], list[Example]],
) -> None:
    holdout = make_examples(4)  # two benign, then two malignant
    metrics = measure(make_training(holdout, [0.1, 0.7, 0.6, 0.9], rows=make_examples(10)))
    expected = {
        "accuracy": 0.75,
        "balanced_accuracy": 0.75,
        "sensitivity": 1.0,
        "specificity": 0.5,
        "precision": 2 / 3,
        "roc_auc": 0.75,
        "brier_score": (0.01 + 0.49 + 0.16 + 0.01) / 4,
        "log_loss": -np.log([0.9, 0.3, 0.6, 0.9]).mean(),
        "train_rows": 10,
        "train_malignant_rows": 5,
        "train_malignant_share": 0.5,
        "holdout_rows": 4,
        "holdout_malignant_rows": 2,
        "holdout_malignant_share": 0.5,
        "cv_accuracy": 0.75,
        "cv_log_loss_fixed": 0.5,
    }
    assert {name: metrics[name] for name in expected} == pytest.approx(expected)
    assert set(metrics) - set(expected) == {"accuracy_low", "accuracy_high"}


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [
        # By hand from the closed form; 81 of 263 is the worked example of Newcombe (1998).
        (81, 263, 0.2553, 0.3662),
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
    ],
)
def test_the_interval_of_a_rate(successes: int, trials: int, low: float, high: float) -> None:
    assert find_wilson_interval(successes, trials) == pytest.approx((low, high), abs=5e-5)


@pytest.fixture(scope="module")
def golden(make_examples: Callable[[int], list[Example]]) -> list[dict[str, float]]:
    return draw_golden(make_examples(50))


def test_golden_inputs_are_the_same_again(
    make_examples: Callable[[int], list[Example]], golden: list[dict[str, float]]
) -> None:
    assert draw_golden(make_examples(50)) == golden


def test_golden_inputs_are_no_rows_of_the_data_and_within_its_range(
    make_examples: Callable[[int], list[Example]], golden: list[dict[str, float]]
) -> None:
    matrix = to_matrix(make_examples(50))
    rows = np.array([list(row.values()) for row in golden])
    assert rows.shape == (24, 30)
    assert ((rows > matrix.min(axis=0)) & (rows < matrix.max(axis=0))).all()
    assert np.isclose(rows[:, None], matrix[None], rtol=1e-3).all(axis=2).sum() == 0


def test_golden_inputs_carry_the_names_and_nothing_else(golden: list[dict[str, float]]) -> None:
    assert {tuple(row) for row in golden} == {MEASUREMENTS}
