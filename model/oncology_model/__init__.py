"""Tell benign from malignant breast tumours by thirty measurements of their cell nuclei.

Importing this package is cheap: what the model needs is imported by the first prediction.
"""

from typing import TYPE_CHECKING

from oncology_model.classifier import Classifier
from oncology_model.datamodel import MEASUREMENTS, InvalidTumorError, Prediction, Tumor
from oncology_model.errors import ArtefactError, DamagedArtefactError, VersionMismatchError
from oncology_model.record import InvalidRecordError
from oncology_model.serving import Result

__all__ = [
    "MEASUREMENTS",
    "ArtefactError",
    "Classifier",
    "DamagedArtefactError",
    "InvalidRecordError",
    "InvalidTumorError",
    "Prediction",
    "Result",
    "Tumor",
    "VersionMismatchError",
    "__version__",
]

if TYPE_CHECKING:
    __version__: str
else:

    def __getattr__(name: str) -> str:
        """Look up the version when it is first asked for, as finding it takes a while."""
        if name == "__version__":
            from oncology_model.installed import read_version  # noqa: PLC0415

            return read_version()
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
