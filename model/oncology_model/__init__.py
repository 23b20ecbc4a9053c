"""Tell benign from malignant breast tumours by thirty measurements of their cell nuclei.

Importing this package is cheap: scikit-learn is imported by the first prediction.
"""

from oncology_model.classifier import Classifier
from oncology_model.datamodel import MEASUREMENTS, InvalidTumorError, Prediction, Tumor
from oncology_model.errors import ArtefactError, DamagedArtefactError, VersionMismatchError

__all__ = [
    "MEASUREMENTS",
    "ArtefactError",
    "Classifier",
    "DamagedArtefactError",
    "InvalidTumorError",
    "Prediction",
    "Tumor",
    "VersionMismatchError",
]
