"""What the values of configuration keys may be.

Each function returns the value to keep, or raises `ValueError` with what is wanted.
"""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Callable
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Any

__all__ = [
    "a_callable",
    "a_command",
    "a_count",
    "a_duration",
    "a_file",
    "a_flag",
    "a_member",
    "a_module",
    "a_number",
    "a_path",
    "a_positive_number",
    "a_scheduler",
    "a_size",
    "a_text",
    "a_tolerance",
    "a_variable",
    "a_whole_number",
    "extras_table",
    "one_of",
    "parse_duration",
    "parse_size",
    "paths",
    "patterns",
    "variables",
]

_IDENTIFIER = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)
_EXTRA = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", re.ASCII)
_PATTERN = re.compile(r"[A-Za-z0-9*]([A-Za-z0-9._*-]*[A-Za-z0-9*])?", re.ASCII)
_SCHEDULER = re.compile(r"(tcp|tls)://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:]+\]):\d{1,5}", re.ASCII)
_VARIABLE = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_TIMES = {"s": 1, "min": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,9})?) ?(s|min|h|d)", re.ASCII)
_BYTES = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_FACTORS = {unit.upper(): factor for unit, factor in _BYTES.items()}
_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,15})?) ?([A-Za-z]*)", re.ASCII)


def parse_duration(text: str) -> float:
    """Return how many seconds a text such as ``90 min`` or ``24h`` says.

    Raises:
        ValueError: It is no duration, or none at all; the message says what is wanted.
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
        ValueError: It is no size; the message says what is wanted.
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


def a_text(value: object) -> str:
    """Return a text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        message = "a text that is not empty"
        raise ValueError(message)
    return value


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


def a_module(value: object) -> str:
    """Return an import name, other than ``model``."""
    if not isinstance(value, str) or not _IDENTIFIER.fullmatch(value):
        message = "an import name such as oncology_model"
        raise ValueError(message)
    if value == "model":
        message = "a name other than 'model', under which two model wheels overwrite each other"
        raise ValueError(message)
    return value


def a_callable(value: object) -> str:
    """Return ``MODULE:FUNCTION``."""
    if isinstance(value, str):
        module, _, name = value.partition(":")
        if _IDENTIFIER.fullmatch(module) and _IDENTIFIER.fullmatch(name):
            return value
    message = "MODULE:FUNCTION"
    raise ValueError(message)


def extras_table(value: object) -> dict[str, str]:
    """Return a table of extras and Pipfile categories."""
    if isinstance(value, dict):
        named = all(_EXTRA.fullmatch(name) for name in value)
        if named and all(isinstance(category, str) and category for category in value.values()):
            return value
    message = 'a table of extras and Pipfile categories such as { gpu = "gpu" }'
    raise ValueError(message)


def a_path(value: object) -> str:
    """Return a path inside the repository."""
    if isinstance(value, str) and value and not {"\\", "\0"} & set(value):
        path = PurePosixPath(value)
        if not path.is_absolute() and ".." not in path.parts:
            return str(path)
    message = "a path inside the repository, with forward slashes"
    raise ValueError(message)


def a_member(value: object) -> str:
    """Return a path inside the package."""
    path = a_path(value)
    if path == ".":
        message = "a path inside the package, which training replaces"
        raise ValueError(message)
    return path


def paths(value: object) -> tuple[str, ...]:
    """Return a list of paths inside the repository."""
    if not isinstance(value, list):
        message = "a list of paths inside the repository"
        raise ValueError(message)  # noqa: TRY004 - a ValueError is what the table collects
    return tuple(a_path(item) for item in value)


def a_tolerance(value: object) -> float:
    """Return a number from 0 to 1."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        message = "a number from 0 to 1, relative"
        raise ValueError(message)
    return float(value)


def a_number(value: object) -> float:
    """Return a finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        message = "a finite number"
        raise ValueError(message)
    return float(value)


def a_positive_number(value: object) -> float:
    """Return a number from 0 on."""
    number = a_number(value)
    if number < 0:
        message = "a number from 0 on"
        raise ValueError(message)
    return number


def a_count(value: object) -> int:
    """Return a whole number from 0 on."""
    if a_whole_number(value) < 0:
        message = "a whole number from 0 on"
        raise ValueError(message)
    return a_whole_number(value)


def a_whole_number(value: object) -> int:
    """Return a whole number."""
    if isinstance(value, bool) or not isinstance(value, int):
        message = "a whole number"
        raise ValueError(message)  # noqa: TRY004 - a ValueError is what the table collects
    return value


def a_flag(value: object) -> bool:
    """Return true or false."""
    if not isinstance(value, bool):
        message = "true or false"
        raise ValueError(message)  # noqa: TRY004 - a ValueError is what the table collects
    return value


def a_size(value: object) -> int:
    """Return a size in bytes."""
    return parse_size(value if isinstance(value, str) else str(value))


def a_duration(value: object) -> float:
    """Return a duration in seconds."""
    return parse_duration(value if isinstance(value, str) else str(value))


def a_file(value: object) -> str:
    """Return the name of a file, anywhere on the machine."""
    if isinstance(value, str) and value.strip() and "\0" not in value:
        return value
    message = "the name of a file, absolute or from the root of the repository"
    raise ValueError(message)


def a_scheduler(value: object) -> str:
    """Return the address of a Dask scheduler."""
    if isinstance(value, str) and _SCHEDULER.fullmatch(value):
        return value
    message = "an address such as tcp://HOST:8786 or tls://HOST:8786"
    raise ValueError(message)


def a_variable(value: object) -> str:
    """Return an environment variable's name."""
    if not isinstance(value, str) or not _VARIABLE.fullmatch(value):
        message = "the name of an environment variable, not its value"
        raise ValueError(message)
    return value


def variables(value: object) -> tuple[str, ...]:
    """Return a list of names of environment variables."""
    if not isinstance(value, list):
        message = "a list of names of environment variables"
        raise ValueError(message)  # noqa: TRY004 - a ValueError is what the table collects
    return tuple(a_variable(item) for item in value)


def patterns(value: object) -> tuple[str, ...]:
    """Return a list of package names with ``*``."""
    if isinstance(value, list) and value:
        good = all(isinstance(item, str) and _PATTERN.fullmatch(item) for item in value)
        if good:
            return tuple(value)
    message = 'a list of package names, where * stands for anything, such as ["acme-*"]'
    raise ValueError(message)


def one_of(*words: str) -> Callable[[Any], str]:
    """Return what takes one of these words."""

    def check(value: object) -> str:
        if value not in words:
            message = " or ".join(f'"{word}"' for word in words)
            raise ValueError(message)
        return str(value)

    return check
