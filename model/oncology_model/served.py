"""The base of what serves a model: it reads records, asks the engine, and says what is refused.

Nothing here needs numpy or scikit-learn before the first prediction.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Literal, Self, TypeVar, overload

from oncology_model.errors import ArtefactError
from oncology_model.lazy_model import LazyModel
from oncology_model.load_lock import LOAD_LOCK
from oncology_model.record import InvalidRecordError, Named, Record, Records, layout_of
from oncology_model.result import Engine, Full, Result, to_results
from oncology_model.schema import describe_record, describe_result

if TYPE_CHECKING:  # these take longer to import than the package itself
    from importlib.resources.abc import Traversable
    from os import PathLike

    from numpy.typing import NDArray

    from oncology_model.batch import Batch, Reader
    from oncology_model.loading import Form
    from oncology_model.ranges import Ranges

Answer = TypeVar("Answer")
_T = TypeVar("_T")
_Ask = Callable[[Any, "NDArray[Any]"], list[_T]]

BATCH = 10_000  # as many as make the cost of a call vanish


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
        engine: "Form | None" = None,
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
            engine: "portable" for the model as arrays, which needs numpy alone, "sklearn" for
                the estimator that was fitted, with the packages of the extra ``sklearn``; None for
                the one that the package was made for.

        Raises:
            ValueError: there is no such engine.
        """
        check = partial(_prepare, type(self))
        self._model = LazyModel(
            artefact, check, verify=verify, any_version=any_version, form=engine
        )

    @classmethod
    def load(
        cls,
        artefact: "str | PathLike[str] | None" = None,
        *,
        verify: bool = True,
        any_version: bool = False,
        engine: "Form | None" = None,
    ) -> Self:
        """Load the model now and ask it once: for a service, before the first request.

        The arguments are those of the class.

        Raises:
            ArtefactError: the artefact cannot be used, or gives no sound answer.
        """
        served = cls(artefact, verify=verify, any_version=any_version, engine=engine)
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
        self, records: "Records", *, on_error: Literal["raise"] = "raise", strict: bool = False
    ) -> list[Answer]: ...

    @overload
    def predict_many(
        self, records: "Records", *, on_error: Literal["mark"], strict: bool = False
    ) -> list[Answer | InvalidRecordError]: ...

    def predict_many(
        self, records: "Records", *, on_error: str = "raise", strict: bool = False
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
            for batch, answers in self._ask(records, self._answer, on_error, BATCH, strict=strict)
            for answer in batch.merge(answers)
        ]

    def predict_result(self, record: "Record | Named", *, strict: bool = False) -> Result:
        """Predict for one record, with probabilities and warnings.

        The arguments and errors are those of `predict`.
        """
        answer, batch = self._ask_one(record, self._answer_fully, strict=strict)
        return to_results(batch, [answer])[0]

    def results(
        self,
        records: "Records",
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
            ValueError: *batch* is no whole number from 1 on, or *on_error* another word.
        """
        pairs = self._ask(records, self._answer_fully, on_error, batch, strict=strict)
        for read, answers in pairs:
            yield from read.merge(to_results(read, answers))

    def input_schema(self) -> dict[str, Any]:
        """Return the JSON Schema of a record, with units and the ranges of training.

        Raises:
            ArtefactError: the manifest cannot be read.
        """
        return describe_record(self.record, self._model.ranges)

    def output_schema(self) -> dict[str, Any]:
        """Return the JSON Schema of ``predict_result(…).as_json()``."""
        return describe_result(self._list_labels())

    @classmethod
    def to_matrix(cls, records: "Records") -> "NDArray[Any]":
        """Return records as an engine gets them, to compare engines by.

        Args:
            records: as for `predict_many`.

        Returns:
            An array with a row for each record and a column for each name, in the record's order,
            of float64 if all fields are numbers, else of objects.

        Raises:
            InvalidRecordError: a record is refused.
        """
        import numpy as np  # noqa: PLC0415

        from oncology_model.batch import Batch, Reader, pick_batches  # noqa: PLC0415

        reader = Reader(cls.record, {})
        parts = [reader.read(Batch(0), strict=False).matrix]  # so many columns where none follow
        for batch in pick_batches(layout_of(cls.record), records, BATCH):
            parts.append(reader.read(batch, strict=False).matrix)
            for error in batch.faults.values():
                raise error
        return np.concatenate(parts)

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

    def _answer_fully(self, engine: Any, matrix: "NDArray[Any]") -> list[Full]:  # noqa: ANN401
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
        self, records: "Records", ask: "_Ask[_T]", on_error: str, size: object, *, strict: bool
    ) -> "Iterator[tuple[Batch, list[_T]]]":
        try:
            with LOAD_LOCK.hold():  # as a process that forks meanwhile could not import it again
                from oncology_model.batch import pick_batches  # noqa: PLC0415
        except ImportError:
            self._model.get()  # which says what to install for the form that is asked
            raise
        if on_error not in {"raise", "mark"}:
            message = f'on_error must be "raise" or "mark", not {on_error!r}'
            raise ValueError(message)
        if not isinstance(size, int) or size < 1:
            message = f"batch must be a whole number from 1 on, not {size!r}"
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


def _describe(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
