"""The door to the trained model."""

import threading
import warnings
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Protocol

from oncology_model.datamodel import MEASUREMENTS, Prediction, Tumor


class ArtefactError(RuntimeError):
    """The trained model is missing, unreadable, or made for other package versions."""


class _Estimator(Protocol):
    """What the classifier needs of a fitted scikit-learn estimator."""

    classes_: Sequence[str]
    n_features_in_: int

    def predict_proba(self, matrix: Sequence[Sequence[float]], /) -> Sequence[Sequence[float]]:
        """Give one row of probabilities, in the order of `classes_`, per row of *matrix*."""


class Classifier:
    """Predicts from measurements whether a tumour is malignant.

    Making one costs nothing. The first prediction imports scikit-learn and loads the
    artefact, once, whichever thread comes first; keep the classifier and share it.
    """

    def __init__(self, artefact: Traversable | None = None) -> None:
        """Choose the artefact, without reading it.

        Args:
            artefact: a file to use instead of the one that this package ships. Loading it
                runs code that it contains: pass only files that you trust.
        """
        self._artefact = artefact or files("oncology_model") / "artefact" / "model.joblib"
        self._estimator: _Estimator | None = None
        self._lock = threading.Lock()

    def predict(self, tumor: Tumor) -> Prediction:
        """Tell what *tumor* is taken for.

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
        """Tell what each tumour is taken for, in the order given; faster than one by one.

        Raises:
            ArtefactError: the artefact cannot be used.
        """
        return [Prediction.from_probability(value) for value in self.predict_proba_many(tumors)]

    def predict_proba_many(self, tumors: Iterable[Tumor]) -> list[float]:
        """Give the probability, 0 to 1, that each tumour is malignant, in the order given.

        Raises:
            ArtefactError: the artefact cannot be used.
        """
        matrix = [tumor.values() for tumor in tumors]
        if not matrix:  # scikit-learn refuses a matrix without rows
            return []
        estimator = self._load()
        malignant = list(estimator.classes_).index(Prediction.MALIGNANT)
        return [float(row[malignant]) for row in estimator.predict_proba(matrix)]

    def _load(self) -> _Estimator:
        with self._lock:
            if self._estimator is None:
                self._estimator = _read_artefact(self._artefact)
            return self._estimator


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


def _read_artefact(artefact: Traversable) -> _Estimator:
    # scikit-learn takes about a second to import, and only predictions need it.
    import joblib  # noqa: PLC0415
    from sklearn.exceptions import InconsistentVersionWarning  # noqa: PLC0415

    try:
        with artefact.open("rb") as stream, warnings.catch_warnings():
            # An estimator of another version may load and then predict wrongly, silently.
            warnings.simplefilter("error", InconsistentVersionWarning)
            estimator: _Estimator = joblib.load(stream)
    except FileNotFoundError:
        message = f"{artefact}: the model has not been trained; train it with `make train`"
        raise ArtefactError(message) from None
    except InconsistentVersionWarning as warning:
        needed, found = warning.original_sklearn_version, warning.current_sklearn_version
        message = f"{artefact}: needs scikit-learn {needed}, but {found} is installed"
        raise ArtefactError(message) from None
    except Exception as error:  # a damaged or alien pickle can raise anything at all
        message = f"{artefact}: cannot be read ({type(error).__name__}: {error})"
        raise ArtefactError(message) from error
    _check_fit(estimator, artefact)
    return estimator


def _check_fit(estimator: _Estimator, artefact: Traversable) -> None:
    columns = getattr(estimator, "n_features_in_", None)
    classes = [str(label) for label in getattr(estimator, "classes_", ())]
    if columns != len(MEASUREMENTS) or sorted(classes) != sorted(Prediction):
        message = f"{artefact}: was not trained for this version of the package; run `make train`"
        raise ArtefactError(message)
