"""Draw boxes, words and arrows as SVG text that reads well on light and on dark pages."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

__all__ = ["Box", "arrow", "document", "line_of_text", "text_width", "wrap"]

_AVERAGE_GLYPH = 0.56
"""Width of a letter of a sans-serif font, in units of its size."""

# Every word has a background of its own, so that it can also be read where the page's
# colours are chosen by a button and not by the system. Lines outside boxes suit both.
_STYLE = """
  text { font-family: system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
  .box { fill: #f5f7fa; stroke: #5f7183; stroke-width: 1.5; }
  .strong { fill: #e3eefb; stroke: #2f6db3; }
  .inner { fill: #ffffff; stroke: #a9b5c1; stroke-width: 1; }
  .title { fill: #17212b; font-weight: 600; }
  .name { fill: #17212b; }
  .small { fill: #41505e; }
  .note { fill: #7c8a98; }
  .late { text-anchor: end; }
  .mid { text-anchor: middle; }
  .arrow { fill: none; stroke: #7c8a98; stroke-width: 2; }
  .head { fill: #7c8a98; }
  .dashed { stroke-dasharray: 5 4; }
  .dotted { stroke-dasharray: 0.1 5; stroke-width: 2.5; stroke-linecap: round; }
  @media (prefers-color-scheme: dark) {
    .box { fill: #202b36; stroke: #8ea1b3; }
    .strong { fill: #17324f; stroke: #6fa8e6; }
    .inner { fill: #131b23; stroke: #55656f; }
    .title, .name { fill: #f2f6fa; }
    .small { fill: #bccad6; }
  }
"""


@dataclass(frozen=True)
class Box:
    """A rectangle with a title and lines below it; `x` and `y` are its upper left corner."""

    x: float
    y: float
    width: float
    height: float
    title: str = ""
    lines: tuple[str, ...] = ()
    kind: str = "box"
    title_size: float = 16
    line_size: float = 12

    @property
    def left(self) -> tuple[float, float]:
        """The middle of the left side."""
        return self.x, self.y + self.height / 2

    @property
    def right(self) -> tuple[float, float]:
        """The middle of the right side."""
        return self.x + self.width, self.y + self.height / 2

    @property
    def centre(self) -> float:
        """The middle, across."""
        return self.x + self.width / 2

    def draw(self) -> str:
        """Return the box as SVG elements."""
        place = f'x="{_n(self.x)}" y="{_n(self.y)}"'
        size = f'width="{_n(self.width)}" height="{_n(self.height)}"'
        parts = [f'<rect class="{self.kind}" {place} {size} rx="8"/>']
        below = self.y + 12
        if self.title:
            below += self.title_size
            parts.append(line_of_text(self.x + 14, below, self.title, self.title_size, "title"))
            below += 6
        for line in self.lines:
            below += self.line_size + 3.5
            parts.append(line_of_text(self.x + 14, below, line, self.line_size, "small"))
        return "\n".join(parts)


def line_of_text(x: float, y: float, text: str, size: float, kind: str) -> str:
    """Return one line of words at ``x``, ``y``: its begin, or what the kind says."""
    place = f'x="{_n(x)}" y="{_n(y)}" font-size="{_n(size)}"'
    return f'<text class="{kind}" {place}>{escape(text)}</text>'


def arrow(*points: tuple[float, float], line: str = "") -> str:
    """Return an arrow through points, its corners rounded; the head is at the last one.

    Args:
        points: From its start to its head.
        line: ``dashed`` or ``dotted``; a whole line without.
    """
    start, *rest = points
    path = [f"M {_n(start[0])} {_n(start[1])}"]
    for before, corner, after in zip(points, rest, rest[1:], strict=False):
        into, out = _towards(corner, before, 14), _towards(corner, after, 14)
        path.append(f"L {_pair(into)} Q {_pair(corner)} {_pair(out)}")
    path.append(f"L {_pair(_towards(points[-1], points[-2], 8))}")
    kind = f"arrow {line}".rstrip()
    return f'<path class="{kind}" d="{" ".join(path)}"/>\n{_head(points[-2], points[-1])}'


def _head(before: tuple[float, float], tip: tuple[float, float]) -> str:
    back = _towards(tip, before, 10)
    across = ((back[1] - tip[1]) / 2, (tip[0] - back[0]) / 2)
    one = (back[0] + across[0], back[1] + across[1])
    two = (back[0] - across[0], back[1] - across[1])
    return f'<path class="head" d="M {_pair(tip)} L {_pair(one)} L {_pair(two)} Z"/>'


def _towards(
    start: tuple[float, float], end: tuple[float, float], distance: float
) -> tuple[float, float]:
    across, down = end[0] - start[0], end[1] - start[1]
    part = min(1.0, distance / ((across**2 + down**2) ** 0.5 or 1.0))
    return start[0] + across * part, start[1] + down * part


def document(
    width: float, height: float, *, title: str, description: str, parts: Iterable[str]
) -> str:
    """Return a whole SVG document.

    Args:
        width: In pixels, where nothing scales it.
        height: As `width`.
        title: What the picture is, for those who hear it.
        description: What it shows, in a sentence.
        parts: Elements, the lowest first.
    """
    size = f'width="{_n(width)}" height="{_n(height)}" viewBox="0 0 {_n(width)} {_n(height)}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">'
    words = f"<title>{escape(title)}</title>\n<desc>{escape(description)}</desc>"
    return "\n".join([head, words, f"<style>{_STYLE}</style>", *parts, "</svg>\n"])


def text_width(text: str, size: float) -> float:
    """Return about how wide a line of text is."""
    return len(text) * size * _AVERAGE_GLYPH


def wrap(text: str, width: float, size: float) -> tuple[str, ...]:
    """Return text broken into lines that fit into ``width``."""
    return tuple(textwrap.wrap(text, int(width / (size * _AVERAGE_GLYPH))))


def _pair(point: tuple[float, float]) -> str:
    return f"{_n(point[0])} {_n(point[1])}"


def _n(value: float) -> str:
    # One decimal and no trailing zero, so that the same drawing is always the same bytes.
    return f"{value:.1f}".removesuffix(".0")
