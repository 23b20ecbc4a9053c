"""The settings of pytest and coverage, in files that may hold those of other tools as well.

Pure. The rules are those of pytest's `Configuration` and coverage's `Configuration reference`.
"""

from __future__ import annotations

import functools
import hashlib
import re
import tomllib
from collections.abc import Mapping

__all__ = ["COVERAGE_FILES", "PYTEST_FILES", "SHARED_FILES", "digest_of_settings"]

SHARED_FILES = ("pyproject.toml", "tox.ini", "setup.cfg")
"""Only some tables of these are theirs."""
PYTEST_FILES = ("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini", *SHARED_FILES)
"""pytest looks for these in the folder of the tests, and in all above it."""
COVERAGE_FILES = (".coveragerc", ".coveragerc.toml", *SHARED_FILES)
"""coverage looks for these where it is started."""

_TABLES = ("pytest", "coverage")
"""Plugins of pytest have tables of their own, such as ``[tool.pytest_env]``."""
_SECTION = re.compile(rb"^(?=\[)", re.MULTILINE)
_OURS = re.compile(rb"\[(?:pytest\]|tool:pytest\]|coverage:|DEFAULT\])")


@functools.cache  # asked several times in a run, and parsing TOML is most of it
def digest_of_settings(name: str, data: bytes) -> str:
    """Return one digest of the settings of pytest and coverage in a file.

    Args:
        name: One of `PYTEST_FILES` or `COVERAGE_FILES`.
        data: Its content; what cannot be parsed counts as a whole.

    Returns:
        A sha256; empty where the file holds none, and its presence decides nothing.
    """
    if name == "pyproject.toml":
        # It counts without a table, too: its folder may be pytest's root (pytest#11962).
        data = _tables(data)
    elif name in SHARED_FILES:
        data = b"".join(filter(_OURS.match, _SECTION.split(data)))
        if not data:
            return ""
    return hashlib.sha256(data).hexdigest()


def _tables(data: bytes) -> bytes:
    try:
        tables = tomllib.loads(data.decode()).get("tool")
    except ValueError:
        return data
    if not isinstance(tables, Mapping):
        return b""
    return repr({k: v for k, v in tables.items() if k.startswith(_TABLES)}).encode()
