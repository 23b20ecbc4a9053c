"""Golden inputs: made-up tumours that may travel with the wheel."""

from collections.abc import Iterator, Sequence

import numpy as np

from oncology_model.datamodel import MEASUREMENTS, Prediction
from oncology_training.candidates import SEED
from oncology_training.data import Example, to_matrix

_ROWS_PER_DIAGNOSIS = 12
# Extremes belong to a single patient, and a quantile near 0 or 1 would give them away.
_LOWEST, _HIGHEST = 0.05, 0.95
_SPREAD = 0.1
# As many as the data set itself keeps, and enough to tell any two rows apart.
_SIGNIFICANT_DIGITS = 4


def draw_golden(examples: Sequence[Example]) -> list[dict[str, float]]:
    """Draw synthetic tumours from the quantiles of each diagnosis.

    A row takes every measurement near one common level, as large nuclei are large in most
    respects, but each at a level of its own: no row is a patient's.

    Args:
        examples: rows for training, of both diagnoses.

    Returns:
        Inputs by name of measurement, benign ones first; the same ones for the same rows.
    """
    generator = np.random.default_rng(SEED)
    return [row for diagnosis in Prediction for row in _draw(examples, diagnosis, generator)]


def _draw(
    examples: Sequence[Example], diagnosis: Prediction, generator: np.random.Generator
) -> Iterator[dict[str, float]]:
    matrix = to_matrix([example for example in examples if example.diagnosis is diagnosis])
    for common in np.linspace(_LOWEST, _HIGHEST, _ROWS_PER_DIAGNOSIS):
        levels = generator.normal(common, _SPREAD, size=len(MEASUREMENTS))
        levels = levels.clip(_LOWEST, _HIGHEST)
        values = [np.quantile(*pair) for pair in zip(matrix.T, levels, strict=True)]
        yield {name: _round(value) for name, value in zip(MEASUREMENTS, values, strict=True)}


def _round(value: float) -> float:
    return float(f"{value:.{_SIGNIFICANT_DIGITS}g}")
