"""Columns that repeat another one, or that alone say what the target is."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from trainwheel.scaffold.columns import is_missing

__all__ = ["find_leaks", "find_repeated"]

_PERFECT = 0.999
"""The share of rows from which on an answer is as good as the truth itself."""

_SAME_LINE = 0.9999
"""The correlation from which on two columns are the same in other units."""

_FEWEST = 20


def find_repeated(sample: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return each column that has the same cells as one before it → that one.

    Args:
        sample: The cells of some rows, by the name of the column.
    """
    first: dict[tuple[str, ...], str] = {}
    names = ((name, first.setdefault(tuple(cells), name)) for name, cells in sample.items())
    return {name: other for name, other in names if other != name and len(set(sample[name])) > 1}


def find_leaks(
    sample: Mapping[str, Sequence[str]], target: str, names: Sequence[str], *, is_number: bool
) -> Iterator[str]:
    """Yield the columns that alone say what the target is, as none does that is known before it.

    Args:
        sample: The cells of some rows, by the name of the column.
        target: The column that is predicted.
        names: The columns to look at.
        is_number: Whether the target is a number, and not a class.
    """
    known = [row for row, text in enumerate(sample[target]) if not is_missing(text)]
    truths = [sample[target][row] for row in known]
    for name in names:
        cells = ["" if is_missing(sample[name][row]) else sample[name][row] for row in known]
        tells = _tells_number(cells, truths) if is_number else _tells_class(cells, truths)
        if len(known) >= _FEWEST and tells:
            yield name


def _tells_class(cells: Sequence[str], truths: Sequence[str]) -> bool:
    has_value = [str(bool(cell)) for cell in cells]
    if _is_answered(cells, truths) or _is_answered(has_value, truths):
        return True
    numbers = _numbers(cells)
    if len(numbers) < len(cells):
        return False
    # Sorted by the number, each class is in one piece.
    ordered = [truth for _, truth in sorted(zip(numbers, truths, strict=True))]
    pieces = 1 + sum(one != other for one, other in pairwise(ordered))
    is_clear = len(set(numbers)) == len({*zip(numbers, truths, strict=True)}) > pieces
    return is_clear and pieces == len(set(truths))


def _is_answered(cells: Sequence[str], truths: Sequence[str]) -> bool:
    """Return whether the value of a cell says the truth, where a value comes more than once."""
    by_value: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for cell, truth in zip(cells, truths, strict=True):
        by_value[cell][truth] += 1
    groups = [counts for counts in by_value.values() if counts.total() > 1]
    rows = sum(counts.total() for counts in groups)
    right = sum(max(counts.values()) for counts in groups)
    answers = {counts.most_common(1)[0][0] for counts in groups}
    is_of_all = answers == set(truths) and len(answers) > 1
    return is_of_all and 2 * rows >= len(cells) and right >= _PERFECT * rows


def _tells_number(cells: Sequence[str], truths: Sequence[str]) -> bool:
    numbers = _numbers(cells)
    values = _numbers(truths)
    if len(values) == len(numbers) and (
        abs(_correlation(numbers, values)) >= _SAME_LINE or _is_monotonic(numbers, values)
    ):
        return True
    groups: defaultdict[str, set[str]] = defaultdict(set)
    for cell, truth in zip(cells, truths, strict=True):
        groups[cell].add(truth)
    has_many = min(len(groups), len(set(truths))) >= _FEWEST
    repeats = 2 * len(groups) <= len(cells)
    return has_many and repeats and all(len(each) == 1 for each in groups.values())


def _is_monotonic(numbers: Sequence[float], values: Sequence[float]) -> bool:
    """Return whether the values rise with many different numbers, or fall: a price and its log."""
    pairs = sorted({*zip(numbers, values, strict=True)})
    if min(len({*numbers}), len({*values})) < _FEWEST or len(pairs) > len({*numbers}):
        return False
    steps = [after - before for (_, before), (_, after) in pairwise(pairs)]
    return min(steps) >= 0 or max(steps) <= 0


def _numbers(cells: Sequence[str]) -> list[float]:
    """Return the cells as numbers; fewer where some are none."""
    numbers = []
    for cell in cells:
        try:
            numbers.append(float(cell.replace(",", ".")))
        except ValueError:
            return numbers
    return numbers


def _correlation(first: Sequence[float], second: Sequence[float]) -> float:
    try:
        return statistics.correlation(first, second)
    except statistics.StatisticsError:  # one of them is constant
        return 0.0
