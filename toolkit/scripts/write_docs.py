"""Bring the generated parts of the documentation up to date, or check that they are.

    python -m scripts.write_docs [--check | --write] [--root FOLDER]

A page says where a part stands with ``<!-- begin: NAME -->`` and ``<!-- end: NAME -->``; what is
between them is made from the code. The drawings are whole files.
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
MEND = "nox -f toolkit/noxfile.py -s docs -- --write"
_PAGES = ("README.md", "toolkit/docs/reference/*.md")
_PART = re.compile(
    r"(?P<begin><!-- begin: (?P<name>[a-z-]+) -->)\n.*?(?P<end><!-- end: (?P=name) -->)", re.DOTALL
)


def main(argv: Sequence[str] | None = None) -> int:
    """Write what is not up to date; with ``--check`` name it and return 1."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    doing = parser.add_mutually_exclusive_group()
    doing.add_argument("--check", action="store_true", help="write nothing")
    doing.add_argument(
        "--write", action="store_true", help="write what is not up to date (default)"
    )
    parser.add_argument("--root", type=Path, default=ROOT, help="the repository's folder")
    arguments = parser.parse_args(argv)
    stale = dict(_stale(arguments.root))
    for path, text in stale.items():
        name = path.relative_to(arguments.root).as_posix()
        if arguments.check:
            _say(f"{name} is not what the code says")
        else:
            path.write_text(text, encoding="utf-8")
            _say(f"{name} written")
    if not (arguments.check and stale):
        return 0
    _say(f"bring it up to date with: {MEND}")
    return 1


def fill(page: str, parts: Mapping[str, str]) -> str:
    """Return a page with the parts between its markers replaced.

    Raises:
        KeyError: A marker names no part.
    """
    # A table ends at a blank line, and not at a comment, where Sphinx reads it.
    return _PART.sub(
        lambda found: f"{found['begin']}\n\n{parts[found['name']]}\n\n{found['end']}", page
    )


def _stale(root: Path) -> Iterator[tuple[Path, str]]:
    for path, text in _wanted(root):
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            yield path, text


def _wanted(root: Path) -> Iterator[tuple[Path, str]]:
    parts = _parts(root)
    for pattern in _PAGES:
        for path in sorted(root.glob(pattern)):
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
