"""Derive the portable form of a trained model, and prove that it answers as the estimator does.

Run by file path with ``-P`` in the environment of training, with the package that ships at hand:

    python -P convert.py MODULE:FUNCTION MODEL PORTABLE ANSWER [RECORDS …]

``MODULE:FUNCTION`` is the entry point, whose module has the class that serves the model.
``RECORDS`` are files of one JSON object a line, a record or one with a record as ``input``.
``PORTABLE`` gets the form; of a model that has none it says why. ``ANSWER`` gets a JSON object:
``reason``, empty for a form that answers the same to all records and to drawn rows.
"""

from __future__ import annotations

import importlib
import importlib.util
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_CONVERTER = "trainwheel_portable"
_DRAWS = 20_000


class NoFormError(Exception):
    """The model has no portable form; the message says why."""


def main(entry_point: str, model: str, portable: str, answer: str, *records: str) -> None:
    """Write the portable form, and why there is none."""
    reason, content = "", b""
    module = importlib.import_module(entry_point.partition(":")[0])
    converter = load_converter()
    try:
        estimator = read(model)
        content = converter.convert(estimator)
        reason = prove(module, converter, estimator, content, [*rows_of(records)])
    except (converter.NotPortableError, NoFormError) as error:
        reason = str(error)
    except Exception as error:  # noqa: BLE001 - whatever records or code of the user raise
        reason = f"it cannot be proved: {type(error).__name__}: {error}".partition("\n")[0]
    Path(portable).write_bytes(placeholder(reason) if reason else content)
    Path(answer).write_text(json.dumps({"reason": reason}), encoding="utf-8")


def read(model: str) -> Any:
    """Return the estimator in a file of joblib or pickle."""
    try:
        return importlib.import_module("joblib").load(model)
    except Exception as error:  # whatever a file in another format, or a folder, raises
        name, kind = Path(model).name, type(error).__name__
        reason = f"{name} is not an estimator that joblib reads ({kind})"
        raise NoFormError(reason) from error


def load_converter() -> Any:
    """Load the package that converts under a name that no module of the user has."""
    folder = Path(__file__).with_name("portable")
    spec = importlib.util.spec_from_file_location(
        _CONVERTER, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(folder)
    module = importlib.util.module_from_spec(spec)
    sys.modules[_CONVERTER] = module
    spec.loader.exec_module(module)
    return module


def prove(module: Any, converter: Any, estimator: Any, content: bytes, rows: list[Any]) -> str:
    """Return the first difference between the two forms; empty for none."""
    package = module.__name__.rpartition(".")[0]
    try:
        interpreter = importlib.import_module(f"{package}.portable")
        importlib.import_module(f"{package}.serving")
    except ModuleNotFoundError as error:
        reason = f"{package} does not have what reads it: {error}"
        raise NoFormError(reason) from error
    arrays = interpreter.load_portable(content)
    matrix = class_in(module, package).to_matrix(rows)
    difference = converter.prove_portable(estimator, arrays, matrix, _DRAWS)
    return f"it answers otherwise: {difference}" if difference else ""


def class_in(module: Any, package: str) -> Any:
    """Return the class that serves the model: the one of the module that derives from `Served`."""
    base = importlib.import_module(f"{package}.serving").Served
    own = [each for each in vars(module).values() if isinstance(each, type)]
    for each in own:
        if issubclass(each, base) and each.__module__ == module.__name__:
            return each
    reason = f"no class in {module.__name__} derives from {base.__name__}"
    raise NoFormError(reason)


def rows_of(paths: tuple[str, ...]) -> Iterator[Any]:
    """Yield the records in files."""
    for path in paths:
        for line in Path(path).read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            yield row["input"] if isinstance(row.get("input"), dict) else row


def placeholder(reason: str) -> bytes:
    """Return a file that says why a model has no portable form."""
    numpy = importlib.import_module("numpy")
    graph = json.dumps({"schema": 0, "reason": reason}).encode()
    file = io.BytesIO()
    numpy.savez(file, allow_pickle=False, graph=numpy.frombuffer(graph, numpy.uint8))
    return file.getvalue()


if __name__ == "__main__":
    main(*sys.argv[1:])
