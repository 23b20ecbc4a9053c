"""How the keys of ``[tool.trainwheel]`` are declared: each once, as a field of a dataclass.

And what is wrong with several that each have a value that they take.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

from trainwheel.settings.values import Value
from trainwheel.system.ignored import IGNORED_NAMES, find_ignored

__all__ = ["Key", "contradictions", "ignored_by_mistake", "key", "keys_of"]


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


def contradictions(values: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with values by the attributes of `Config`, as far as they are known."""
    labels, positive = values.get("labels", ()), values.get("positive")
    if values.get("task") == "regression" and (labels or positive is not None):
        yield 'tool.trainwheel.task = "regression" has no labels and no positive class'
    if labels and positive is not None and positive not in labels:
        yield f"tool.trainwheel.positive = {positive!r} is not among the labels"
    if values.get("portable") == "default" and "sklearn" not in values.get("extras", {}):
        yield (
            'tool.trainwheel.portable = "default" needs an extra for the estimator: set '
            'sync.extras = { sklearn = "sklearn" }, and move scikit-learn and joblib to [sklearn] '
            "of the Pipfile"
        )
    for name in values.get("train_env", ()) if values.get("threads") != 0 else ():
        if name.endswith(("_NUM_THREADS", "_MAXIMUM_THREADS")):
            yield (
                f"tool.trainwheel.train.env names {name}, which tool.trainwheel.train.threads "
                "sets: omit it, or set that to 0"
            )


def ignored_by_mistake(patterns: Sequence[str], names: Sequence[str]) -> Iterator[str]:
    """Yield what is wrong with patterns of ``ignore``.

    Args:
        patterns: Names and paths, or defaults that are to count.
        names: Files and folders that none of them may ignore.
    """
    for pattern in patterns:
        where = f"tool.trainwheel.ignore = {pattern!r}"
        if pattern.startswith("!"):
            if pattern[1:] not in IGNORED_NAMES:
                yield f"{where}, but {pattern[1:]} is not ignored by default"
        elif name := find_ignored(pattern, names):
            yield f"{where} ignores {name}, which always counts: name less"
