"""What the model reads and what it answers.

Nothing here needs scikit-learn or numpy, so that a caller can build and check its
inputs without paying for them.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, ClassVar

from oncology_model.record import InvalidRecordError, Number, Record

_MALIGNANT_FROM = 0.5


class InvalidTumorError(InvalidRecordError):
    """The measurements of a tumour are incomplete, unknown or impossible."""


class Prediction(StrEnum):
    """What the model takes a tumour for."""

    BENIGN = "benign"
    MALIGNANT = "malignant"

    @classmethod
    def from_probability(cls, malignancy: float) -> "Prediction":
        """Decide at even odds.

        Args:
            malignancy: probability of malignancy, 0 to 1; 0.5 counts as malignant, because
                the more harmful mistake is to miss a malignant tumour.
        """
        return cls.MALIGNANT if malignancy >= _MALIGNANT_FROM else cls.BENIGN


_LENGTH = "length units of the image"
Radius = Annotated[float, Number(_LENGTH, 0, about="mean distance from centre to perimeter")]
Texture = Annotated[float, Number("grey levels", 0, about="deviation of the grey-scale values")]
Perimeter = Annotated[float, Number(_LENGTH, 0, about="length of the outline")]
Area = Annotated[float, Number(f"{_LENGTH}, squared", 0, about="area inside the outline")]
Smoothness = Annotated[float, Number("", 0, about="local variation in radius lengths")]
Compactness = Annotated[float, Number("", 0, about="perimeter² / area - 1")]
Concavity = Annotated[float, Number("", 0, about="severity of the concave parts")]
ConcavePoints = Annotated[float, Number("", 0, about="concave parts of the outline, scaled")]
Symmetry = Annotated[float, Number("", 0, about="symmetry of the outline")]
FractalDimension = Annotated[float, Number("", 0, about='"coastline approximation" - 1')]


@dataclass(frozen=True, kw_only=True)
class Tumor(Record):
    """Thirty measurements of the cell nuclei in one image of a fine needle aspirate.

    Ten quantities are measured on every nucleus in the image. Of each quantity the tumour
    keeps the mean over the nuclei (``mean_…``), the standard error of that mean
    (``…_error``) and the mean of the three largest values (``worst_…``), in its own unit:

    ===================== =========================================== ======================
    quantity              definition                                  unit
    ===================== =========================================== ======================
    ``radius``            mean distance from centre to perimeter      the image's length unit
    ``texture``           standard deviation of the grey-scale values grey levels
    ``perimeter``         length of the outline                       the image's length unit
    ``area``              area inside the outline                     length unit, squared
    ``smoothness``        local variation in radius lengths           none
    ``compactness``       perimeter² / area - 1                       none
    ``concavity``         severity of the concave parts               none
    ``concave_points``    number of concave parts of the outline      none, scaled
    ``symmetry``          symmetry of the outline                     none
    ``fractal_dimension`` "coastline approximation" - 1               none
    ===================== =========================================== ======================

    Names, definitions and order are those of the data set "Breast Cancer Wisconsin
    (Diagnostic)" as scikit-learn ships it, with underscores for spaces. The data set does
    not tie its unit of length to a physical one: measure as it did (Street, Wolberg and
    Mangasarian, 1993) or the predictions mean nothing.

    Each measurement may be given as any real number (an ``int``, a numpy scalar) and is
    kept as a ``float``.

    Raises:
        InvalidTumorError: a measurement is not a number, not finite or negative.
    """

    error: ClassVar[type[InvalidRecordError]] = InvalidTumorError

    mean_radius: Radius
    mean_texture: Texture
    mean_perimeter: Perimeter
    mean_area: Area
    mean_smoothness: Smoothness
    mean_compactness: Compactness
    mean_concavity: Concavity
    mean_concave_points: ConcavePoints
    mean_symmetry: Symmetry
    mean_fractal_dimension: FractalDimension
    radius_error: Radius
    texture_error: Texture
    perimeter_error: Perimeter
    area_error: Area
    smoothness_error: Smoothness
    compactness_error: Compactness
    concavity_error: Concavity
    concave_points_error: ConcavePoints
    symmetry_error: Symmetry
    fractal_dimension_error: FractalDimension
    worst_radius: Radius
    worst_texture: Texture
    worst_perimeter: Perimeter
    worst_area: Area
    worst_smoothness: Smoothness
    worst_compactness: Compactness
    worst_concavity: Concavity
    worst_concave_points: ConcavePoints
    worst_symmetry: Symmetry
    worst_fractal_dimension: FractalDimension


MEASUREMENTS: tuple[str, ...] = Tumor.names()
"""The names of the thirty measurements, in the order in which the model reads them."""
