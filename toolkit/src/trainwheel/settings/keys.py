"""How a field of a settings class is declared as a key of ``[tool.trainwheel]``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

from trainwheel.settings.values import Value

__all__ = ["Key", "key", "keys_of"]

_METADATA = "keys"


@dataclass(frozen=True)
class Key:
    """One configuration key.

    Args:
        name: The key below its table, with dots for tables in it.
        attribute: The field that it fills.
        value: What it takes.
        default: As a person would write it; empty where there is none.
        help: One line.
        is_required: Whether it must be given.
    """

    name: str
    attribute: str
    value: Value[Any]
    default: str
    help: str
    is_required: bool


def key(  # noqa: PLR0913 - the one declaration of a key
    name: str,
    value: Value[Any],
    help: str,  # noqa: A002 - as argparse calls it
    *,
    default: Any = MISSING,
    shown: str = "",
    also: Mapping[str, str] | None = None,
) -> Any:
    """Return a field of a frozen dataclass that a key fills.

    Args:
        name: The key below its table, with dots for tables in it.
        value: What it takes.
        help: One line.
        default: As a person would write it, such as ``"5 GB"``; None or an empty text for no value.
            Without one, the key must be given.
        shown: What the manual shows in place of a default that follows from something else.
        also: Other spellings of the key, each with a line of its own.
    """
    names = {name: help, **(also or {})}
    metadata = {_METADATA: (value, names, shown or _written(default), default is MISSING)}
    if default is MISSING:
        return field(metadata=metadata)
    kept = default if default in (None, "", ()) else value(default)
    return field(default_factory=lambda: kept, metadata=metadata)


def keys_of(settings: type) -> tuple[Key, ...]:
    """Return the keys that a class of settings declares, in their order."""
    declared = ((each.name, each.metadata.get(_METADATA)) for each in fields(settings))
    return tuple(
        Key(name, attribute, value, default, text, is_required)
        for attribute, declaration in declared
        if declaration is not None
        for value, names, default, is_required in [declaration]
        for name, text in names.items()
    )


def _written(default: object) -> str:
    """Return a default as it is written in TOML, without quotation marks."""
    if default in (MISSING, None, ""):
        return ""
    return str(default).lower() if isinstance(default, bool) else str(default)
