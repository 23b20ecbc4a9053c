"""Predict the rows of a table, in as little memory as a thousand of them take."""

import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import MISSING, dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from oncology_model.jsonlines import JsonLines
from oncology_model.kinds import Number
from oncology_model.record import InvalidRecordError, Record, layout_of
from oncology_model.table import (
    BATCH,
    Columns,
    CsvTable,
    Row,
    Table,
    TableError,
    read_lines,
    shorten,
)

if TYPE_CHECKING:
    from oncology_model.serving import Result, Served

ERROR = "error"
"""The column that says why a row has no answer."""

_MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class Job:
    """A table to predict.

    Attributes:
        source: a file, or ``-`` for standard input.
        output: a file; None for standard output.
        is_json: whether both are JSON lines.
        delimiter: what stands between cells; None to recognise it.
        decimal: the decimal sign; None to recognise it.
        prefix: what the names of added columns begin with.
        marks: whether a row that cannot be predicted is marked, and is not the end.
        strict: whether values outside the ranges of training are refused.
    """

    source: str
    output: str | None = None
    is_json: bool = False
    delimiter: str | None = None
    decimal: str | None = None
    prefix: str = ""
    marks: bool = False
    strict: bool = False


class OutputError(RuntimeError):
    """Predictions cannot be written."""


def predict(model: "Served[Any]", job: Job, tell: Callable[[str], None]) -> int:
    """Predict each row of a table, and write it with the answer.

    Args:
        model: what predicts.
        job: what to read, what to write, and how.
        tell: gets what the user may have overlooked.

    Returns:
        How many rows could not be predicted and are marked.

    Raises:
        TableError: the table, or a row that is not to be marked, cannot be read.
        OutputError: the predictions cannot be written.
        ArtefactError: the model cannot be used.
        OSError: the source cannot be read.
    """
    with _open(job.source) as stream, _open_output(job.output) as write:
        table = _open_table(stream, model.record, job)
        for note in table.notes:
            tell(note)
        text, faults, warned = table.begin(_list_columns(model, job)), 0, 0
        rows, first = table.rows(), ""
        while batch := list(islice(rows, BATCH)):
            outcomes = list(zip(batch, _answer(model, batch, job), strict=True))
            answers = ((row, _show(row, outcome, job)) for row, outcome in outcomes)
            write(text + table.render(answers))
            text = ""
            faults += sum(isinstance(outcome, InvalidRecordError) for _, outcome in outcomes)
            doubtful = [pair for pair in outcomes if getattr(pair[1], "warnings", ())]
            first = first or next((_locate(model.record, *pair) for pair in doubtful), "")
            warned += len(doubtful)
        write(text)
    if warned:
        rows_outside = f"{warned}, the first is {first}; --strict refuses them"
        tell(f"{job.source}: rows outside the ranges that the model learnt from: {rows_outside}")
    return faults


@contextmanager
def _open(source: str) -> Iterator[BinaryIO]:
    if source != "-":
        with Path(source).open("rb") as stream:
            yield stream
    elif sys.stdin is None:  # closed by who started this
        message = "standard input is closed; name a file"
        raise TableError(message)
    else:
        yield sys.stdin.buffer


@contextmanager
def _open_output(path: str | None) -> Iterator[Callable[[str], None]]:
    if path is not None:
        with _replace(path) as stream:
            yield partial(_write, stream, path)
    elif sys.stdout is None:  # closed by who started this
        message = "standard output is closed; open it, or name a file with --output"
        raise OutputError(message)
    else:
        yield partial(_write, sys.stdout.buffer, "standard output")


@contextmanager
def _replace(path: str) -> Iterator[BinaryIO]:
    """Give a file that takes the place of another one when it is whole, and else is removed."""
    target = Path(path).resolve()  # a link stays one
    if target.exists() and not target.is_file():
        message = f"{path}: not a file that can be replaced; redirect standard output into it"
        raise OutputError(message)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    with ExitStack() as stack:
        stack.enter_context(_ending_by_exception())
        stack.callback(_remove, part)
        with _naming_errors(path):
            stream = part.open("xb")
        stack.callback(_close, stream)
        yield stream
        with _naming_errors(path):
            stream.flush()
            os.fsync(stream.fileno())
            if target.exists():
                shutil.copymode(target, part)
            part.replace(target)


def _open_table(stream: BinaryIO, record: type[Record], job: Job) -> Table:
    fields = layout_of(record).fields
    columns = Columns(
        [field.name for field in fields if field.default is MISSING],
        [field.name for field in fields if field.default is not MISSING],
        frozenset(field.name for field in fields if isinstance(field.kind, Number)),
    )
    lines = read_lines(stream)
    if job.is_json:
        return JsonLines(lines, columns)
    return CsvTable(lines, columns, delimiter=job.delimiter, decimal=job.decimal)


def _list_columns(model: "Served[Any]", job: Job) -> dict[str, bool]:
    from oncology_model.serving import Result  # noqa: PLC0415 - the model has imported it

    properties = cast("dict[str, dict[str, object]]", model.output_schema()["properties"])
    is_number = properties["prediction"].get("type") == "number"
    cells = Result(0.0 if is_number else "", 0.0, {}, "").cells()
    columns = {name: bool(cell) for name, cell in cells.items()}  # no number is shown empty
    columns |= {ERROR: False} if job.marks else {}
    return {f"{job.prefix}{name}": is_number for name, is_number in columns.items()}


def _answer(
    model: "Served[Any]", rows: Sequence[Row], job: Job
) -> list["Result | InvalidRecordError"]:
    records: dict[int, Record] = {}
    outcomes: dict[int, Result | InvalidRecordError] = {}
    for index, row in enumerate(rows):
        try:
            records[index] = _to_record(model.record, row, job)
        except InvalidRecordError as error:
            outcomes[index] = error
    results = model.results(records.values(), on_error="mark", strict=job.strict, batch=BATCH)
    outcomes.update(zip(records, results, strict=True))
    answers = [outcomes[index] for index in range(len(rows))]
    for row, answer in zip(rows, answers, strict=True):
        if isinstance(answer, InvalidRecordError) and not job.marks:
            column = ", column" if answer.field else ":"
            message = f"row {row.number}{column} {_explain(row, answer)}"
            raise TableError(message)
    return answers


def _to_record(record: type[Record], row: Row, job: Job) -> Record:
    if row.problem:
        raise record.error(*row.problem)
    if job.is_json:
        return record.from_mapping(row.values)
    return record.from_cells(cast("dict[str, str]", row.values))


def _locate(record: type[Record], row: Row, outcome: "Result | InvalidRecordError") -> str:
    """Name a row and the columns of it that have a warning."""
    texts, names = getattr(outcome, "warnings", ()), sorted(record.names(), key=len, reverse=True)
    columns = [
        # A name may have a colon as well: of several that fit, the longest.
        next((name for name in names if text.startswith(f"{name}: ")), text.partition(":")[0])
        for text in texts
    ]
    named = ", ".join(map(shorten, columns[:_MOST_NAMED]))
    if others := len(columns[_MOST_NAMED:]):
        named += f" and {others} other{'s' if others > 1 else ''}"
    return f"row {row.number}, column{'s' if len(columns) > 1 else ''} {named}"


def _show(row: Row, outcome: "Result | InvalidRecordError", job: Job) -> dict[str, object]:
    answer: Mapping[str, object]
    if isinstance(outcome, InvalidRecordError):
        answer = {ERROR: _explain(row, outcome)}
    else:
        answer = outcome.as_json() if job.is_json else outcome.cells()
    return {f"{job.prefix}{name}": value for name, value in answer.items()}


def _explain(row: Row, error: InvalidRecordError) -> str:
    """Say what is wrong with a row, but not which one it is."""
    text = f"{error.field}: {error.problem}" if error.field else error.problem
    cell = row.values.get(error.field)
    has_comma = error.problem.startswith("not a number") and isinstance(cell, str) and "," in cell
    return f"{text}; if the comma is its decimal sign, say --decimal ," if has_comma else text


def _write(stream: BinaryIO, name: str, text: str) -> None:
    with _naming_errors(name):
        stream.write(text.encode())


@contextmanager
def _naming_errors(name: str) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        message = f"{name}: cannot be written: {error.strerror}"
        raise OutputError(message) from None


@contextmanager
def _ending_by_exception() -> Iterator[None]:
    """Let a request to end, as a batch system sends it, clean up like Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield  # others cannot handle signals
        return
    handler = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, handler)


def _close(stream: BinaryIO) -> None:
    with suppress(OSError):  # of a full disk, what could not be written is written once more
        stream.close()


def _remove(path: Path) -> None:
    with suppress(OSError):  # it has its place, or was never made
        path.unlink()
