"""The entry point: the trained model, as a class and as a function."""

from collections.abc import Mapping, Sequence

from oncology_model.datamodel import Prediction, Tumor
from oncology_model.record import Named, Record, Records
from oncology_model.serving import ServedClassifier


class Classifier(ServedClassifier[Prediction]):
    """Predicts from measurements whether a tumour is malignant."""

    record: type[Record] = Tumor
    labels: Sequence[Prediction] = tuple(Prediction)
    positive: Prediction | None = Prediction.MALIGNANT

    def predict_proba(self, tumor: Tumor | Named) -> float:
        """Give the probability, 0 to 1, that *tumor* is malignant.

        Raises:
            InvalidTumorError: a measurement is missing, unknown or impossible.
            ArtefactError: the artefact cannot be used.
        """
        return self._predict_positive(tumor)

    def predict_proba_many(self, tumors: Records) -> list[float]:
        """Give the probability, 0 to 1, that each tumour is malignant, in the order given.

        Args:
            tumors: as `predict_many` takes them.

        Raises:
            InvalidTumorError: a measurement is missing, unknown or impossible.
            ArtefactError: the artefact cannot be used.
        """
        return self._predict_positives(tumors)


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
    probability = _SHIPPED.predict_proba(record)
    return {
        "prediction": Prediction.from_probability(probability).value,
        "probability": probability,
    }
