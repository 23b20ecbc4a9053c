"""Compare two lists of requirements, and find the fewest changes from one to the other."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from trainwheel.requirements.pep508 import meaning, name_of

__all__ = ["Changes", "pair", "same_meaning"]


@dataclass(frozen=True, slots=True)
class Changes:
    """How to change a list: new texts by index, indexes to remove, texts to append."""

    changed: dict[int, str]
    removed: tuple[int, ...]
    added: tuple[str, ...]


def same_meaning(first: Sequence[str], second: Sequence[str]) -> bool:
    """Return whether both mean the same, in any order and spelling."""
    return Counter(map(meaning, first)) == Counter(map(meaning, second))


def pair(present: Sequence[str], requirements: Sequence[str]) -> Changes:
    """Return the fewest changes from `present` to `requirements`.

    Elements are paired by meaning first, then by project: a project can be listed several times,
    with different markers.
    """
    alike = _positions(enumerate(map(meaning, present)))
    rest = []
    same = set()
    for text in requirements:
        if indexes := alike.get(meaning(text)):
            same.add(indexes.popleft())
        else:
            rest.append(text)
    projects = _positions((i, name_of(t)) for i, t in enumerate(present) if i not in same)
    new_texts: dict[int, str] = {}
    additions = []
    for text in rest:
        if indexes := projects.get(name_of(text)):
            new_texts[indexes.popleft()] = text
        else:
            additions.append(text)
    removals = (i for i in range(len(present)) if i not in same and i not in new_texts)
    return Changes(new_texts, tuple(removals), tuple(additions))


def _positions(keys: Iterable[tuple[int, object]]) -> dict[object, deque[int]]:
    """Return the indexes of each key, in their order."""
    positions: dict[object, deque[int]] = {}
    for index, key in keys:
        positions.setdefault(key, deque()).append(index)
    return positions
