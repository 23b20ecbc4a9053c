"""The order of training: split, choose on one side, predict the other."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sklearn.base import ClassifierMixin

from oncology_model.datamodel import Prediction
from oncology_training.candidates import list_candidates
from oncology_training.data import DataError, Example, to_matrix
from oncology_training.search import FOLDS, Choice, choose
from oncology_training.split import split


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """What came out of a training.

    Attributes:
        choice: the chosen and fitted estimator.
        rows: the examples that it learnt from.
        holdout: the examples that it has never seen.
        malignancies: its probability of malignancy, 0 to 1, for each held-out example.
    """

    choice: Choice
    rows: Sequence[Example]
    holdout: Sequence[Example]
    malignancies: Sequence[float]


def train(
    examples: Sequence[Example], candidates: Mapping[str, ClassifierMixin] | None = None
) -> Training:
    """Train on most of the examples and predict the held-out rest.

    Args:
        examples: rows in any number; the held-out ones are told by their own digest.
        candidates: unfitted estimators by name; those of the project by default.

    Raises:
        DataError: there are too few rows of one diagnosis to learn or to evaluate by.
    """
    rows, holdout = split(examples)
    _check_counts("training", rows, needed=FOLDS)
    _check_counts("held-out", holdout, needed=1)
    choice = choose(candidates or list_candidates(), rows)
    malignant = list(choice.estimator.classes_).index(Prediction.MALIGNANT)
    malignancies = choice.estimator.predict_proba(to_matrix(holdout))[:, malignant].tolist()
    return Training(choice=choice, rows=rows, holdout=holdout, malignancies=malignancies)


def _check_counts(side: str, examples: Sequence[Example], *, needed: int) -> None:
    counts = Counter(example.diagnosis for example in examples)
    for diagnosis in Prediction:
        if counts[diagnosis] < needed:
            message = f"{counts[diagnosis]} {side} rows are {diagnosis}; at least {needed} needed"
            raise DataError(message)
