"""No estimator keeps the number of jobs that it was trained with."""

import io
import pickle
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import RandomForestClassifier, StackingClassifier, VotingClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from oncology_training.writing import write_model


def forest(jobs: int | None = 2) -> RandomForestClassifier:
    return RandomForestClassifier(1, n_jobs=jobs, random_state=0)


def search() -> GridSearchCV:
    depths = {"randomforestclassifier__max_depth": [1, 2]}
    return GridSearchCV(make_pipeline(StandardScaler(), forest()), depths, cv=2, n_jobs=1)


def vote() -> VotingClassifier:
    voters = [("forest", forest()), ("neighbours", KNeighborsClassifier(n_jobs=-1))]
    return VotingClassifier(voters, voting="soft", n_jobs=1)


def stack() -> StackingClassifier:
    return StackingClassifier([("forest", forest())], KNeighborsClassifier(n_jobs=-1), cv=2)


KINDS = {
    "a forest": forest(),
    "within a pipeline": make_pipeline(StandardScaler(), forest()),
    "within a search": search(),
    "within a vote": vote(),
    "within a stack": stack(),
    "calibrated": CalibratedClassifierCV(forest(), cv=2, n_jobs=1),
    "one against the rest": OneVsRestClassifier(forest(), n_jobs=1),
}


@pytest.fixture(scope="module")
def matrix() -> NDArray[np.float64]:
    return np.random.default_rng(0).normal(size=(40, 3))


def found_jobs(estimator: object) -> set[object]:
    """Give the ``n_jobs`` of all that is pickled with an estimator, however deep it stands."""
    found: set[object] = set()

    class Pickler(pickle.Pickler):
        def reducer_override(self, part: object) -> Any:  # noqa: ANN401 - as pickle has it
            found.add(getattr(part, "n_jobs", None))
            return NotImplemented

    Pickler(io.BytesIO()).dump(estimator)
    return found


@pytest.mark.parametrize("name", KINDS)
def test_nothing_that_is_pickled_has_a_number_of_jobs(
    name: str, matrix: NDArray[np.float64], tmp_path: Path
) -> None:
    fitted = KINDS[name].fit(matrix, matrix[:, 0] > 0)
    before = fitted.predict_proba(matrix)
    assert found_jobs(fitted) > {None}
    write_model(fitted, tmp_path / "m.joblib")
    loaded = joblib.load(tmp_path / "m.joblib")
    assert found_jobs(fitted) == found_jobs(loaded) == {None}
    np.testing.assert_allclose(loaded.predict_proba(matrix), before, rtol=1e-12)


def test_the_best_of_a_search_is_the_same_as_if_it_had_never_had_jobs(
    matrix: NDArray[np.float64], tmp_path: Path
) -> None:
    labels = matrix[:, 0] > 0
    write_model(search().fit(matrix, labels).best_estimator_, tmp_path / "best.joblib")
    depth = joblib.load(tmp_path / "best.joblib")[-1].max_depth
    plain = make_pipeline(StandardScaler(), forest(None).set_params(max_depth=depth))
    write_model(plain.fit(matrix, labels), tmp_path / "plain.joblib")
    assert (tmp_path / "best.joblib").read_bytes() == (tmp_path / "plain.joblib").read_bytes()
