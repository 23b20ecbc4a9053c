"""What the values of configuration keys may be: for the parser, and as JSON Schema for editors.

Each `Value` returns the value to keep, or raises `ValueError` with what is expected.
"""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Any, Generic, TypeVar

_T = TypeVar("_T")
_Schema = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Value(Generic[_T]):
    """A kind of value.

    Args:
        read: Returns the value to keep, or raises `ValueError` with what is expected.
        schema: The same in JSON Schema (draft 7), as far as that can say it.
    """

    read: Callable[[Any], _T]
    schema: _Schema

    def __call__(self, value: object) -> _T:
        """Return the value to keep, or raise `ValueError` with what is expected."""
        return self.read(value)


def _schema(**schema: object) -> Callable[[Callable[[Any], _T]], Value[_T]]:
    """Give a function the schema of the values that it takes."""
    return lambda read: Value(read, schema)


def _text(pattern: str) -> Callable[[Callable[[Any], _T]], Value[_T]]:
    """Give a function the schema of a text that a regular expression matches as a whole."""
    return _schema(type="string", pattern=f"^{pattern}$")


def _kind(
    fits: Callable[[Any], bool], expected: str, keep: Callable[[Any], _T], **schema: object
) -> Value[_T]:
    """Return what takes the values that fit, as ``keep`` returns them."""

    def read(value: object) -> _T:
        if not fits(value):
            raise ValueError(expected)
        return keep(value)

    return Value(read, schema)


def _matching(pattern: str, expected: str) -> Value[str]:
    """Return what takes a text that a regular expression matches as a whole."""
    whole = re.compile(pattern)
    schema = {"type": "string", "pattern": f"^{pattern}$"}
    return _kind(lambda v: isinstance(v, str) and bool(whole.fullmatch(v)), expected, str, **schema)


def _list_of(value: Value[str], expected: str, least: int = 0) -> Value[tuple[str, ...]]:
    """Return what takes a list of values of one kind."""
    schema = {"type": "array", "items": value.schema, "minItems": least}
    return _kind(
        lambda values: isinstance(values, list) and len(values) >= least,
        expected,
        lambda values: tuple(map(value, values)),
        **schema,
    )


# In the words that Python and JavaScript (ECMA 262) share, for editors read them as well.
_NAME = "[A-Za-z_][A-Za-z0-9_]*"
_PYTHON = "PYTHON(HOME|PATH|STARTUP|SAFEPATH|HASHSEED|UNBUFFERED|DONTWRITEBYTECODE|PYCACHEPREFIX)"
_OUR_NAME = f"(PATH|VIRTUAL_ENV|COVERAGE_FILE|TRAINWHEEL_[A-Za-z0-9_]*|{_PYTHON})"
_IDENTIFIER = rf"{_NAME}(\.{_NAME})*"
_EXTRA = r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?"
_PATTERN = r"[A-Za-z0-9*]([A-Za-z0-9._*-]*[A-Za-z0-9*])?"
_SCHEDULER = r"(tcp|tls)://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:]+\]):[0-9]{1,5}"
_NOT_BLANK = r"[\s\S]*\S[\s\S]*"
# Relative, without a step upwards, a backslash or a zero byte.
_PATH = r"(?!/)(?!([\s\S]*/)?\.\.(/|$))[^\\\u0000]+"
# The same without brackets, which other tools read as wildcards, and not the root itself.
_IGNORED = rf"(?!!?\.(/+\.?)*$)(?![\s\S]*[\[\]]){_PATH}"
_NUMBER = r"[0-9]{1,15}(\.[0-9]{1,15})?"
_ZERO = r"0{1,15}(\.0{1,15})?"

_TIMES = {"s": 1, "min": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,9})?) ?(s|min|h|d)", re.ASCII)
_FACTORS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,15})?) ?([A-Za-z]*)", re.ASCII)


a_text = _matching(_NOT_BLANK, "a text that is not empty")


@_text(_NOT_BLANK)
def a_command(value: object) -> str:
    """Return a command that can be divided into words as a shell does."""
    text = a_text(value)
    try:
        words = shlex.split(text)
    except ValueError:
        words = []
    if not words or not words[0]:
        message = "a command whose quotation marks are all closed, and that names a program"
        raise ValueError(message)
    return text


_an_import_name = _matching(_IDENTIFIER, "an import name such as oncology_model")


@_text(rf"(?!model$){_IDENTIFIER}")
def a_module(value: object) -> str:
    """Return an import name, other than ``model``."""
    if value == "model":
        message = "a name other than 'model', under which two model wheels overwrite each other"
        raise ValueError(message)
    return _an_import_name(value)


@_text(_PATH)
def a_path(value: object) -> str:
    """Return a path inside the repository."""
    if not isinstance(value, str) or not re.fullmatch(_PATH, value):
        message = "a path inside the repository, with forward slashes"
        raise ValueError(message)
    return str(PurePosixPath(value))


@_text(rf"(?!\.(/+\.?)*$){_PATH}")
def a_member(value: object) -> str:
    """Return a path inside the package."""
    path = a_path(value)
    if path == ".":
        message = "a path inside the package, which training replaces"
        raise ValueError(message)
    return path


@_schema(
    anyOf=[
        a_member.schema,
        {"type": "array", "items": a_member.schema, "minItems": 1, "uniqueItems": True},
    ]
)
def members(value: object) -> tuple[str, ...]:
    """Return one path inside the package or several: all in the folder of the first, or below.

    That folder is where the manifest is, which names each file by its path from there.
    """
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not names:
        message = "a path inside the package, or a list of such paths"
        raise ValueError(message)
    paths = tuple(map(a_member, names))
    first = PurePosixPath(paths[0])
    for number, name in enumerate(paths):
        path = PurePosixPath(name)
        for other in (PurePosixPath(other) for other in paths[:number] + paths[number + 1 :]):
            if path.is_relative_to(other):
                message = f"paths of which none is in another or twice, unlike {name}"
                raise ValueError(message)
        if not path.is_relative_to(first.parent):
            message = f"paths in the folder of the first one or below it, unlike {name}"
            raise ValueError(message)
        if name == f"{first}.json":
            message = f"another name than {name}, which is the manifest of {first}"
            raise ValueError(message)
    return paths


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_extras(value: object) -> bool:
    return isinstance(value, dict) and all(
        re.fullmatch(_EXTRA, name) and isinstance(category, str) and category
        for name, category in value.items()
    )


a_number = _kind(
    lambda v: _is_number(v) and math.isfinite(v), "a finite number", float, type="number"
)
a_positive_number = _kind(
    lambda v: _is_number(v) and 0 <= v < math.inf,
    "a finite number from 0 on", float, type="number", minimum=0,
)  # fmt: skip
a_tolerance = _kind(
    lambda v: _is_number(v) and 0 <= v < 1,
    "a number from 0 to 1, relative", float, type="number", minimum=0, exclusiveMaximum=1,
)  # fmt: skip
a_whole_number = _kind(lambda v: type(v) is int, "a whole number", int, type="integer")
a_count = _kind(
    lambda v: type(v) is int and v >= 0, "a whole number from 0 on", int, type="integer", minimum=0
)
a_flag = _kind(lambda v: isinstance(v, bool), "true or false", bool, type="boolean")
extras_table = _kind(
    _is_extras,
    'a table of extras and Pipfile categories such as { gpu = "gpu" }',
    dict[str, str],
    type="object",
    propertyNames={"pattern": f"^{_EXTRA}$"},
    additionalProperties={"type": "string", "minLength": 1},
)


@_schema(
    anyOf=[
        {"const": 0},
        {"type": "string", "pattern": rf"^\s*({_ZERO} ?|{_NUMBER} ?([Bb]|[KkMmGgTt][Bb]))\s*$"},
    ]
)
def a_size(value: object) -> int:
    """Return how many bytes a text such as ``5 GB`` or ``1.5MB`` says; 0 needs no unit."""
    match = _SIZE.fullmatch(str(value).strip())
    if match is not None:
        number, unit = Decimal(match[1]), match[2].upper()
        if unit in _FACTORS:
            return int(number * _FACTORS[unit])
        if not unit and not number:
            return 0
    message = 'a size with its unit, such as "5 GB" or "500 MB", or "0"'
    raise ValueError(message)


@_text(r"\s*(?=[0-9.]*[1-9])[0-9]{1,9}(\.[0-9]{1,9})? ?(s|min|h|d)\s*")
def a_duration(value: object) -> float:
    """Return how many seconds a text such as ``90 min`` or ``24h`` says; never zero."""
    match = _DURATION.fullmatch(str(value).strip())
    seconds = float(match[1]) * _TIMES[match[2]] if match is not None else 0.0
    if not seconds:
        message = 'a duration with its unit, such as "90 min", "24 h" or "3 d"'
        raise ValueError(message)
    return seconds


a_label = _kind(
    # As Python and JSON write them: a text, a whole number, true or false.
    lambda v: isinstance(v, str | int) and bool(str(v).strip()),
    "a label: a text, a whole number, true or false", str, type=["string", "integer", "boolean"],
)  # fmt: skip
labels = _kind(
    lambda vs: isinstance(vs, list) and 1 < len(vs) == len({str(a_label(v)) for v in vs}),
    "a list of two or more different labels", lambda vs: tuple(map(a_label, vs)),
    type="array", items=a_label.schema, minItems=2, uniqueItems=True,
)  # fmt: skip
a_callable = _matching(f"{_IDENTIFIER}:{_IDENTIFIER}", "MODULE:FUNCTION")
a_file = _matching(
    r"(?!\s*$)[^\u0000]+", "the name of a file, absolute or from the root of the repository"
)
a_scheduler = _matching(_SCHEDULER, "an address such as tcp://HOST:8786 or tls://HOST:8786")
a_variable = _matching(_NAME, "the name of an environment variable, not its value")
_PACKAGES = 'a list of package names, where * stands for anything, such as ["acme-*"]'
paths = _list_of(a_path, "a list of paths inside the repository")
variables = _list_of(a_variable, "a list of names of environment variables")
_NAMES = (
    "a list of names and of paths from the root, where * and ? stand for anything, such as "
    '["*.log", "data/cache"]'
)
ignored = _list_of(_matching(_IGNORED, _NAMES), _NAMES)
patterns = _list_of(_matching(_PATTERN, _PACKAGES), _PACKAGES, least=1)


@_schema(type="array", items={"type": "string", "pattern": f"^(?!{_OUR_NAME}$){_NAME}$"})
def handed_on(value: object) -> tuple[str, ...]:
    """Return names of variables that processes get of the shell's, and none that we set."""
    names = variables(value)
    for name in names:
        if re.fullmatch(_OUR_NAME, name):
            message = f"names of variables without {name}, which trainwheel sets itself"
            raise ValueError(message)
    return names


def one_of(*words: str) -> Value[str]:
    """Return what takes one of these words."""
    expected = " or ".join(f'"{word}"' for word in words)
    return _kind(lambda v: v in words, expected, str, enum=list(words))
