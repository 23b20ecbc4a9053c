"""A search that goes on where it was killed."""

import os

import numpy as np
from joblib import Memory, Parallel, delayed
from sklearn.base import clone
from sklearn.model_selection import ParameterGrid, cross_val_score


def search(estimator, grid, rows, truth):
    """Return each combination of parameters with its mean score, the best one first."""
    memory = Memory(os.environ["TRAINWHEEL_CHECKPOINTS"], verbose=0)
    remembered = memory.cache(score)
    candidates = list(ParameterGrid(grid))
    found = Parallel(n_jobs=-1)(
        delayed(remembered)(estimator, candidate, rows, truth) for candidate in candidates
    )
    order = np.argsort(found, kind="stable")[::-1]
    return [(candidates[place], found[place]) for place in order]


def score(estimator, parameters, rows, truth):
    """Fit one candidate five times."""
    candidate = clone(estimator).set_params(**parameters)
    return float(cross_val_score(candidate, rows, truth, cv=5, n_jobs=1).mean())
