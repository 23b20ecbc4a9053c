"""What is wrong with keys that each have a value that they take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from trainwheel.system.ignored import IGNORED_NAMES, find_ignored

__all__ = ["contradictions", "ignored_by_mistake"]


def contradictions(values: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with values by the attributes of `Config`, as far as they are known."""
    labels, positive = values.get("labels", ()), values.get("positive")
    if values.get("task") == "regression" and (labels or positive is not None):
        yield 'tool.trainwheel.task = "regression" has no labels and no positive class'
    if labels and positive is not None and positive not in labels:
        yield f"tool.trainwheel.positive = {positive!r} is not among the labels"
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
