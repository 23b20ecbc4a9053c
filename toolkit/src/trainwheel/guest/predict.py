"""Predict golden records through the model's entry point.

Run by file path with ``-P`` in an environment that holds the model, so that this folder shadows
nothing and the toolkit's own process never loads a model.

    python -P predict.py MODULE:FUNCTION INPUTS OUTPUTS [ARTEFACT [FORM]]

``INPUTS`` holds one JSON object a line; ``OUTPUTS`` gets the function's answer to each, one JSON
value a line, and stands there when all are answered. Until then they are in ``OUTPUTS.part``, so
that whoever finds this process dead can count them. Where one fails, ``OUTPUTS.failure`` is a JSON
object: ``number`` of the record from 1 (0: before the first), ``error`` as the lines of the
exception, ``place`` in the model's own code, ``hint``; exit code 1. With the model's file named,
standard output has a notice for each slow estimator in it, and names those that carry rows of the
training data. ``FORM`` is the form of the model that is asked, of a package that has several.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib
import importlib.util
import json
import math
import os
import re
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

_LINES, _WIDTH, _DEEPEST = 20, 300, 50
_ROWS = ("_fit_X", "support_vectors_", "X_train_", "X_fit_")
"""Where neighbours, support vectors, Gaussian processes and kernel methods keep their rows."""
_NO_ATTRIBUTE = re.compile(r"[Cc]an't get attribute '([^']+)' on <module '([^']+)'")
_PLAIN = (str, int, float, type(None))
_NESTED = (dict, list, tuple)


class NotJsonError(TypeError):
    """An answer holds what JSON does not have."""

    hint = ""


def main(entry_point: str, inputs: str, outputs: str, artefact: str = "", form: str = "") -> None:
    """Answer each line of ``inputs`` in ``outputs``."""
    number = 0
    try:
        module, _, name = entry_point.partition(":")
        owner: Any = importlib.import_module(module)
        if form:
            package = module.rpartition(".")[0]
            importlib.import_module(f"{package}.lazy_model").LazyModel.preferred = form
        predict = functools.reduce(getattr, name.split("."), owner)
        with (
            Path(inputs).open(encoding="utf-8") as records,
            Path(f"{outputs}.part").open("w", encoding="utf-8", buffering=1) as answers,
        ):
            for number, line in enumerate(records, 1):  # noqa: B007 - what the failure names
                answers.write(f"{encode(predict(json.loads(line)))}\n")
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever the model's function raises
        fail(error, number, entry_point, outputs)
    os.replace(f"{outputs}.part", outputs)  # noqa: PTH105 - as short as it gets
    if artefact:
        describe(artefact)


def describe(artefact: str) -> None:
    """Print notices of the estimators in the model; this looks at every object in memory."""
    # An entry point that does not keep its model between two records has dropped it by now.
    model = None if holds_estimators() else load(artefact)
    for notice in sorted(set(parallel_estimators())):
        print(f"notice: {notice}")  # noqa: T201 - the toolkit hands it on
    for kind in sorted(set(carriers())):
        print(f"carries: {kind}")  # noqa: T201 - as above
    del model


def fail(error: BaseException, number: int, entry_point: str, outputs: str) -> NoReturn:
    """Write what failed, for people to be shown; the traceback is for the log."""
    traceback.print_exception(error)
    top = entry_point.partition(":")[0].partition(".")[0]
    name = "" if isinstance(error, NotJsonError) else type(error).__name__
    # Python would name the file of this script as that of __main__.
    text = re.sub(r"<module '([^']+)'[^>]*>", r"module '\1'", str(error))
    lines = f"{name}: {text}".strip(": ").splitlines()[:_LINES]
    failure = {
        "number": number,
        "error": [line if len(line) <= _WIDTH else f"{line[:_WIDTH]}…" for line in lines],
        "place": place_of(error, top),
        "hint": advice(error, top),
    }
    Path(f"{outputs}.failure").write_text(json.dumps(failure), encoding="utf-8")
    sys.exit(1)


def place_of(error: BaseException, top: str) -> str:
    """Return the innermost line of the package's own code that an exception came through."""
    folders: list[str] = []
    with contextlib.suppress(Exception):
        spec = importlib.util.find_spec(top)
        folders = [f"{path}{os.sep}" for path in (spec and spec.submodule_search_locations) or ()]
        folders += [spec.origin] if spec and spec.origin else []
    own = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename.startswith(tuple(folders))
    ]
    if isinstance(error, SyntaxError) and str(error.filename).startswith(tuple(folders)):
        return f"{shorten(str(error.filename), top)} line {error.lineno}"
    return f"{shorten(own[-1].filename, top)} line {own[-1].lineno}, {own[-1].name}" if own else ""


def shorten(path: str, top: str) -> str:
    """Return a path from the package on."""
    parts = Path(path).parts
    start = len(parts) - 1 - parts[::-1].index(top) if top in parts else -1
    return "/".join(parts[start:])


def advice(error: BaseException, top: str) -> str:
    """Return how to fix what was raised; empty where nothing but the model's code can tell."""
    if isinstance(error, NotJsonError):
        return error.hint
    if isinstance(error, SystemExit):
        return "let it raise an exception for a record that it cannot answer"
    if match := _NO_ATTRIBUTE.search(str(error)):
        name = f"{match[2]}.{match[1]}"
        file = getattr(sys.modules.get(match[2]), "__file__", None) or ""
        if "site-packages" in Path(file).parts:
            package = match[2].partition(".")[0]
            return f"the model was made with another version of {package}: train it again"
        return (
            f"the model refers to {name}, which is not there: define it in a module of {top}, "
            "import it from there in training, and train again"
        )
    missing = error.name if isinstance(error, ModuleNotFoundError) else None
    if missing and missing.partition(".")[0] != top:
        return (
            f"if {missing} is a package, add it to [packages] of the Pipfile and run "
            f"`nox -s lock`; if it is code of training, move what the model needs of it to {top}"
        )
    return ""


def encode(answer: Any) -> str:
    """Return an answer as JSON.

    Raises:
        NotJsonError: It holds something else, which is named with its place.
    """
    try:
        return json.dumps(answer, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        for keys, value in misfits(answer, ()):
            where = f'key "{".".join(map(str, keys))}" of the answer' if keys else "the answer"
            refusal = NotJsonError(f"{where} is {kind_of(value)}, which JSON does not have")
            refusal.hint = fix_of(value)
            raise refusal from None
        message = f"the answer cannot be written as JSON: {error}"
        raise NotJsonError(message) from None


def misfits(value: Any, keys: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Yield each part of an answer that JSON does not have, with the keys that lead to it."""
    if isinstance(value, dict) and len(keys) < _DEEPEST:
        for key, inner in value.items():
            if not isinstance(key, _PLAIN):
                yield (*keys, key), key
            yield from misfits(inner, (*keys, key))
    elif isinstance(value, list | tuple) and len(keys) < _DEEPEST:
        for index, inner in enumerate(value):
            yield from misfits(inner, (*keys, index))
    elif not isinstance(value, _PLAIN + _NESTED) or (
        isinstance(value, float) and not math.isfinite(value)
    ):
        yield keys, value


def kind_of(value: Any) -> str:
    """Return what something is, for one line: NaN, set, numpy.int64."""
    if isinstance(value, float):
        return "NaN" if math.isnan(value) else "Infinity"
    kind = type(value)
    module = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
    return f"{module}{kind.__qualname__}"


def fix_of(value: Any) -> str:
    """Return how to make a JSON value of something."""
    if isinstance(value, float):
        return "let the function return None where a number is unknown"
    if hasattr(value, "tolist"):
        return "let the function convert it by .tolist(), which gives values of Python's own"
    return "let the function return text, numbers, booleans, None, and lists and dicts of them"


def holds_estimators() -> bool:
    """Return whether any scikit-learn estimator is in memory."""
    base = sys.modules.get("sklearn.base")
    return base is not None and any(isinstance(x, base.BaseEstimator) for x in gc.get_objects())


def load(artefact: str) -> Any:
    """Return the content of the model's file; None where joblib cannot load it."""
    with contextlib.suppress(Exception):
        return importlib.import_module("joblib").load(artefact)
    return None


def parallel_estimators() -> Iterator[str]:
    """Yield a line for each loaded scikit-learn estimator that would start workers to predict."""
    for name, state in estimators():
        jobs = state.get("n_jobs")
        if type(jobs) is int and jobs not in {0, 1}:
            yield (
                f"{name} keeps n_jobs={jobs}: one row at a time it predicts several "
                "times slower; set n_jobs=None before it is dumped"
            )


def carriers() -> Iterator[str]:
    """Yield the kind of each loaded estimator that holds rows that it was fitted to."""
    for name, state in estimators():
        if any(state.get(row) is not None for row in _ROWS):
            yield name


def estimators() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield kind and state of each loaded scikit-learn estimator."""
    for thing in gc.get_objects():
        # Some objects raise even where their type or attributes are read.
        with contextlib.suppress(Exception):
            kind = type(thing)
            if kind.__module__.startswith("sklearn."):
                yield kind.__name__, vars(thing)


if __name__ == "__main__":
    main(*sys.argv[1:])
