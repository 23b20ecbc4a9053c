"""What the values of configuration keys may be.

Each returns the value to keep, or raises `ValueError` with what is expected, and says the same as
far as JSON Schema can say it.
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

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
_EXTRA = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_PATTERN = re.compile(r"[A-Za-z0-9*]([A-Za-z0-9._*-]*[A-Za-z0-9*])?")
_SCHEDULER = re.compile(r"(tcp|tls)://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:]+\]):[0-9]{1,5}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TIMES = {"s": 1, "min": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?) ?(s|min|h|d)")
_BYTES = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_FACTORS = {unit.upper(): factor for unit, factor in _BYTES.items()}
_SIZE = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,15})?) ?([A-Za-z]*)")


T = TypeVar("T")


@dataclass(frozen=True)
class Value(Generic[T]):
    """What the value of a key may be.

    Args:
        parse: Returns the value to keep, or raises `ValueError` with what is expected.
        schema: The same in JSON Schema, draft 7.
    """

    parse: Callable[[Any], T]
    schema: Mapping[str, Any]

    def __call__(self, value: object) -> T:
        """Return the value to keep.

        Raises:
            ValueError: It is something else; the message says what is expected.
        """
        return self.parse(value)


def _value(**schema: object) -> Callable[[Callable[[Any], T]], Value[T]]:
    return lambda parse: Value(parse, schema)


def _matching(pattern: re.Pattern[str]) -> Mapping[str, Any]:
    return {"type": "string", "pattern": f"^({pattern.pattern})$"}


def parse_duration(text: str) -> float:
    """Return how many seconds a text such as ``90 min`` or ``24h`` says.

    Raises:
        ValueError: It is not a duration, or zero; the message says what is expected.
    """
    match = _DURATION.fullmatch(text.strip())
    seconds = float(match[1]) * _TIMES[match[2]] if match is not None else 0.0
    if not seconds:
        message = 'a duration with its unit, such as "90 min", "24 h" or "3 d"'
        raise ValueError(message)
    return seconds


def parse_size(text: str) -> int:
    """Return how many bytes a text such as ``5 GB`` or ``1.5MB`` says; 0 needs no unit.

    Raises:
        ValueError: It is not a size; the message says what is expected.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is not None:
        number, unit = Decimal(match[1]), match[2].upper()
        if unit in _FACTORS:
            return int(number * _FACTORS[unit])
        if not unit and not number:
            return 0
    message = 'a size with its unit, such as "5 GB" or "500 MB", or "0"'
    raise ValueError(message)


@_value(type="string", pattern=r"\S")
def a_text(value: object) -> str:
    """Return a text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        message = "a text that is not empty"
        raise ValueError(message)
    return value


@_value(type="string", pattern=r"\S")
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


@_value(**_matching(_IDENTIFIER), **{"not": {"const": "model"}})
def a_module(value: object) -> str:
    """Return an import name, other than ``model``."""
    if not isinstance(value, str) or not _IDENTIFIER.fullmatch(value):
        message = "an import name such as oncology_model"
        raise ValueError(message)
    if value == "model":
        message = "a name other than 'model', under which two model wheels overwrite each other"
        raise ValueError(message)
    return value


@_value(type="string", pattern=f"^{_IDENTIFIER.pattern}:{_IDENTIFIER.pattern}$")
def a_callable(value: object) -> str:
    """Return ``MODULE:FUNCTION``."""
    if isinstance(value, str):
        module, _, name = value.partition(":")
        if _IDENTIFIER.fullmatch(module) and _IDENTIFIER.fullmatch(name):
            return value
    message = "MODULE:FUNCTION"
    raise ValueError(message)


@_value(
    type="object",
    propertyNames={"pattern": f"^({_EXTRA.pattern})$"},
    additionalProperties={"type": "string", "minLength": 1},
)
def extras_table(value: object) -> dict[str, str]:
    """Return a table of extras and Pipfile categories."""
    if isinstance(value, dict):
        are_extras = all(_EXTRA.fullmatch(name) for name in value)
        if are_extras and all(
            isinstance(category, str) and category for category in value.values()
        ):
            return value
    message = 'a table of extras and Pipfile categories such as { gpu = "gpu" }'
    raise ValueError(message)


@_value(type="string", pattern=r"^(?!/)(?!(.*/)?\.\.(/|$))[^\\\x00]+$")
def a_path(value: object) -> str:
    """Return a path inside the repository."""
    if isinstance(value, str) and value and not {"\\", "\0"} & set(value):
        path = PurePosixPath(value)
        if not path.is_absolute() and ".." not in path.parts:
            return str(path)
    message = "a path inside the repository, with forward slashes"
    raise ValueError(message)


@_value(type="string", pattern=r"^(?!/)(?!(.*/)?\.\.(/|$))(?!(\./*)+$)[^\\\x00]+$")
def a_member(value: object) -> str:
    """Return a path inside the package."""
    path = a_path(value)
    if path == ".":
        message = "a path inside the package, which training replaces"
        raise ValueError(message)
    return path


@_value(type="array", items=a_path.schema)
def paths(value: object) -> tuple[str, ...]:
    """Return a list of paths inside the repository."""
    if not isinstance(value, list):
        message = "a list of paths inside the repository"
        raise ValueError(message)  # noqa: TRY004 - a ValueError is what the table collects
    return tuple(a_path(item) for item in value)


@_value(type="number", minimum=0, exclusiveMaximum=1)
def a_tolerance(value: object) -> float:
    """Return a number from 0 to 1."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        message = "a number from 0 to 1, relative"
        raise ValueError(message)
    return float(value)


@_value(type="number")
def a_number(value: object) -> float:
    """Return a finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        message = "a finite number"
        raise ValueError(message)
    return float(value)


@_value(type="number", minimum=0)
def a_positive_number(value: object) -> float:
    """Return a number from 0 on."""
    number = a_number(value)
    if number < 0:
        message = "a number from 0 on"
        raise ValueError(message)
    return number


@_value(type="integer", minimum=0)
def a_count(value: object) -> int:
    """Return a whole number from 0 on."""
    if a_whole_number(value) < 0:
        message = "a whole number from 0 on"
        raise ValueError(message)
    return a_whole_number(value)


@_value(type="integer")
def a_whole_number(value: object) -> int:
    """Return a whole number."""
    if isinstance(value, bool) or not isinstance(value, int):
        message = "a whole number"
        raise ValueError(message)  # noqa: TRY004 - a ValueError is what the table collects
    return value


@_value(type="boolean")
def a_flag(value: object) -> bool:
    """Return true or false."""
    if not isinstance(value, bool):
        message = "true or false"
        raise ValueError(message)  # noqa: TRY004 - a ValueError is what the table collects
    return value


@_value(
    anyOf=[
        {"const": 0},
        {"type": "string", "pattern": r"^\s*(0+(\.0+)?|[0-9]+(\.[0-9]+)? ?([kKmMgGtT]?[bB]))\s*$"},
    ]
)
def a_size(value: object) -> int:
    """Return a size in bytes."""
    return parse_size(value if isinstance(value, str) else str(value))


@_value(type="string", pattern=r"^\s*(?=.*[1-9])[0-9]{1,9}(\.[0-9]{1,9})? ?(s|min|h|d)\s*$")
def a_duration(value: object) -> float:
    """Return a duration in seconds."""
    return parse_duration(value if isinstance(value, str) else str(value))


@_value(type="string", pattern=r"^[^\x00]*[^\s\x00][^\x00]*$")
def a_file(value: object) -> str:
    """Return the name of a file, anywhere on the machine."""
    if isinstance(value, str) and value.strip() and "\0" not in value:
        return value
    message = "the name of a file, absolute or from the root of the repository"
    raise ValueError(message)


@_value(**_matching(_SCHEDULER))
def a_scheduler(value: object) -> str:
    """Return the address of a Dask scheduler."""
    if isinstance(value, str) and _SCHEDULER.fullmatch(value):
        return value
    message = "an address such as tcp://HOST:8786 or tls://HOST:8786"
    raise ValueError(message)


@_value(**_matching(_VARIABLE))
def a_variable(value: object) -> str:
    """Return an environment variable's name."""
    if not isinstance(value, str) or not _VARIABLE.fullmatch(value):
        message = "the name of an environment variable, not its value"
        raise ValueError(message)
    return value


@_value(type="array", items=a_variable.schema)
def variables(value: object) -> tuple[str, ...]:
    """Return a list of names of environment variables."""
    if not isinstance(value, list):
        message = "a list of names of environment variables"
        raise ValueError(message)  # noqa: TRY004 - a ValueError is what the table collects
    return tuple(a_variable(item) for item in value)


@_value(type="array", minItems=1, items=_matching(_PATTERN))
def patterns(value: object) -> tuple[str, ...]:
    """Return a list of package names with ``*``."""
    items = value if isinstance(value, list) else []
    if items and all(isinstance(item, str) and _PATTERN.fullmatch(item) for item in items):
        return tuple(items)
    message = 'a list of package names, where * stands for anything, such as ["acme-*"]'
    raise ValueError(message)


def one_of(*words: str) -> Value[str]:
    """Return what takes one of these words."""

    @_value(enum=list(words))
    def check(value: object) -> str:
        if value not in words:
            message = " or ".join(f'"{word}"' for word in words)
            raise ValueError(message)
        return str(value)

    return check
