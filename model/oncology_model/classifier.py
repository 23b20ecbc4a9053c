"""The entry point: the trained model, as a class and as a function."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Protocol, cast

from oncology_model.datamodel import MEASUREMENTS, Prediction, Tumor
from oncology_model.errors import ArtefactError
from oncology_model.lazy_model import LazyModel

if TYPE_CHECKING:  # these take longer to import than the package itself
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray


class _Estimator(Protocol):
    """What the classifier needs of a fitted scikit-learn estimator."""

    classes_: Sequence[str]
    n_features_in_: int

    def predict_proba(self, matrix: "NDArray[np.float64]", /) -> "NDArray[np.float64]":
        """Give one row of probabilities, in the order of `classes_`, per row of *matrix*."""


def _check_fit(model: object, artefact: object) -> tuple[_Estimator, int]:
    columns = getattr(model, "n_features_in_", None)
    classes = [str(label) for label in getattr(model, "classes_", ())]
    if columns != len(MEASUREMENTS) or sorted(classes) != sorted(Prediction):
        message = f"{artefact}: was not trained for this version of the package; run `make train`"
        raise ArtefactError(message)
    return cast("_Estimator", model), classes.index(Prediction.MALIGNANT)


class Classifier:
    """Predicts from measurements whether a tumour is malignant.

    Making one costs nothing. The first prediction imports scikit-learn, checks the artefact
    and loads it, once, whichever thread comes first; keep the classifier and share it. A fork
    waits for the load to end. Copied, pickled or sent to another process, it loads the same file
    itself.
    """

    def __init__(
        self, artefact: "Path | None" = None, *, verify: bool = True, any_version: bool = False
    ) -> None:
        """Choose the artefact, without reading it.

        Args:
            artefact: a file to use instead of the one that this package ships. Loading it
                runs code that it contains: pass only files that you trust.
            verify: load the artefact only if it is, byte for byte, what the manifest beside
                it says: for ``my.joblib`` that is ``my.joblib.json``. Turned off, no manifest
                is needed.
            any_version: load the artefact even if it was made with another scikit-learn, or
                a newer numpy or joblib, than is installed. It may then predict wrongly, with
                no more than a warning.
        """
        self._model = LazyModel(artefact, _check_fit, verify=verify, any_version=any_version)

    def predict(self, tumor: Tumor) -> Prediction:
        """Predict whether *tumor* is malignant.

        Raises:
            ArtefactError: the artefact cannot be used.
        """
        return Prediction.from_probability(self.predict_proba(tumor))

    def predict_proba(self, tumor: Tumor) -> float:
        """Give the probability, 0 to 1, that *tumor* is malignant.

        Raises:
            ArtefactError: the artefact cannot be used.
        """
        return self.predict_proba_many([tumor])[0]

    def predict_many(self, tumors: Iterable[Tumor]) -> list[Prediction]:
        """Predict for each tumour, in the order given; faster than one by one.

        Raises:
            ArtefactError: the artefact cannot be used.
        """
        return [Prediction.from_probability(value) for value in self.predict_proba_many(tumors)]

    def predict_proba_many(self, tumors: Iterable[Tumor]) -> list[float]:
        """Give the probability, 0 to 1, that each tumour is malignant, in the order given.

        Raises:
            ArtefactError: the artefact cannot be used.
        """
        rows = tumors if isinstance(tumors, list) else list(tumors)
        if not rows:  # scikit-learn refuses a matrix without rows
            return []
        estimator, malignant = self._model.get()
        probabilities = estimator.predict_proba(_to_matrix(rows))[:, malignant]
        return cast("list[float]", probabilities.tolist())


# Shared by the whole process, as it costs nothing until it is first used.
_SHIPPED = Classifier()


def predict_record(record: Mapping[str, object]) -> dict[str, str | float]:
    """Predict from one JSON object and answer with another.

    Args:
        record: the thirty measurements by name, as ``Tumor.from_mapping`` takes them.

    Returns:
        ``prediction``, "benign" or "malignant", and ``probability``, that of malignancy.

    Raises:
        InvalidTumorError: a measurement is missing, unknown or impossible.
        ArtefactError: the artefact cannot be used.
    """
    probability = _SHIPPED.predict_proba(Tumor.from_mapping(record))
    return {
        "prediction": Prediction.from_probability(probability).value,
        "probability": probability,
    }


def _to_matrix(rows: Sequence[Tumor]) -> "NDArray[np.float64]":
    import numpy as np  # noqa: PLC0415

    # A stream of numbers, as a list of tuples takes half as long again.
    count = len(rows) * len(MEASUREMENTS)
    values = np.fromiter(chain.from_iterable(map(Tumor.values, rows)), np.float64, count)
    return values.reshape(len(rows), len(MEASUREMENTS))
