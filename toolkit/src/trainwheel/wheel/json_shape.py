"""What a JSON document has to look like, as a table, and the first place where it does not."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from trainwheel.system.text import shown

__all__ = [
    "ANYTHING",
    "COUNT",
    "DIGEST",
    "FLAG",
    "NUMBER",
    "TEXT",
    "Shape",
    "ShapeError",
    "either",
    "mapping_of",
    "pair_of",
    "record",
    "text_like",
]

_LONGEST_NAME = 60
_TWO = 2
_DEEPEST = 20


class ShapeError(ValueError):
    """A value is not what it should be: ``training.python is no text``."""


Shape = Callable[[Any, str], None]
"""Takes a JSON value and where it stands, and raises `ShapeError` where it does not fit."""


def matching(fits: Callable[[Any], bool], wanted: str) -> Shape:
    """Return the shape of the values that fit; ``wanted`` is what such a value is called."""

    def check(value: Any, where: str) -> None:
        if not fits(value):
            message = f"{where or 'it'} is no {wanted}"
            raise ShapeError(message)

    return check


def text_like(pattern: str, wanted: str) -> Shape:
    """Return the shape of texts that match a pattern as a whole."""
    compiled = re.compile(pattern, re.ASCII)
    return matching(
        lambda value: isinstance(value, str) and bool(compiled.fullmatch(value)), wanted
    )


def either(shape: Shape) -> Shape:
    """Return the shape of null, or of what fits ``shape``."""

    def check(value: Any, where: str) -> None:
        if value is not None:
            shape(value, where)

    return check


def mapping_of(shape: Shape) -> Shape:
    """Return the shape of objects with any names, each of whose values fits ``shape``."""

    def check(value: Any, where: str) -> None:
        _OBJECT(value, where)
        for name, inner in value.items():
            shape(inner, _join(where, name))

    return check


def pair_of(shape: Shape) -> Shape:
    """Return the shape of lists of two values that fit ``shape``."""

    def check(value: Any, where: str) -> None:
        _PAIR(value, where)
        for inner in value:
            shape(inner, where)

    return check


def record(shapes: Mapping[str, Shape], optional: Mapping[str, Shape] | None = None) -> Shape:
    """Return the shape of objects that have these names; further ones are passed over.

    Args:
        shapes: Name → shape of what must be there.
        optional: Name → shape of what may be there.
    """

    def check(value: Any, where: str) -> None:
        _OBJECT(value, where)
        for name, shape in shapes.items():
            if name not in value:
                message = f"{_join(where, name)} is missing"
                raise ShapeError(message)
            shape(value[name], _join(where, name))
        for name, shape in (optional or {}).items():
            if name in value:
                shape(value[name], _join(where, name))

    return check


def _join(where: str, name: str) -> str:
    name = shown(name)
    name = name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}…"
    return f"{where}.{name}" if where else name


def _is_number(value: Any) -> bool:
    # A whole number may be beyond every float, and is finite.
    return type(value) is int or (isinstance(value, float) and math.isfinite(value))


def _is_scalar(value: Any) -> bool:
    return value is None or isinstance(value, str | bool) or _is_number(value)


def _is_finite(value: Any, depth: int = 0) -> bool:
    if depth > _DEEPEST:
        return False
    if isinstance(value, Mapping):
        return all(_is_finite(inner, depth + 1) for inner in value.values())
    if isinstance(value, list | tuple):
        return all(_is_finite(inner, depth + 1) for inner in value)
    return _is_scalar(value)


_OBJECT = matching(lambda value: isinstance(value, Mapping), "object")
_PAIR = matching(lambda value: isinstance(value, list | tuple) and len(value) == _TWO, "pair")
ANYTHING = matching(_is_finite, f"JSON value of finite numbers, nested at most {_DEEPEST} deep")
TEXT = matching(lambda value: isinstance(value, str), "text")
FLAG = matching(lambda value: isinstance(value, bool), "true or false")
COUNT = matching(lambda value: type(value) is int and value >= 0, "count")
NUMBER = matching(_is_number, "finite number")
DIGEST = text_like("[0-9a-f]{64}", "sha256")
