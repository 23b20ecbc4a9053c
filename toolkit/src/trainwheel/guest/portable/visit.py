"""Walk an estimator and its parts, each by the function that its exact class has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NoReturn

__all__ = ["Convert", "Node", "NotPortableError", "Visit", "takes_missing"]

_LIBRARIES = ("sklearn", "lightgbm", "xgboost")  # no two have a class of one name in the tables

Node = dict[str, Any]
"""A node of the graph: its kind and its fields, with arrays as they are."""


class NotPortableError(ValueError):
    """An estimator has a part that has no portable form; the message names the part."""


@dataclass(frozen=True)
class Visit:
    """One estimator on the way down, and how to convert what is in it.

    Attributes:
        steps: the transformers that are known, by the name of their class.
        models: the predictors that are known, likewise.
        path: the way to this part, such as ``ColumnTransformer step 'num'``.
        name: the class of the estimator.
        is_sparse: whether scikit-learn hands it a sparse matrix.
    """

    steps: Mapping[str, Convert]
    models: Mapping[str, Convert]
    path: tuple[str, ...] = ()
    name: str = ""
    is_sparse: bool = False

    def step(self, estimator: Any, label: str = "", *, is_sparse: bool | None = None) -> Node:
        """Return the node of a transformer inside this one.

        Raises:
            NotPortableError: It, or a part of it, is not known.
        """
        sparse = self.is_sparse if is_sparse is None else is_sparse
        if estimator is None or isinstance(estimator, str):  # "passthrough"
            return {"kind": "same", "numeric": False, "missing": True, "sparse": sparse}
        return self._convert(self.steps, estimator, label, is_sparse=sparse)

    def model(self, estimator: Any, label: str = "", *, is_sparse: bool = False) -> Node:
        """Return the node of a predictor inside this one.

        Raises:
            NotPortableError: It, or a part of it, is not known.
        """
        node = self._convert(self.models, estimator, label, is_sparse=is_sparse)
        return {"link": None, "rule": None, "classes": None, **node}

    def refuse(self, detail: str = "") -> NoReturn:
        """Say that this part has no portable form, and which property of it is the reason."""
        place = f"{', '.join(self.path)}: " if self.path else ""
        reason = f" with {detail}" if detail else ""
        message = f"{place}{self.name}{reason} has no portable form"
        raise NotPortableError(message)

    def _convert(
        self, table: Mapping[str, Convert], estimator: Any, label: str, *, is_sparse: bool
    ) -> Node:
        kind = type(estimator)
        path = (*self.path, f"{self.name} {label}") if label else self.path
        visit = replace(self, path=path, name=kind.__name__, is_sparse=is_sparse)
        if kind.__module__.partition(".")[0] not in _LIBRARIES:
            replace(visit, name=f"{kind.__module__}.{kind.__qualname__}").refuse()
        function = table.get(kind.__name__)
        try:
            return function(visit, estimator) if function else visit.refuse()
        except NotPortableError:
            raise
        except Exception as error:  # noqa: BLE001 - attributes of another version, a part not fitted
            visit.refuse(f"{type(error).__name__}: {error}".partition("\n")[0])


Convert = Callable[[Visit, Any], Node]


def takes_missing(estimator: Any) -> bool:
    """Whether an estimator of scikit-learn takes missing values."""
    if hasattr(estimator, "__sklearn_tags__"):
        return bool(estimator.__sklearn_tags__().input_tags.allow_nan)
    return bool(estimator._get_tags()["allow_nan"])  # noqa: SLF001 - before 1.6
