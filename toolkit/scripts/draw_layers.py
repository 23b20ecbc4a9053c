"""Draw the layers of the library, as the contracts in its pyproject.toml have them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.contracts import read_contracts
from scripts.svg import Box, arrow, document, line_of_text, text_width

__all__ = ["draw_layers"]

_MARGIN, _GAP = 10.0, 56.0
_RIGHT = 330.0
_BAND, _PITCH = 52.0, 60.0
_SIZE, _WORDS = 13.0, 12.0

_PURPOSES = {
    "__main__": "the doors: Nox and the command",
    "building": "what the larger steps do",
    "releasing": "whether to release; whether a wheel keeps its word",
    "registry": "what is published; a step, run once",
    "syncing": "the locked packages, written into the metadata",
    "index": "the repository, its lock and the indexes",
    "environments": "virtual environments, records, the screen",
    "process": "alone in starting processes",
    "environ": "alone in reading the environment",
    "errors": "what is the user's to mend",
}
"""What a layer is for, by its first module; a layer that is not here is drawn without."""


def draw_layers(pyproject: Path) -> str:
    """Return the drawing as SVG text.

    Args:
        pyproject: The pyproject.toml that holds the import contracts.
    """
    contracts = read_contracts(pyproject)
    foot = _MARGIN + len(contracts.layers) * _PITCH
    width = max(map(_band_width, contracts.layers))
    x = _MARGIN + width + _GAP
    core = _group(x, _MARGIN, "the pure core", "values in, values out", contracts.core)
    beside = core.box.y + core.box.height + 20
    words = "run by file in a step's environment"
    hosts = _group(x, beside, "hosts", words, contracts.hosts)
    down, right = _MARGIN + width + 20, core.box.left
    note = "An arrow points from what imports to what may be imported."
    return document(
        x + _RIGHT + _MARGIN,
        foot + 14 + _MARGIN,
        title="The layers of the library",
        description="Each layer imports only from those below it and from the pure core.",
        parts=(
            *_bands(contracts.layers, width),
            arrow((down, _MARGIN), (down, foot - 8)),
            arrow((down, right[1]), right),
            core.parts,
            hosts.parts,
            line_of_text(_MARGIN + 4, foot + 12, note, 12, "note"),
        ),
    )


def _band_width(layer: Sequence[str]) -> float:
    words = text_width(_PURPOSES.get(layer[0], ""), _WORDS)
    return sum(_chip_width(name) + 10 for name in layer) + words + 50


def _bands(layers: Sequence[Sequence[str]], width: float) -> Iterator[str]:
    for row, layer in enumerate(layers):
        top = _MARGIN + row * _PITCH
        yield Box(_MARGIN, top, width, _BAND).draw()
        left = _MARGIN + 12
        for name in layer:
            yield _chip(left, top + 11, name)
            left += _chip_width(name) + 10
        words = _PURPOSES.get(layer[0], "")
        yield line_of_text(_MARGIN + width - 14, top + 30, words, _WORDS, "small late")


@dataclass(frozen=True)
class _Group:
    """A box of modules on the right side, and its SVG elements."""

    box: Box
    parts: str


def _group(x: float, top: float, title: str, words: str, modules: Sequence[str]) -> _Group:
    left, y = x + 12, top + 66
    chips = []
    for name in modules:
        if left + _chip_width(name) > x + _RIGHT - 8:
            left, y = x + 12, y + 38
        chips.append(_chip(left, y, name))
        left += _chip_width(name) + 8
    box = Box(x, top, _RIGHT, y + 44 - top, title, (words,))
    return _Group(box, "\n".join([box.draw(), *chips]))


def _chip_width(name: str) -> float:
    return text_width(name, _SIZE) * 1.06 + 22


def _chip(x: float, y: float, name: str) -> str:
    box = Box(x, y, _chip_width(name), 30, kind="inner").draw()
    return f"{box}\n{line_of_text(x + _chip_width(name) / 2, y + 19.5, name, _SIZE, 'name mid')}"
