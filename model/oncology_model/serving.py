"""The model as others use it: the bases of its `Classifier` and its `Regressor`."""

from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, cast

from oncology_model.result import Engine, Full, Result, check_finite
from oncology_model.served import BATCH, Answer, Served

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from oncology_model.record import Named, Record, Records

__all__ = ["Engine", "Result", "Served", "ServedClassifier", "ServedRegressor"]

EVEN = 0.5


class ServedClassifier(Served[Answer]):
    """A model that tells classes apart."""

    labels: Sequence[Answer] = ()
    """The classes that the model must know; empty for whichever it knows, as texts."""

    positive: Answer | None = None
    """The class, of two `labels`, that is predicted from even odds on; None for any likeliest."""

    @classmethod
    def _fits(cls, engine: Engine) -> bool:
        classes = [str(label) for label in getattr(engine, "classes_", ())]
        if cls.positive is not None and not hasattr(engine, "predict_proba"):
            return False
        return bool(classes) and (not cls.labels or sorted(classes) == sorted(map(str, cls.labels)))

    def _list_labels(self) -> list[str] | None:
        return [str(label) for label in self.labels]

    def _predict_positive(self, record: "Record | Named", *, strict: bool = False) -> float:
        """Return the probability of `positive`, 0 to 1; arguments and errors are `predict`'s."""
        return self._ask_one(record, self._answer_positive, strict=strict)[0]

    def _predict_positives(self, records: "Records", *, strict: bool = False) -> list[float]:
        """Return it of each record; arguments and errors are those of `predict_many`."""
        pairs = self._ask(records, self._answer_positive, "raise", BATCH, strict=strict)
        return [share for _, shares in pairs for share in shares]

    def _list_names(self, engine: Any) -> list[Answer]:  # noqa: ANN401 - with classes
        names = {str(label): label for label in self.labels}
        return [names.get(str(each), cast("Answer", str(each))) for each in engine.classes_]

    def _answer(self, engine: Any, matrix: "NDArray[Any]") -> list[Answer]:  # noqa: ANN401
        names = self._list_names(engine)
        if self.positive is None:
            by_label = dict(zip(list(engine.classes_), names, strict=True))
            return [by_label[label] for label in engine.predict(matrix)]
        negative, positive = sorted(names, key=self.positive.__eq__)
        shares = self._answer_positive(engine, matrix)
        return [positive if share >= EVEN else negative for share in shares]

    def _answer_positive(self, engine: Any, matrix: "NDArray[Any]") -> list[float]:  # noqa: ANN401
        index = self._list_names(engine).index(cast("Answer", self.positive))
        shares: list[float] = engine.predict_proba(matrix)[:, index].tolist()
        check_finite(shares)
        return shares

    def _answer_fully(self, engine: Any, matrix: "NDArray[Any]") -> list[Full]:  # noqa: ANN401
        if not hasattr(engine, "predict_proba"):
            return [(answer, None, {}) for answer in self._answer(engine, matrix)]
        names = self._list_names(engine)
        rows = engine.predict_proba(matrix).tolist()
        check_finite(chain.from_iterable(rows))
        by_name = [dict(zip(map(str, names), row, strict=True)) for row in rows]
        if self.positive is None:
            answers = self._answer(engine, matrix)
            pairs = zip(answers, by_name, strict=True)
            return [(answer, shares[str(answer)], shares) for answer, shares in pairs]
        negative, positive = sorted(names, key=self.positive.__eq__)
        share = [shares[str(positive)] for shares in by_name]
        return [
            (positive if each >= EVEN else negative, each, shares)
            for each, shares in zip(share, by_name, strict=True)
        ]


class ServedRegressor(Served[float]):
    """A model that predicts a number."""

    @classmethod
    def _fits(cls, engine: Engine) -> bool:
        return hasattr(engine, "predict")

    def _list_labels(self) -> list[str] | None:
        return None

    def _answer(self, engine: Any, matrix: "NDArray[Any]") -> list[float]:  # noqa: ANN401
        numbers = [float(number) for number in engine.predict(matrix)]
        check_finite(numbers)
        return numbers

    def _answer_fully(self, engine: Any, matrix: "NDArray[Any]") -> list[Full]:  # noqa: ANN401
        return [(number, None, {}) for number in self._answer(engine, matrix)]
