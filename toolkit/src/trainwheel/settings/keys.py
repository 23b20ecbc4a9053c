"""How the keys of ``[tool.trainwheel]`` are declared: each once, as a field of a dataclass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

from trainwheel.settings.values import Value

__all__ = ["Key", "key", "keys_of"]


@dataclass(frozen=True)
class Key:
    """One configuration key.

    Args:
        name: The key in its table, with dots for tables below it.
        value: What it takes.
        default: As the documentation shows it; empty where there is none.
        help: One line.
        is_required: Whether it must be given.
        attribute: The field that it fills.
    """

    name: str
    value: Value[Any]
    default: str
    help: str
    is_required: bool = False
    attribute: str = ""


def key(  # noqa: PLR0913 - what is said of a key, each once
    name: str,
    value: Value[Any],
    default: Any,
    text: str,
    *,
    shown: str = "",
    also: tuple[str, str] | None = None,
) -> Any:
    """Return the field of a dataclass that a key fills.

    Args:
        name: The key in its table, with dots for tables below it.
        value: What it takes.
        default: As one writes it in the file; None or an empty text where there is none, `MISSING`
            where the key must be given.
        text: What the key is for, in one line.
        shown: The default as the documentation shows it, where it follows from something else.
        also: Another key that fills the field, and what that is for.
    """
    pairs = ((name, text), *((also,) if also else ()))
    shown, is_required = shown or _show(default), default is MISSING
    metadata = {"keys": tuple(Key(each, value, shown, line, is_required) for each, line in pairs)}
    if is_required:
        return field(metadata=metadata)
    # A list and a table that are empty need not be taken by the key itself.
    empty: dict[str, Callable[[], Any]] = {"[]": tuple, "{}": dict, "": lambda: default}
    factory = empty.get(_show(default), lambda: value(default))
    return field(default_factory=factory, metadata=metadata)


def keys_of(table: type) -> tuple[Key, ...]:
    """Return the keys that a dataclass declares, in its order."""
    return tuple(
        Key(**{**vars(each), "attribute": one.name})
        for one in fields(table)
        for each in one.metadata.get("keys", ())
    )


def _show(default: object) -> str:
    """Return a default as TOML shows it; a text without its quotation marks."""
    if default is None or default is MISSING:
        return ""
    if isinstance(default, bool):
        return str(default).lower()
    return f"{default:g}".replace("e-0", "e-") if isinstance(default, float) else str(default)
