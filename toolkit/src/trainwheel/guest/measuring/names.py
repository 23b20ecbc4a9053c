"""What metrics are called, and of which task they are."""

from __future__ import annotations

__all__ = ["ALIASES", "CLASSIFICATION", "OF_SCORES", "REGRESSION", "plain_name"]

ALIASES = {
    "recall": "sensitivity",
    "auc": "roc_auc",
    "roc_auc_score": "roc_auc",
    "accuracy_score": "accuracy",
    "balanced_accuracy_score": "balanced_accuracy",
    "f1_score": "f1",
    "average_precision_score": "average_precision",
    "pr_auc": "average_precision",
    "brier": "brier_score",
    "brier_score_loss": "brier_score",
    "mae": "mean_absolute_error",
    "mse": "mean_squared_error",
    "rmse": "root_mean_squared_error",
    "r2_score": "r2",
}
REGRESSION = frozenset({
    *("r2", "mean_absolute_error", "root_mean_squared_error", "mean_squared_error"),
    *("explained_variance", "max_error", "median_absolute_error", "mape"),
    *("mean_absolute_percentage_error", "mean_squared_log_error"),
    *("root_mean_squared_log_error", "mean_poisson_deviance", "mean_gamma_deviance"),
    "d2_absolute_error_score",
})  # fmt: skip
"""Metrics of numbers, by scikit-learn's names."""
CLASSIFICATION = frozenset({
    *("accuracy", "balanced_accuracy", "sensitivity", "specificity", "precision", "f1"),
    *("f1_macro", "f1_micro", "f1_weighted", "precision_macro", "recall_macro", "roc_auc"),
    *("roc_auc_ovr", "roc_auc_ovo", "average_precision", "log_loss", "brier_score", "jaccard"),
    *("matthews_corrcoef", "top_k_accuracy"),
})  # fmt: skip
"""Metrics of classes, by scikit-learn's names."""
OF_SCORES = frozenset({
    *("roc_auc", "roc_auc_ovr", "roc_auc_ovo", "average_precision", "log_loss", "brier_score"),
    "top_k_accuracy",
})  # fmt: skip
"""Those that need scores, and not labels alone."""


def plain_name(name: str) -> str:
    """Return by which name a metric is known here, whatever it is called elsewhere."""
    plain = name.removeprefix("neg_")
    return ALIASES.get(plain, plain)
