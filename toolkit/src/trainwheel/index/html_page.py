"""The links of an HTML page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import urljoin

__all__ = ["Link", "read_links"]


@dataclass(frozen=True)
class Link:
    """Where a page links to.

    Args:
        base: The address at which relative links of the page start.
        target: As the page has it.
        attributes: The link's ``data-`` attributes without that prefix.
    """

    base: str
    target: str
    attributes: Mapping[str, str]


def read_links(text: str, url: str) -> tuple[Link, ...] | None:
    """Return the links of the page at ``url``; None if it is one that asks for a password."""
    page = _Page(url)
    page.feed(text)
    page.close()
    return None if page.asks_for_password else tuple(page.links)


class _Page(HTMLParser):
    """Collects the links of a page."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.links: list[Link] = []
        self.asks_for_password = False
        self._base = url
        self._has_base = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "base" and values.get("href") and not self._has_base:
            self._base = urljoin(self._base, values["href"] or "")
            self._has_base = True
        elif tag == "input" and (values.get("type") or "").lower() == "password":
            self.asks_for_password = True
        elif tag == "a" and values.get("href"):
            data = {
                name.removeprefix("data-"): value or ""
                for name, value in attrs
                if name.startswith("data-")
            }
            self.links.append(Link(self._base, values["href"] or "", data))
