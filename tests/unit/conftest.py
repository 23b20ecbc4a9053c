"""Tumours, examples and a small artefact for the unit tests."""

import hashlib
import json
import os
import platform
from collections.abc import Callable
from pathlib import Path

import joblib
import numpy as np
import pytest
import sklearn
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from oncology_model import MEASUREMENTS, Prediction, Tumor
from oncology_training.data import Example


@pytest.fixture
def measurements() -> dict[str, float]:
    return {name: float(position) for position, name in enumerate(MEASUREMENTS, start=1)}


@pytest.fixture
def small() -> Tumor:
    """Give a tumour that every estimator of these tests takes for benign."""
    return Tumor.from_mapping(dict.fromkeys(MEASUREMENTS, 1.0))


@pytest.fixture
def large() -> Tumor:
    """Give a tumour that every estimator of these tests takes for malignant."""
    return Tumor.from_mapping(dict.fromkeys(MEASUREMENTS, 9.0))


@pytest.fixture(scope="session")
def make_examples() -> Callable[[int], list[Example]]:
    """Make examples of which the larger half is malignant, some near the border on either side."""

    def make(count: int) -> list[Example]:
        generator = np.random.default_rng(0)
        sizes = np.linspace(2.0, 8.0, count)
        rows = sizes[:, None] + generator.uniform(-2.0, 2.0, size=(count, len(MEASUREMENTS)))
        return [
            Example(
                Tumor.from_mapping(dict(zip(MEASUREMENTS, row, strict=True))),
                Prediction.MALIGNANT if size > 5.0 else Prediction.BENIGN,
            )
            for size, row in zip(sizes, rows, strict=True)
        ]

    return make


@pytest.fixture(scope="session")
def estimator() -> Pipeline:
    matrix = np.repeat([[1.0], [2.0], [8.0], [9.0]], len(MEASUREMENTS), axis=1)
    labels = ["benign", "benign", "malignant", "malignant"]
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(matrix, labels)


@pytest.fixture(scope="session")
def write_manifest() -> Callable[..., Path]:
    """Write the manifest of an artefact, right but for what is given otherwise."""

    def write(artefact: Path, **changes: object) -> Path:
        content = artefact.read_bytes()
        document = {
            "schema": 1,
            "format": "joblib",
            "sha256": hashlib.sha256(content).hexdigest(),
            "size": len(content),
            "versions": {
                "scikit-learn": sklearn.__version__,
                "numpy": np.__version__,
                "joblib": joblib.__version__,
            },
            "python": platform.python_version(),
        }
        path = artefact.with_name(f"{artefact.name}.json")
        path.write_text(json.dumps(document | changes, indent=2) + "\n")
        return path

    return write


@pytest.fixture
def artefact(tmp_path: Path, estimator: Pipeline, write_manifest: Callable[..., Path]) -> Path:
    path = tmp_path / "small.joblib"
    joblib.dump(estimator, path)
    write_manifest(path)
    return path


class Bomb:
    """Makes a folder when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = str(mark)

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (self.mark,)


@pytest.fixture
def bomb(tmp_path: Path, write_manifest: Callable[..., Path]) -> Path:
    """Give an artefact that leaves a folder ``unpickled`` beside it when its code runs."""
    path = tmp_path / "bomb.joblib"
    joblib.dump(Bomb(tmp_path / "unpickled"), path)
    write_manifest(path)
    return path
