"""Draw the rooms of the library, as the contracts in its pyproject.toml have them."""

from __future__ import annotations

import importlib
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

from scripts.contracts import read_layers
from scripts.svg import Box, arrow, document, line_of_text, text_width

__all__ = ["draw_layers"]

_MARGIN, _LEFT = 10.0, 50.0
_WIDTH, _NAME, _GAP = 760.0, 128.0, 10.0
_PITCH, _LINE = 12.0, 16.0
_SIZE, _WORDS, _LETTERS = 14.0, 12.0, 88
_GUEST = "guest"


def draw_layers(pyproject: Path) -> str:
    """Return the drawing as SVG text.

    Args:
        pyproject: The pyproject.toml that holds the import contracts.
    """
    layers = read_layers(pyproject)
    y, parts = _MARGIN, list[str]()
    for layer in layers:
        height, rooms = _floor(y, layer)
        parts += rooms
        y += height + _PITCH
    down = arrow((_MARGIN + 14, _MARGIN), (_MARGIN + 14, y - 22))
    height, guest = _floor(y + 14, (_GUEST,))
    note = "A room imports only from those below it; what runs elsewhere, from none."
    foot = y + 14 + height + 24
    return document(
        _LEFT + _WIDTH + _MARGIN,
        foot + _MARGIN,
        title="The rooms of the library",
        description="Each package imports only from those below it.",
        parts=(*parts, down, *guest, line_of_text(_LEFT, foot - 4, note, 12, "note")),
    )


def _floor(top: float, names: Sequence[str]) -> tuple[float, list[str]]:
    """Return the height of a floor and its rooms, drawn side by side."""
    width = (_WIDTH - _GAP * (len(names) - 1)) / len(names)
    letters = _LETTERS if len(names) == 1 else _LETTERS // 3
    jobs = [textwrap.wrap(_job(name), letters) for name in names]
    height = 22 + _LINE * max(map(len, jobs))
    rooms = [
        "\n".join(_room(_LEFT + (width + _GAP) * column, top, width, height, name, job))
        for column, (name, job) in enumerate(zip(names, jobs, strict=True))
    ]
    return height, rooms


def _room(  # noqa: PLR0913, PLR0917 - a box and what stands in it
    x: float, top: float, width: float, height: float, name: str, job: Sequence[str]
) -> Iterator[str]:
    yield Box(x, top, width, height).draw()
    yield line_of_text(x + 14, top + 26, name, _SIZE, "name")
    start = x + max(_NAME, text_width(name, _SIZE) + 30)
    for row, words in enumerate(job):
        yield line_of_text(start, top + 25 + row * _LINE, words, _WORDS, "small")


def _job(name: str) -> str:
    """Return the first sentence of a package's docstring, which is its job."""
    text = (importlib.import_module(f"trainwheel.{name}").__doc__ or "").partition("\n\n")[0]
    return " ".join(text.split()).replace("``", "").rstrip(".")
