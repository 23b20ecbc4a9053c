"""Update the generated parts of the documentation, or check that they are up to date.

    python -m scripts.write_docs [--check | --write] [--root FOLDER]

A page marks a generated part with ``<!-- begin: NAME -->`` and ``<!-- end: NAME -->``; the
text between them is made from the code. The drawings are whole files.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from scripts import tables
from scripts.draw_chain import draw_chain
from scripts.draw_layers import draw_layers

__all__ = ["fill", "main"]

ROOT = Path(__file__).resolve().parents[2]
COMMAND = "nox -f toolkit/noxfile.py -s docs -- --write"
_PAGES = "toolkit/docs/reference/*.md"
_PART = re.compile(
    r"(?P<begin><!-- begin: (?P<name>[a-z-]+) -->)\n.*?(?P<end><!-- end: (?P=name) -->)", re.DOTALL
)


def main(argv: Sequence[str] | None = None) -> int:
    """Write what is not up to date; with ``--check`` name it and return 1."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--check", action="store_true", help="write nothing")
    mode.add_argument("--write", action="store_true", help="write what is not up to date (default)")
    parser.add_argument("--root", type=Path, default=ROOT, help="the repository's folder")
    arguments = parser.parse_args(argv)
    stale = dict(_stale(arguments.root))
    for path, text in stale.items():
        name = path.relative_to(arguments.root).as_posix()
        if arguments.check:
            _say(f"{name} is out of date")
        else:
            path.write_text(text, encoding="utf-8")
            _say(f"{name} written")
    if not (arguments.check and stale):
        return 0
    _say(f"update it with: {COMMAND}")
    return 1


def fill(page: str, parts: Mapping[str, str]) -> str:
    """Return a page with the parts between its markers replaced.

    Raises:
        KeyError: A marker names no part.
    """
    # A table ends at a blank line, and not at a comment, where Sphinx reads it.
    return _PART.sub(
        lambda match: f"{match['begin']}\n\n{parts[match['name']]}\n\n{match['end']}", page
    )


def _stale(root: Path) -> Iterator[tuple[Path, str]]:
    for path, text in _current(root):
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            yield path, text


def _current(root: Path) -> Iterator[tuple[Path, str]]:
    parts = _parts(root)
    for path in sorted(root.glob(_PAGES)):
        yield path, fill(path.read_text(encoding="utf-8"), parts)
    drawings = root / "toolkit" / "docs" / "_static"
    yield drawings / "chain.svg", draw_chain()
    yield drawings / "layers.svg", draw_layers(root / "toolkit" / "pyproject.toml")


def _parts(root: Path) -> dict[str, str]:
    return {
        "targets": tables.targets((root / "Makefile").read_text(encoding="utf-8")),
        "sessions": tables.sessions(),
        "staleness": tables.staleness(),
        "options": tables.options(),
        "keys": tables.keys(),
        "index-keys": tables.index_keys(),
        "gate-keys": tables.gate_keys(),
        "gate-settings": tables.gate_settings(),
        "exit-codes": tables.exit_codes(),
        "kinds": tables.kinds(),
    }


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
