"""Import the entry point and look whether it can be called, before anything is trained.

Run by file path with ``-P``, in the environment that training runs in. ``PYTHONPATH`` names
``FOLDER``, which holds the package that is shipped and nothing else of the repository.

    python -P entry_point.py MODULE:FUNCTION FOLDER

Prints nothing if it can be called; else one line, ASCII's record separator, ``entry point: `` and
JSON, after RFC 7464, so that no output of the model is taken for it:

``problem``
    One clause.
``file``, ``line``
    Where it happens, the file with its whole path; empty and 0 where that is not in a file.
``module``
    The module that is missing, if one is.
``certain``
    False for what may well work once there is a model.
"""

from __future__ import annotations

import contextlib
import difflib
import importlib
import inspect
import json
import opcode
import pkgutil
import symtable
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

_WIDTH = 300
_MOST = 4
_IMPORTS = {opcode.opmap["IMPORT_NAME"], opcode.opmap["IMPORT_FROM"]}


def main(entry_point: str, folder: str) -> None:
    """Say what is wrong with the entry point, if anything is."""
    module, _, name = entry_point.partition(":")
    try:
        owner: Any = importlib.import_module(module)
        problem = follow(owner, name)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever the model's module raises
        traceback.print_exc()
        report(**explain(module, error, folder))
    else:
        if problem:
            report(**problem)


def report(problem: str, file: str = "", line: int = 0, module: str = "", *, certain: bool) -> None:
    """Print one problem."""
    answer = {"problem": problem, "file": file, "line": line, "module": module, "certain": certain}
    print(f"\n\x1eentry point: {json.dumps(answer)}")  # noqa: T201 - the toolkit reads it


def follow(owner: Any, name: str) -> dict[str, Any]:
    """Return what is wrong with a chain of attributes, or with what it ends at."""
    place = owner.__name__
    for part in name.split("."):
        try:
            owner = getattr(owner, part)
        except AttributeError as error:
            if error.__traceback__ is not None and error.__traceback__.tb_next is not None:
                raise  # by the model's own code, which may need the model for it
            fix = near(part, dir(owner)) or offers(owner)
            return {"problem": f"{place} has no {part}{fix}", "certain": is_final(owner, part)}
        place = f"{place}.{part}"
    return {} if owner is None else problem_of_call(owner, place)


def near(name: str, names: Iterable[str]) -> str:
    """Return a question about the name that was probably meant; empty where none is like it."""
    matches = difflib.get_close_matches(name, names, 1)
    return f": did you mean {matches[0]}?" if matches else ""


def offers(owner: Any) -> str:
    """Return the functions and classes that a module or a class defines itself, as a clause."""
    names = [
        name
        for name, value in getattr(owner, "__dict__", {}).items()
        if callable(value) and not name.startswith("_")
        and getattr(value, "__module__", "") == getattr(owner, "__name__", "")
    ]  # fmt: skip
    more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
    return f"; it has {', '.join(names[:_MOST])}{more}" if names else ""


def is_final(owner: Any, name: str) -> bool:
    """Return whether an attribute that is missing now will be missing with a model, too.

    An object may be another one once the model is loaded, and a module may bind the name in a
    branch of its code: ``if MODEL.exists(): predict = load(MODEL).predict``.
    """
    if not inspect.ismodule(owner):
        return inspect.isclass(owner)
    with contextlib.suppress(OSError, TypeError, SyntaxError):
        source = inspect.getsource(owner)
        return name not in symtable.symtable(source, owner.__name__, "exec").get_identifiers()
    return True


def problem_of_call(function: Any, place: str) -> dict[str, Any]:
    """Return why a function cannot be called with one record and answer at once."""
    problem = ""
    if not callable(function):
        problem = f"{place} cannot be called: it is of type {type(function).__name__}"
    elif inspect.iscoroutinefunction(function):
        problem = f"{place} is asynchronous, so a call returns no answer"
    else:
        # A decorator's own parameters count: it may add what it wraps needs. Some built-in
        # functions have no signature.
        with contextlib.suppress(ValueError):
            signature = inspect.signature(function, follow_wrapped=False)
            try:
                signature.bind({})
            except TypeError as error:
                problem = f"{place}{signature} cannot be called with one record: {error}"
    return {"problem": problem, "certain": True} if problem else {}


def explain(module: str, error: BaseException, folder: str) -> dict[str, Any]:
    """Return what an import raised, where, and whether it would also be raised with a model."""
    own = [each for each in frames(error.__traceback__) if is_below(each, folder)]
    missing = (error.name or "") if isinstance(error, ModuleNotFoundError) else ""
    if not own and missing and f"{module}.".startswith(f"{missing}."):
        parent, _, last = missing.rpartition(".")
        path = getattr(sys.modules.get(parent), "__path__", []) if parent else [folder]
        fix = near(last, [each.name for each in pkgutil.iter_modules(path)])
        fix = fix.replace("mean ", f"mean {parent}.") if parent else fix
        return {"problem": f"there is no module {missing}{fix}", "module": missing, "certain": True}
    text = " ".join(str(error).split())
    problem = f"{module} cannot be imported: {type(error).__name__}: {text[:_WIDTH]}"
    where: tuple[str, int] = ("", 0)
    if isinstance(error, SyntaxError) and error.filename:
        where = (error.filename, error.lineno or 0)
        problem = f"{module} cannot be imported: {type(error).__name__}: {error.msg}"
    elif own:
        where = (own[-1].tb_frame.f_code.co_filename, own[-1].tb_lineno)
    return {
        "problem": problem,
        "file": where[0],
        "line": where[1],
        "module": missing,
        "certain": isinstance(error, ImportError | SyntaxError) and (not own or imports(own[-1])),
    }


def frames(trace: TracebackType | None) -> Iterable[TracebackType]:
    """Yield each frame of a traceback, the innermost last."""
    while trace is not None:
        yield trace
        trace = trace.tb_next


def is_below(trace: TracebackType, folder: str) -> bool:
    """Return whether a frame runs code of the package."""
    return Path(trace.tb_frame.f_code.co_filename).is_relative_to(folder)


def imports(trace: TracebackType) -> bool:
    """Return whether a frame is at an import statement.

    Elsewhere the error may be about the model: an earlier one refers to a class that has moved,
    or the module itself raises ImportError because there is none.
    """
    return trace.tb_frame.f_code.co_code[trace.tb_lasti] in _IMPORTS


if __name__ == "__main__":
    main(*sys.argv[1:])
