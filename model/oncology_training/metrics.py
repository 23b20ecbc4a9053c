"""How good the model is on the held-out rows, as plain numbers by name."""

import math
from collections.abc import Sequence

import numpy as np
from sklearn.metrics import (
    balanced_accuracy_score,
    brier_score_loss,
    log_loss,
    precision_score,
    recall_score,
    roc_auc_score,
)

from oncology_model.datamodel import Prediction
from oncology_training.data import Example, to_labels
from oncology_training.protocol import Training

_NORMAL_97_5 = 1.959964  # the 97.5 % quantile of the standard normal distribution


def measure(training: Training) -> dict[str, float]:
    """Measure a training: the held-out quality, the class balance, the search.

    Returns:
        Numbers by name. Sensitivity and precision are those of malignancy, specificity that
        of benignity; ``accuracy_low`` and ``accuracy_high`` bound a 95 % interval; losses
        are in nats per row; shares and rates run from 0 to 1.
    """
    return (
        _measure_holdout(training)
        | _measure_balance("train", training.rows)
        | _measure_balance("holdout", training.holdout)
        | {"cv_accuracy": training.choice.accuracy}
        | {f"cv_log_loss_{name}": loss for name, loss in training.choice.losses.items()}
    )


def find_wilson_interval(successes: int, trials: int) -> tuple[float, float]:
    """Bound a rate with 95 % confidence.

    Unlike the normal approximation it holds near 0 and 1, where good models are
    (E. B. Wilson, Journal of the American Statistical Association 22, 1927).

    Args:
        successes: 0 to *trials*.
        trials: at least 1.

    Returns:
        The lower and the upper bound of the rate, within 0 and 1.
    """
    rate, square = successes / trials, _NORMAL_97_5**2
    centre = (rate + square / (2 * trials)) / (1 + square / trials)
    spread = rate * (1 - rate) / trials + square / (4 * trials**2)
    reach = _NORMAL_97_5 / (1 + square / trials) * math.sqrt(spread)
    return max(0.0, centre - reach), min(1.0, centre + reach)


def _measure_holdout(training: Training) -> dict[str, float]:
    truths = to_labels(training.holdout)
    malignancies = np.array(training.malignancies)
    predictions = np.array([Prediction.from_probability(p).value for p in malignancies])
    benign, malignant = Prediction.BENIGN.value, Prediction.MALIGNANT.value
    hits = int(np.count_nonzero(predictions == truths))
    low, high = find_wilson_interval(hits, len(truths))
    return {
        "accuracy": hits / len(truths),
        "accuracy_low": low,
        "accuracy_high": high,
        "balanced_accuracy": float(balanced_accuracy_score(truths, predictions)),
        "sensitivity": float(recall_score(truths, predictions, pos_label=malignant)),
        "specificity": float(recall_score(truths, predictions, pos_label=benign)),
        "precision": float(
            precision_score(truths, predictions, pos_label=malignant, zero_division=0.0)
        ),
        "roc_auc": float(roc_auc_score(truths == malignant, malignancies)),
        "log_loss": float(log_loss(truths == malignant, malignancies)),
        "brier_score": float(brier_score_loss(truths == malignant, malignancies)),
    }


def _measure_balance(side: str, examples: Sequence[Example]) -> dict[str, float]:
    malignant = sum(example.diagnosis is Prediction.MALIGNANT for example in examples)
    return {
        f"{side}_rows": len(examples),
        f"{side}_malignant_rows": malignant,
        f"{side}_malignant_share": malignant / len(examples),
    }
