"""Name every place where the library starts a Python that imports what lies in its folder.

    python -m scripts.isolation

``python -m`` and ``python -c`` put the folder that they start in on ``sys.path``, unless ``-P`` or
``-I`` stands before them: a ``json.py`` in a model's repository would run in the place of the
standard library's, and see what that process may see. Ruff has no rule for it.
"""

from __future__ import annotations

import ast
import itertools
import re
import sys
from collections.abc import Iterator
from pathlib import Path

__all__ = ["find_open_starts", "main"]

_SOURCE = Path(__file__).resolve().parents[1] / "src" / "trainwheel"
_INTERPRETER = re.compile(r"python|executable")
_OF_THE_MODEL = frozenset(("steps/test.py", "steps/doc.py"))
"""Tests and pages import each other, as their authors expect; no secret is in their sight."""


def find_open_starts(text: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the option of each command that starts a Python in the open.

    Args:
        text: A module's source.
    """
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Tuple | ast.List):
            for program, option in itertools.pairwise(map(ast.unparse, node.elts)):
                if _INTERPRETER.search(program) and option in {"'-m'", "'-c'"}:
                    yield node.lineno, option.strip("'")


def main(source: Path = _SOURCE) -> int:
    """Print one line for each such place below a folder; return 1 if there is one."""
    findings = [
        f"{path}:{line}: python {option} imports from the folder it starts in: add -P before it"
        for path in sorted(source.rglob("*.py"))
        if path.relative_to(source).as_posix() not in _OF_THE_MODEL
        for line, option in find_open_starts(path.read_text(encoding="utf-8"))
    ]
    sys.stdout.writelines(f"{finding}\n" for finding in findings)
    return int(bool(findings))


if __name__ == "__main__":
    sys.exit(main())
