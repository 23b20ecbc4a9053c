"""Which element of a list each wanted requirement takes the place of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from trainwheel.pep508 import meaning

__all__ = ["Changes", "pair", "same_meaning"]


@dataclass(frozen=True, slots=True)
class Changes:
    """From a list to another: new texts by index, indexes that go, texts that come."""

    changed: dict[int, str]
    removed: tuple[int, ...]
    added: tuple[str, ...]


def same_meaning(first: Sequence[str], second: Sequence[str]) -> bool:
    """Return whether both say the same, in whatever order and spelling."""
    return Counter(map(meaning, first)) == Counter(map(meaning, second))


def pair(present: Sequence[str], wanted: Sequence[str]) -> Changes:
    """Return the fewest changes from `present` to `wanted`.

    First an element goes with the wanted text that means the same, then with one of the same
    project, for a project can stand there several times with different markers.
    """
    free = list(range(len(present)))
    changed: dict[int, str] = {}
    rest = []
    for text in wanted:
        index = next((i for i in free if meaning(present[i]) == meaning(text)), None)
        if index is None:
            rest.append(text)
        else:
            free.remove(index)
    added = []
    for text in rest:
        index = next((i for i in free if _project(present[i]) == _project(text)), None)
        if index is None:
            added.append(text)
        else:
            free.remove(index)
            changed[index] = text
    return Changes(changed, tuple(free), tuple(added))


def _project(text: str) -> str:
    try:
        return canonicalize_name(Requirement(text).name)
    except InvalidRequirement:
        return text
