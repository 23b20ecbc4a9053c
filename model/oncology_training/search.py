"""The choice between candidates, by cross-validation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sklearn.base import ClassifierMixin, clone
from sklearn.model_selection import StratifiedKFold, cross_validate

from oncology_training.candidates import SEED
from oncology_training.data import Example, to_labels, to_matrix

FOLDS = 5
_SCORES = ("neg_log_loss", "accuracy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The winner of the search.

    Attributes:
        name: the name of the candidate that won.
        estimator: the winner, fitted on all rows of the search.
        losses: mean log loss over the folds, in nats per row, of every candidate.
        accuracy: mean accuracy of the winner over the folds; a little too good, as the winner
            was chosen on these folds, but from more rows than are held out.
    """

    name: str
    estimator: ClassifierMixin
    losses: Mapping[str, float]
    accuracy: float


def choose(candidates: Mapping[str, ClassifierMixin], examples: Sequence[Example]) -> Choice:
    """Choose the candidate with the least log loss; on a tie the first.

    Log loss rather than accuracy, because the classifier publishes probabilities.

    Args:
        candidates: unfitted estimators by name; they are copied, not fitted.
        examples: rows for training only, at least `FOLDS` of each diagnosis.
    """
    matrix, labels = to_matrix(examples), to_labels(examples)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=SEED)
    scores = {
        name: cross_validate(
            candidate, matrix, labels, cv=folds, scoring=_SCORES, error_score="raise"
        )
        for name, candidate in candidates.items()
    }
    losses = {name: -float(score["test_neg_log_loss"].mean()) for name, score in scores.items()}
    name = min(losses, key=losses.__getitem__)
    return Choice(
        name=name,
        estimator=clone(candidates[name]).fit(matrix, labels),
        losses=losses,
        accuracy=float(scores[name]["test_accuracy"].mean()),
    )
