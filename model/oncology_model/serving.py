"""The model as others use it: the base of its `Classifier` or `Regressor`.

Nothing here needs numpy or scikit-learn before the first prediction.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import (
    TYPE_CHECKING,
    Any,
    Generic,
    Literal,
    Protocol,
    Self,
    TypeVar,
    cast,
    overload,
)

from oncology_model.errors import ArtefactError
from oncology_model.lazy_model import LazyModel
from oncology_model.load_lock import LOAD_LOCK
from oncology_model.record import (
    InvalidRecordError,
    Named,
    Record,
    layout_of,
)
from oncology_model.schema import describe_record, describe_result

if TYPE_CHECKING:  # these take longer to import than the package itself
    from importlib.resources.abc import Traversable
    from os import PathLike

    from numpy.typing import NDArray

    from oncology_model.batch import Batch, Reader
    from oncology_model.ranges import Ranges

Answer = TypeVar("Answer")
_T = TypeVar("_T")
_Ask = Callable[[Any, "NDArray[Any]"], list[_T]]
_Full = tuple[Any, float | None, Mapping[str, float]]
"""An answer, its probability, and the probability of each class."""

EVEN = 0.5
_BATCH = 10_000  # as many as make the cost of a call vanish


class Engine(Protocol):
    """What answers: a fitted estimator, or what reads another format of it.

    That of a classifier has `classes_` too and, if it gives probabilities, `predict_proba`: one
    row of them, in the order of `classes_`, per row of the matrix. A matrix has a record a row
    and a column a name, in the order of the record's ``names()``; of float64 if all fields are
    numbers, else of objects.
    """

    def predict(self, matrix: "NDArray[Any]", /) -> "NDArray[Any]":
        """Give the answer to each row of *matrix*."""


@dataclass(frozen=True)
class Result:
    """An answer, with all that is to be said about it.

    Attributes:
        prediction: the class, or the number.
        probability: of the class that the model looks for, such as ``malignant``, where it looks
            for one; else of the class that is predicted. None if the model gives none.
        probabilities: of each class by name; empty if the model gives none.
        model_version: of the package; "0+unknown" in a checkout of its sources.
        warnings: what in the record is outside the ranges of training.
    """

    prediction: str | float
    probability: float | None
    probabilities: Mapping[str, float]
    model_version: str
    warnings: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        """Return it as a JSON object."""
        return {
            **vars(self),
            "prediction": self._plain(),
            "probabilities": dict(self.probabilities),
            "warnings": list(self.warnings),
        }

    def _plain(self) -> str | float:
        return str(self.prediction) if isinstance(self.prediction, str) else self.prediction

    def cells(self) -> dict[str, str]:
        """Return the cells of a table's row, by the name of their column."""
        if isinstance(self.prediction, float):
            return {"prediction": repr(self.prediction)}
        # Six decimals: the last bits of a float differ between kinds of CPU.
        share = "" if self.probability is None else f"{self.probability:.6f}"
        return {"prediction": str(self.prediction), "probability": share}


class Served(Generic[Answer]):
    """The trained model, ready to be asked. Whoever derives from it names the record.

    Making one costs nothing. The first prediction imports scikit-learn, checks the artefact
    and loads it, once, whichever thread comes first; keep the object and share it. A fork
    waits for the load to end. Copied, pickled or sent to another process, it loads the same file
    itself.
    """

    record: type[Record]
    """The class of the records."""

    def __init__(
        self,
        artefact: "str | PathLike[str] | None" = None,
        *,
        verify: bool = True,
        any_version: bool = False,
    ) -> None:
        """Choose the artefact, without reading it.

        Args:
            artefact: a file to use instead of the one that this package ships. Loading it
                runs code that it contains: pass only files that you trust.
            verify: load the artefact only if it is, byte for byte, what the manifest beside
                it says: for ``my.joblib`` that is ``my.joblib.json``. Turned off, no manifest
                is needed, and no ranges of training are known.
            any_version: load the artefact even if it was made with another scikit-learn, or
                a newer numpy or joblib, than is installed. It may then predict wrongly, with
                no more than a warning.
        """
        check = partial(_prepare, type(self))
        self._model = LazyModel(artefact, check, verify=verify, any_version=any_version)

    @classmethod
    def load(
        cls,
        artefact: "str | PathLike[str] | None" = None,
        *,
        verify: bool = True,
        any_version: bool = False,
    ) -> Self:
        """Load the model now and ask it once: for a service, before the first request.

        The arguments are those of the class.

        Raises:
            ArtefactError: the artefact cannot be used, or gives no sound answer.
        """
        served = cls(artefact, verify=verify, any_version=any_version)
        served.check()
        return served

    def check(self) -> None:
        """Ask the model for a typical record: a health check. Loads it if need be.

        Raises:
            ArtefactError: the artefact cannot be used, or gives no sound answer.
        """
        ready = self._model.get()
        if (row := ready.reader.make_typical()) is None:
            return
        try:
            with _on_one_thread():
                self._answer_fully(ready.engine, ready.reader.read_one(row).matrix)
        except MemoryError:
            raise
        except Exception as error:  # an estimator can raise anything at all
            message = f"{self!r}: it does not answer ({_describe(error)})"
            raise ArtefactError(message) from error

    def predict(self, record: "Record | Named", *, strict: bool = False) -> Answer:
        """Predict for one record.

        Args:
            record: a record, a mapping, a pandas Series or a row of sqlite3.
            strict: whether to refuse what is outside the ranges of training.

        Raises:
            InvalidRecordError: the record is refused.
            ArtefactError: the artefact cannot be used.
        """
        return self._ask_one(record, self._answer, strict=strict)[0]

    @overload
    def predict_many(
        self, records: object, *, on_error: Literal["raise"] = "raise", strict: bool = False
    ) -> list[Answer]: ...

    @overload
    def predict_many(
        self, records: object, *, on_error: Literal["mark"], strict: bool = False
    ) -> list[Answer | InvalidRecordError]: ...

    def predict_many(
        self, records: object, *, on_error: str = "raise", strict: bool = False
    ) -> list[Any]:
        """Predict for each record, in the order given; faster than one by one.

        Args:
            records: an iterable of records, each as for `predict`; or a DataFrame of pandas or
                polars, or a table of Arrow, with the columns of the record and no others.
            on_error: "raise" for the first record that is refused, or "mark": its error then
                stands in its place, and the others are answered.
            strict: whether to refuse what is outside the ranges of training.

        Raises:
            InvalidRecordError: a record is refused, or the columns of a table are not right.
            ArtefactError: the artefact cannot be used.
        """
        return [
            answer
            for batch, answers in self._ask(records, self._answer, on_error, _BATCH, strict=strict)
            for answer in batch.merge(answers)
        ]

    def predict_result(self, record: "Record | Named", *, strict: bool = False) -> Result:
        """Predict for one record, with probabilities and warnings.

        The arguments and errors are those of `predict`.
        """
        answer, batch = self._ask_one(record, self._answer_fully, strict=strict)
        return _to_results(batch, [answer])[0]

    def results(
        self,
        records: object,
        *,
        on_error: Literal["raise", "mark"] = "raise",
        strict: bool = False,
        batch: int = 1000,
    ) -> Iterator[Result | InvalidRecordError]:
        """Predict for each record, with probabilities and warnings, one batch after the other.

        Args:
            records: as for `predict_many`; read as the results are.
            on_error: as for `predict_many`.
            strict: as for `predict_many`.
            batch: how many records are read and answered at a time.

        Raises:
            InvalidRecordError: a record is refused, or the columns of a table are not right.
            ArtefactError: the artefact cannot be used.
        """
        pairs = self._ask(records, self._answer_fully, on_error, batch, strict=strict)
        for read, answers in pairs:
            yield from read.merge(_to_results(read, answers))

    def input_schema(self) -> dict[str, Any]:
        """Return the JSON Schema of a record, with units and the ranges of training.

        Raises:
            ArtefactError: the manifest cannot be read.
        """
        return describe_record(self.record, self._model.ranges)

    def output_schema(self) -> dict[str, Any]:
        """Return the JSON Schema of ``predict_result(…).as_json()``."""
        return describe_result(self._list_labels())

    def __repr__(self) -> str:
        """Say of which version the model is, and whether it is loaded."""
        from oncology_model.installed import read_version  # noqa: PLC0415

        state = "loaded" if self._model.is_loaded else "not loaded"
        return f"<{__package__}.{type(self).__name__} {read_version()}, {state}>"

    @classmethod
    def make_engine(cls, model: object, artefact: "Traversable") -> Engine:
        """Check what was loaded and make of it what answers; override it for other formats.

        Args:
            model: what was loaded.
            artefact: its path.

        Raises:
            ArtefactError: it is not a model for these records.
        """
        from oncology_model.engine import make_engine  # noqa: PLC0415

        engine = make_engine(model, layout_of(cls.record))
        if engine is None or not cls._fits(engine):
            problem = "was not trained for this version of the package; run `make train`"
            message = f"{artefact}: {problem}"
            raise ArtefactError(message)
        return engine

    @classmethod
    def _fits(cls, engine: Engine) -> bool:
        raise NotImplementedError

    def _list_labels(self) -> list[str] | None:
        raise NotImplementedError

    def _answer(self, engine: Any, matrix: "NDArray[Any]") -> list[Answer]:  # noqa: ANN401
        raise NotImplementedError

    def _answer_fully(self, engine: Any, matrix: "NDArray[Any]") -> list[_Full]:  # noqa: ANN401
        raise NotImplementedError

    def _ask_one(self, record: object, ask: "_Ask[_T]", *, strict: bool) -> "tuple[_T, Batch]":
        layout = layout_of(self.record)
        row = layout.take(layout.pick_checked(record))  # before the model is loaded
        ready = self._model.get()
        batch = ready.reader.read_one(row, strict=strict)
        answers = self._ask_soundly(ask, ready.engine, batch)
        for error in batch.faults.values():
            raise type(error)(error.field, error.problem)
        return answers[0], batch

    def _ask(
        self, records: object, ask: "_Ask[_T]", on_error: str, size: int, *, strict: bool
    ) -> "Iterator[tuple[Batch, list[_T]]]":
        with LOAD_LOCK.hold():  # as a process that forks meanwhile could not import it again
            from oncology_model.batch import pick_batches  # noqa: PLC0415

        if on_error not in {"raise", "mark"}:
            message = f'on_error must be "raise" or "mark", not {on_error!r}'
            raise ValueError(message)
        for batch in pick_batches(layout_of(self.record), records, size):
            answers: list[_T] = []
            if batch.places:
                ready = self._model.get()
                ready.reader.read(batch, strict=strict)
                answers = self._ask_soundly(ask, ready.engine, batch)
            if batch.faults and on_error == "raise":
                raise batch.faults[min(batch.faults)]
            yield batch, answers

    def _ask_soundly(self, ask: "_Ask[_T]", engine: Engine, batch: "Batch") -> list[_T]:
        """Ask an engine, and refuse the records that it fails on."""
        if not batch.places:  # scikit-learn refuses a matrix without rows
            return []
        try:
            return ask(engine, batch.matrix)
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001 - an estimator can raise anything at all
            self.check()
        answers = self._ask_halves(ask, engine, batch, range(len(batch.places)))
        batch.drop()
        return answers

    def _ask_halves(self, ask: "_Ask[_T]", engine: Engine, batch: "Batch", part: range) -> list[_T]:
        try:
            return ask(engine, batch.matrix[part.start : part.stop])
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - as above
            if len(part) == 1:
                field = next((name for name, _ in batch.remarks.get(batch.places[part[0]], ())), "")
                problem = f"the model has no answer to it ({_describe(error)})"
                batch.refuse(part[0], self.record.error(field, problem))
                return []
        middle = len(part) // 2
        first = self._ask_halves(ask, engine, batch, part[:middle])
        return first + self._ask_halves(ask, engine, batch, part[middle:])


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

    def _predict_positives(self, records: object, *, strict: bool = False) -> list[float]:
        """Return it of each record; arguments and errors are those of `predict_many`."""
        pairs = self._ask(records, self._answer_positive, "raise", _BATCH, strict=strict)
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
        _check_finite(shares)
        return shares

    def _answer_fully(self, engine: Any, matrix: "NDArray[Any]") -> list[_Full]:  # noqa: ANN401
        if not hasattr(engine, "predict_proba"):
            return [(answer, None, {}) for answer in self._answer(engine, matrix)]
        names = self._list_names(engine)
        rows = engine.predict_proba(matrix).tolist()
        _check_finite(chain.from_iterable(rows))
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
        _check_finite(numbers)
        return numbers

    def _answer_fully(self, engine: Any, matrix: "NDArray[Any]") -> list[_Full]:  # noqa: ANN401
        return [(number, None, {}) for number in self._answer(engine, matrix)]


@dataclass(frozen=True)
class _Ready:
    """A model that was loaded, and what reads its records."""

    engine: Engine
    reader: "Reader"


def _prepare(
    served: type[Served[Any]], model: object, artefact: "Traversable", ranges: "Ranges"
) -> _Ready:
    # All that predictions import: nothing is imported after the load.
    from oncology_model.batch import Reader  # noqa: PLC0415
    from oncology_model.installed import read_version  # noqa: PLC0415

    read_version()
    return _Ready(served.make_engine(model, artefact), Reader(served.record, ranges))


def _on_one_thread() -> "AbstractContextManager[object]":
    # What threads GNU OpenMP starts, a later fork does not take along, and whoever predicts in the
    # child waits for them for ever: gcc bug 58378, seen with XGBoost (xgboost#8040) and here with
    # scikit-learn's HistGradientBoostingClassifier.
    try:
        from threadpoolctl import threadpool_limits  # noqa: PLC0415 - scikit-learn needs it
    except ImportError:
        return nullcontext()
    return threadpool_limits(1, "openmp")


def _to_results(batch: "Batch", answers: Iterable[_Full]) -> list[Result]:
    from oncology_model.installed import read_version  # noqa: PLC0415

    version = read_version()
    return [
        Result(
            answer,
            probability,
            shares,
            version,
            tuple(f"{name}: {problem}" for name, problem in batch.remarks.get(place, ())),
        )
        for place, (answer, probability, shares) in zip(batch.places, answers, strict=True)
    ]


def _check_finite(numbers: Iterable[float]) -> None:
    if not all(map(math.isfinite, numbers)):
        message = "the answer is not a finite number"
        raise ValueError(message)


def _describe(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
