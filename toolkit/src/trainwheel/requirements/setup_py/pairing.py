"""Which element of a list each wanted requirement takes the place of."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from trainwheel.requirements.pep508 import meaning, name_of

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
    alike = _positions(enumerate(map(meaning, present)))
    rest = []
    taken = set()
    for text in wanted:
        if indexes := alike.get(meaning(text)):
            taken.add(indexes.popleft())
        else:
            rest.append(text)
    projects = _positions((i, name_of(t)) for i, t in enumerate(present) if i not in taken)
    changed: dict[int, str] = {}
    added = []
    for text in rest:
        if indexes := projects.get(name_of(text)):
            changed[indexes.popleft()] = text
        else:
            added.append(text)
    gone = (i for i in range(len(present)) if i not in taken and i not in changed)
    return Changes(changed, tuple(gone), tuple(added))


def _positions(keys: Iterable[tuple[int, object]]) -> dict[object, deque[int]]:
    """Return where each key stands, first places first."""
    found: dict[object, deque[int]] = {}
    for index, key in keys:
        found.setdefault(key, deque()).append(index)
    return found
