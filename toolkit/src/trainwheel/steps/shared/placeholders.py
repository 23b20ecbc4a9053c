"""Refuse what the scaffold says of its example, once the repository holds another model."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from trainwheel.engine.layout import Layout
from trainwheel.engine.workspace import Workspace
from trainwheel.errors import RefusedError
from trainwheel.system.files import list_files

__all__ = ["EXAMPLES", "refuse_placeholders"]

EXAMPLES = Path(__file__).parents[2] / "scaffold" / "example.json"
"""The sentences of the template about its examples, with the columns that these read."""

_TEXTS = frozenset({".py", ".md", ".rst", ".txt", ".toml", ".cfg"})


def refuse_placeholders(workspace: Workspace) -> None:
    """Refuse a sentence of the scaffold about its example that no longer fits the model.

    It fits as long as the model reads the very columns of the example, from whatever source.
    Looked through are the files that make the metadata, the shipped package and the site.

    Raises:
        RefusedError: A file holds such a sentence; the details name all of them.
    """
    columns = _columns(workspace.layout)
    examples = json.loads(EXAMPLES.read_bytes())
    sentences = [
        sentence
        for example in examples
        if set(example["inputs"]) != columns
        for sentence in example["sentences"]
    ]
    places = [place for path in _files(workspace) for place in _places(path, sentences)]
    if not places:
        return
    lines = [f"{workspace.layout.relative(path)} line {number} says {text}"
             for path, number, text in places]  # fmt: skip
    more = f", and {len(lines) - 1} more" if len(lines) > 1 else ""
    message = f"{lines[0]}, which is the example of `trainwheel init` and not this model{more}"
    hint = "write there what your model does, and on which data it is trained"
    raise RefusedError(message, hint=hint, details=lines if more else ())


def _columns(layout: Layout) -> set[str]:
    """Return the names in the first golden or held-out input; empty without any."""
    for path in (layout.golden, layout.holdout):
        if path.is_file():
            with path.open(encoding="utf-8") as stream:
                first: dict[str, Any] = json.loads(stream.readline() or "{}")
            if first:
                return set(first["input"])
    return set()


def _files(workspace: Workspace) -> Iterator[Path]:
    layout = workspace.layout
    yield from workspace.metadata_files()
    for path in (*workspace.shipped_package(), *list_files(layout.root / workspace.config.docs)):
        if path.suffix in _TEXTS:
            yield path


def _places(path: Path, sentences: list[str]) -> Iterator[tuple[Path, int, str]]:
    text = path.read_text(encoding="utf-8", errors="replace")
    for sentence in sentences:
        for match in _pattern(sentence).finditer(text):
            yield path, text.count("\n", 0, match.start()) + 1, json.dumps(sentence)


@functools.cache
def _pattern(sentence: str) -> re.Pattern[str]:
    """Return a pattern that finds a sentence wherever its lines are broken."""
    return re.compile(r"\s+".join(map(re.escape, sentence.split())), re.IGNORECASE)
