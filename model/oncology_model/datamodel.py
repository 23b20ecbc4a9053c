"""What the model reads and what it answers.

Nothing here needs scikit-learn or numpy, so that a caller can build and check its
inputs without paying for them.
"""

import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from numbers import Real
from operator import attrgetter
from typing import Self, cast

_MALIGNANT_FROM = 0.5


class InvalidTumorError(ValueError):
    """The measurements of a tumour are incomplete, unknown or impossible.

    Attributes:
        field: name of the measurement at fault.
        problem: what is wrong with it, for a person to read.
    """

    def __init__(self, field: str, problem: str) -> None:
        """Keep both parts, for callers that point at a form field or a table cell."""
        super().__init__(field, problem)
        self.field = field
        self.problem = problem

    def __str__(self) -> str:
        """Give one line that starts with the name of the measurement."""
        return f"{self.field}: {self.problem}"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Tumor:
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

    mean_radius: float
    mean_texture: float
    mean_perimeter: float
    mean_area: float
    mean_smoothness: float
    mean_compactness: float
    mean_concavity: float
    mean_concave_points: float
    mean_symmetry: float
    mean_fractal_dimension: float
    radius_error: float
    texture_error: float
    perimeter_error: float
    area_error: float
    smoothness_error: float
    compactness_error: float
    concavity_error: float
    concave_points_error: float
    symmetry_error: float
    fractal_dimension_error: float
    worst_radius: float
    worst_texture: float
    worst_perimeter: float
    worst_area: float
    worst_smoothness: float
    worst_compactness: float
    worst_concavity: float
    worst_concave_points: float
    worst_symmetry: float
    worst_fractal_dimension: float

    def __post_init__(self) -> None:
        """Check every measurement and keep it as a plain float."""
        for name, value in zip(MEASUREMENTS, self.values(), strict=True):
            # Nearly all of them are fine as they are, and a batch has hundreds of thousands.
            if not (type(value) is float and 0.0 < value < math.inf):
                object.__setattr__(self, name, _to_measurement(name, value))

    @classmethod
    def from_mapping(cls, measurements: Mapping[str, object]) -> Self:
        """Make a tumour from measurements by name, such as a parsed JSON object.

        Args:
            measurements: exactly the thirty names of `MEASUREMENTS`, in any order, each
                with a real number in the unit given above.

        Raises:
            InvalidTumorError: a name is unknown or missing, or a value is refused.
        """
        if problem := find_misnamed(measurements, MEASUREMENTS):
            raise InvalidTumorError(*problem)
        # The names are right; the values are checked as those of any other new tumour.
        return cls(**cast("Mapping[str, float]", measurements))

    def values(self) -> tuple[float, ...]:
        """List the thirty measurements in the order of `MEASUREMENTS`."""
        values: tuple[float, ...] = _VALUES(self)
        return values


MEASUREMENTS: tuple[str, ...] = tuple(field.name for field in fields(Tumor))
"""The names of the thirty measurements, in the order in which the model reads them."""

_VALUES = attrgetter(*MEASUREMENTS)


def find_misnamed(header: Iterable[str], columns: Sequence[str]) -> tuple[str, str] | None:
    """Find the first name that is unknown, else the first that is missing.

    Unknown names come first, because a misspelt name is both, and the misspelling is what
    its writer has to fix.

    Returns:
        The name and what is wrong with it, or None if the names match in whatever order.
    """
    names = list(header)
    for name in names:
        if name not in columns:
            close = difflib.get_close_matches(str(name), columns, n=1)
            return str(name), f"unknown name; did you mean {close[0]}?" if close else "unknown name"
    return next(((name, "missing") for name in columns if name not in names), None)


def _to_measurement(name: str, value: object) -> float:
    # bool is an int to Python, but "true" is not a length.
    if isinstance(value, bool) or not isinstance(value, Real):
        problem = f"must be a number, not {type(value).__name__}"
        raise InvalidTumorError(name, problem)
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise InvalidTumorError(name, f"must be finite, not {number}")
    if number < 0:
        raise InvalidTumorError(name, f"must not be negative, but is {number}")
    # Adding zero turns -0.0 into 0.0: equal tumours then have equal bytes.
    return number + 0.0
