"""The estimators to choose from."""

from sklearn.base import ClassifierMixin
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

SEED = 20_260_101

# Inverse strength of the L2 penalty, in steps of ten around scikit-learn's default of 1.
_INVERSE_PENALTIES = (0.01, 0.1, 1.0, 10.0)
# Smallest number of rows in a leaf: full-grown trees, and trees with smoother probabilities.
_LEAF_SIZES = (1, 5)
TREES = 100


def list_candidates() -> dict[str, ClassifierMixin]:
    """List the unfitted candidates by name, the simplest first.

    The scaler is a part of the pipeline, so that in cross-validation it learns from the
    training folds alone. ``n_jobs`` stays None throughout: a forest that is dumped with
    another value keeps it, predicts single rows several times slower, and its
    probabilities vary in the last bits.
    """
    return _list_regressions() | _list_forests()


def _list_regressions() -> dict[str, ClassifierMixin]:
    return {
        f"logistic_c{inverse_penalty:g}": make_pipeline(
            StandardScaler(),
            LogisticRegression(C=inverse_penalty, max_iter=1000, random_state=SEED),
        )
        for inverse_penalty in _INVERSE_PENALTIES
    }


def _list_forests() -> dict[str, ClassifierMixin]:
    return {
        f"forest_leaf{size}": RandomForestClassifier(
            n_estimators=TREES, min_samples_leaf=size, n_jobs=None, random_state=SEED
        )
        for size in _LEAF_SIZES
    }
