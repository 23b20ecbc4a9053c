"""A simple index's project page, written: HTML (PEP 503) or JSON (PEP 691)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from html import escape

from trainwheel.index.pages import PublishedFile

__all__ = ["JSON", "render_html", "render_json"]

JSON = "application/vnd.pypi.simple.v1+json"
Row = tuple[str, PublishedFile]
"""The address under which a file is offered, and the file."""


def render_json(name: str, rows: Iterable[Row]) -> str:
    """Return the page of a project as PEP 691 has it."""
    listed = [
        {"filename": file.filename, "url": url, "hashes": dict(file.hashes), **file.further}
        for url, file in rows
    ]
    return json.dumps({"meta": {"api-version": "1.0"}, "name": name, "files": listed})


def render_html(rows: Sequence[Row]) -> str:
    """Return the page of a project as PEP 503 has it."""
    links = "".join(_link(url, file) for url, file in rows)
    return f"<!DOCTYPE html>\n<html><body>\n{links}</body></html>\n"


def _link(url: str, file: PublishedFile) -> str:
    algorithm = "sha256" if "sha256" in file.hashes else next(iter(file.hashes), "")
    fragment = f"#{algorithm}={file.hashes[algorithm]}" if algorithm else ""
    attributes = "".join(
        f' data-{key}="{escape("" if key == "yanked" and value is True else _attribute(value))}"'
        for key, value in file.further.items()
        if value is not None and value is not False
    )
    return f'<a href="{escape(url + fragment)}"{attributes}>{escape(file.filename)}</a><br>\n'


def _attribute(value: object) -> str:
    if isinstance(value, dict):
        return ",".join(f"{name}={digest}" for name, digest in value.items()) or "true"
    return "true" if value is True else str(value)
