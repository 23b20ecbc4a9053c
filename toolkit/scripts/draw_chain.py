"""Draw the chain of steps, from what each declares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from scripts.svg import Box, arrow, document, line_of_text, wrap
from trainwheel.engine.chain import Step
from trainwheel.steps import load_chain

__all__ = ["draw_chain"]

_MARGIN, _WIDTH, _HEIGHT = 10.0, 172.0, 96.0
_PITCH_X, _PITCH_Y = 218.0, 116.0
_LINE = 12.5

_AWAITS, _QUEUES = "dotted", "dashed"
_LEGEND = (
    ("", "needed: ends before the next begins"),
    (_AWAITS, "awaited: may run beside the next,"),
    (None, "which ends only if it has succeeded"),
    (_QUEUES, "queues the next, or precedes it if asked for"),
)
_LEGEND_WIDTH, _LEGEND_LINE = 310.0, 18.0

_ON_THE_INDEX = frozenset({"upload", "verify"})


def draw_chain() -> str:
    """Return the drawing as SVG text."""
    links = {step.name: step for step in load_chain().links}
    steps = {name: step for name, step in links.items() if step.target}
    needs = {name: _needs(name, links) for name in steps}
    boxes = _place(steps, needs)
    right = max(box.x + box.width for box in boxes.values())
    drawn = (box.draw() for box in boxes.values())
    parts = [*_arrows(steps, needs, boxes), *drawn, *_legend(right - _LEGEND_WIDTH)]
    return document(
        right + _MARGIN,
        max(box.y + box.height for box in boxes.values()) + _MARGIN,
        title="The chain of steps",
        description=" ".join(_sentences(steps, needs)),
        parts=parts,
    )


def _needs(name: str, links: Mapping[str, Step]) -> tuple[str, ...]:
    """Return the steps with a make target that a step waits for, less those that others wait for.

    Steps without a target of their own, such as the report, are skipped.
    """
    nearest = {
        step
        for need in links[name].needs
        for step in ((need,) if links[need].target else _needs(need, links))
    }
    earlier = {step for need in nearest for step in _everything_before(need, links)}
    return tuple(step for step in links if step in nearest - earlier)


def _awaited(name: str, steps: Mapping[str, Step]) -> tuple[str, ...]:
    """Return the steps with a make target that a step awaits."""
    return tuple(each for each in steps if each in steps[name].awaits)


def _everything_before(name: str, links: Mapping[str, Step]) -> set[str]:
    needs = set(links[name].needs)
    return needs | {step for need in needs for step in _everything_before(need, links)}


def _place(steps: Mapping[str, Step], needs: Mapping[str, Sequence[str]]) -> dict[str, Box]:
    """Return a box for each step, in columns by what it comes after."""
    before = {name: (*needs[name], *_awaited(name, steps), *steps[name].follows) for name in steps}
    columns: dict[str, int] = {}
    for name in steps:
        columns[name] = max((columns[need] + 1 for need in before[name]), default=0)
    rows = _rows(before, columns)
    return {name: _box(steps[name], columns[name], rows[name]) for name in steps}


def _rows(before: Mapping[str, Sequence[str]], columns: Mapping[str, int]) -> dict[str, float]:
    # What leads over a column stands in a row of its own, on top; the others stand in their
    # column around a middle line.
    above = {need for name in before for need in before[name] if columns[name] - columns[need] > 1}
    rows = {name: float(row) for row, name in enumerate(name for name in before if name in above)}
    for column in set(columns.values()):
        names = [name for name in before if columns[name] == column and name not in above]
        first = len(above) + (2 - len(names)) / 2
        rows |= {name: first + row for row, name in enumerate(names)}
    return rows


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


def _arrows(
    steps: Mapping[str, Step], needs: Mapping[str, Sequence[str]], boxes: Mapping[str, Box]
) -> Iterator[str]:
    for name in steps:
        for need in needs[name]:
            yield _arrow(boxes[need], boxes[name])
        for first in _awaited(name, steps):
            yield _arrow(boxes[first], boxes[name], _AWAITS)
        for first in steps[name].follows:
            yield _arrow(boxes[first], boxes[name], _QUEUES)


def _arrow(start: Box, end: Box, line: str = "") -> str:
    level, target = start.right[1], end.left[1]
    if level == target:
        return arrow(start.right, end.left, line=line)
    if end.x - start.x > _PITCH_X:
        return arrow(start.right, (end.centre, level), (end.centre, end.y), line=line)
    middle = (start.right[0] + end.left[0]) / 2
    return arrow(start.right, (middle, level), (middle, target), end.left, line=line)


def _legend(x: float) -> Iterator[str]:
    """Yield what the arrows mean, in the free corner beside the row on top."""
    for row, (line, words) in enumerate(_LEGEND):
        y = _MARGIN + 14 + row * _LEGEND_LINE
        if line is not None:
            yield arrow((x, y), (x + 42, y), line=line)
        yield line_of_text(x + 54, y + 4, words, _LINE, "note")


def _sentences(steps: Mapping[str, Step], needs: Mapping[str, Sequence[str]]) -> Iterator[str]:
    for name in steps:
        words = " and ".join(needs[name])
        yield f"{name} needs {words}." if words else f"{name} needs no other step."
        if awaited := " and ".join(_awaited(name, steps)):
            yield f"It may run beside {awaited}, and ends only if these have succeeded."
        for first in steps[name].follows:
            verb = "comes, if it is asked for, before" if steps[first].is_optional else "queues"
            yield f"{first} {verb} {name}."
