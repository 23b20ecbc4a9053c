"""Engines: what is asked for the answers to a matrix."""

from typing import TYPE_CHECKING, Any

from oncology_model.errors import ArtefactError
from oncology_model.kinds import Category, Day, Flag, Kind, Number
from oncology_model.record import Layout

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    _Ask = Callable[[NDArray[Any]], NDArray[np.float64]]


class FrameEngine:
    """An estimator that was fitted to a DataFrame: it gets one, with the names of the columns."""

    def __init__(self, estimator: Any, layout: Layout) -> None:  # noqa: ANN401 - any estimator
        """Wrap a fitted estimator.

        Raises:
            ArtefactError: pandas is not installed.
        """
        try:
            import pandas as pd  # noqa: PLC0415
        except ImportError as error:
            message = f"the model needs pandas, which cannot be imported ({error})"
            raise ArtefactError(message) from error
        self._pandas: Any = pd
        self._estimator = estimator
        self._layout = layout
        # Of a pipeline or a search, whatever its first step says.
        given = getattr(estimator, "feature_names_in_", None)
        self._order = list(layout.features if given is None else given)
        if hasattr(estimator, "classes_"):
            self.classes_: Sequence[object] = estimator.classes_
        if hasattr(estimator, "predict_proba"):
            self.predict_proba: _Ask = self._predict_proba

    def predict(self, matrix: "NDArray[Any]") -> "NDArray[Any]":
        """Give the answer to each row of *matrix*."""
        answers: NDArray[Any] = self._estimator.predict(self._to_frame(matrix))
        return answers

    def _predict_proba(self, matrix: "NDArray[Any]") -> "NDArray[np.float64]":
        shares: NDArray[np.float64] = self._estimator.predict_proba(self._to_frame(matrix))
        return shares

    def _to_frame(self, matrix: "NDArray[Any]") -> Any:  # noqa: ANN401 - of pandas
        if self._layout.has_features:
            frame = self._pandas.DataFrame(matrix, columns=self._layout.features)
            return frame.infer_objects()[self._order]
        columns = {
            each.name: self._to_column(each.kind, matrix[:, index])
            for index, each in enumerate(self._layout.fields)
        }
        return self._pandas.DataFrame(columns)[self._order]

    def _to_column(self, kind: Kind, values: "NDArray[Any]") -> Any:  # noqa: ANN401 - of pandas
        if isinstance(kind, Number):
            return values.astype("float64")
        if isinstance(kind, Day):
            return self._pandas.to_datetime(self._pandas.Series(values))
        has_gaps = isinstance(kind, Flag) and any(value != value for value in values)  # noqa: PLR0124
        return values if isinstance(kind, Category) or has_gaps else values.astype(bool)


class ArraysEngine:
    """The portable form of a model, whose columns may be in another order than the records'."""

    def __init__(self, model: Any, order: "Sequence[int]") -> None:  # noqa: ANN401 - a `Portable`
        """Keep the place of each column of the model in a row of the matrix."""
        self._model = model
        self._order = None if list(order) == sorted(order) else list(order)
        if model.classes_ is not None:
            self.classes_: Sequence[object] = model.classes_
        if model.has_proba:
            self.predict_proba: _Ask = self._predict_proba

    def predict(self, matrix: "NDArray[Any]") -> "NDArray[Any]":
        """Give the answer to each row of *matrix*."""
        answers: NDArray[Any] = self._model.predict(self._sort(matrix))
        return answers

    def _predict_proba(self, matrix: "NDArray[Any]") -> "NDArray[np.float64]":
        shares: NDArray[np.float64] = self._model.predict_proba(self._sort(matrix))
        return shares

    def _sort(self, matrix: "NDArray[Any]") -> "NDArray[Any]":
        return matrix if self._order is None else matrix[:, self._order]


def make_engine(model: Any, layout: Layout) -> Any:  # noqa: ANN401 - any estimator
    """Make an engine of a fitted estimator.

    Args:
        model: the estimator.
        layout: the fields of its records.

    Returns:
        The estimator itself if a matrix of numbers is all that it needs; None if it was fitted to
        other columns.

    Raises:
        ArtefactError: it needs pandas, which is not installed.
    """
    names = getattr(model, "feature_names_in_", None)
    count = getattr(model, "n_features_in_", None)
    columns = layout.features
    if not hasattr(model, "predict") or count not in {None, len(columns)}:
        return None
    if type(model).__module__ == f"{__package__}.portable":
        order = names or columns
        if sorted(order) != sorted(columns):
            return None
        return ArraysEngine(model, [columns.index(name) for name in order])
    if names is None and layout.are_numbers:
        return model
    if names is not None and sorted(names) != sorted(columns):
        return None
    return FrameEngine(model, layout)
