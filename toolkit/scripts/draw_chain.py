"""Draw the chain of steps, as they say it of themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from scripts.svg import Box, arrow, document, wrap
from trainwheel.engine.chain import Step
from trainwheel.steps import load_chain

__all__ = ["draw_chain"]

_MARGIN, _WIDTH, _HEIGHT = 10.0, 172.0, 96.0
_PITCH_X, _PITCH_Y = 218.0, 116.0
_LINE = 12.5

_ON_THE_INDEX = frozenset({"upload", "verify"})


def draw_chain() -> str:
    """Return the drawing as SVG text."""
    steps = {step.name: step for step in load_chain().links}
    boxes = _place(steps)
    parts = [*_arrows(steps, boxes), *(box.draw() for box in boxes.values())]
    return document(
        max(box.x + box.width for box in boxes.values()) + _MARGIN,
        max(box.y + box.height for box in boxes.values()) + _MARGIN,
        title="The chain of steps",
        description=" ".join(_sentences(steps)),
        parts=parts,
    )


def _place(steps: Mapping[str, Step]) -> dict[str, Box]:
    """Return a box for each step, in columns by what it comes after."""
    columns: dict[str, int] = {}
    for name in steps:
        columns[name] = max((columns[before] + 1 for before in _before(steps[name])), default=0)
    rows = _rows(steps, columns)
    return {name: _box(steps[name], columns[name], rows[name]) for name in steps}


def _rows(steps: Mapping[str, Step], columns: Mapping[str, int]) -> dict[str, float]:
    # What leads over a column stands in a row of its own, on top; the others stand in their
    # column around a middle line.
    above = {
        before
        for name in steps
        for before in _before(steps[name])
        if columns[name] - columns[before] > 1
    }
    rows = {name: float(row) for row, name in enumerate(name for name in steps if name in above)}
    for column in set(columns.values()):
        names = [name for name in steps if columns[name] == column and name not in above]
        first = len(above) + (2 - len(names)) / 2
        rows |= {name: first + row for row, name in enumerate(names)}
    return rows


def _before(step: Step) -> tuple[str, ...]:
    return step.before


def _box(step: Step, column: int, row: float) -> Box:
    return Box(
        _MARGIN + column * _PITCH_X,
        _MARGIN + row * _PITCH_Y,
        _WIDTH,
        _HEIGHT,
        step.name,
        wrap(step.help, _WIDTH - 24, _LINE),
        "box strong" if step.name in _ON_THE_INDEX else "box",
        line_size=_LINE,
    )


def _arrows(steps: Mapping[str, Step], boxes: Mapping[str, Box]) -> Iterator[str]:
    for name in steps:
        for need in steps[name].needs:
            yield _arrow(boxes[need], boxes[name])
        for first in steps[name].follows:
            yield arrow(boxes[first].right, boxes[name].left, dashed=True)


def _arrow(start: Box, end: Box) -> str:
    level, wanted = start.right[1], end.left[1]
    if level == wanted:
        return arrow(start.right, end.left)
    if end.x - start.x > _PITCH_X:
        return arrow(start.right, (end.centre, level), (end.centre, end.y))
    middle = (start.right[0] + end.left[0]) / 2
    return arrow(start.right, (middle, level), (middle, wanted), end.left)


def _sentences(steps: Mapping[str, Step]) -> Iterator[str]:
    for name in steps:
        needs = steps[name].needs
        yield f"{name} needs {' and '.join(needs)}." if needs else f"{name} needs no other step."
        yield from (f"{first} queues {name}." for first in steps[name].follows)
