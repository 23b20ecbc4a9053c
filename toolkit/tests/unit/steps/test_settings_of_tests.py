"""Of the files that pytest and coverage are set up by, their own tables count and no others."""

from __future__ import annotations

import pytest

from trainwheel.steps.test import digest_of_settings

PYPROJECT = b'[tool.ruff]\nline-length = 100\n\n[tool.pytest.ini_options]\naddopts = ["-ra"]\n'
INI = b"[metadata]\nname = a\n[tool:pytest]\naddopts =\n  -ra\n  [x]\n[coverage:run]\nbranch = 1\n"


@pytest.mark.parametrize(("name", "old", "new"), [
    ("pyproject.toml", PYPROJECT, PYPROJECT.replace(b"-ra", b"-q")),
    ("pyproject.toml", PYPROJECT, PYPROJECT + b"[tool.coverage.run]\nbranch = true\n"),
    ("pyproject.toml", PYPROJECT, PYPROJECT + b"[tool.pytest_env]\nA = '1'\n"),
    ("pyproject.toml", PYPROJECT, PYPROJECT.replace(b".ini_options", b"")),
    ("pyproject.toml", PYPROJECT, b"\xff" + PYPROJECT),
    ("pyproject.toml", b"[tool.x\na = 1", b"[tool.x\na = 2"),
    ("pyproject.toml", b"tool = 1", b"tool = 2\n["),
    ("setup.cfg", INI, INI.replace(b"-ra", b"-q")),
    ("setup.cfg", INI, INI.replace(b"[x]", b"[y]")),
    ("setup.cfg", INI, INI.replace(b"branch = 1", b"branch = 0")),
    ("tox.ini", b"[pytest]\nA = \xff", b"[pytest]\nA = \xfe"),
    ("tox.ini", b"[pytest]\naddopts = -q", b"[pytest]\nADDOPTS = -q"),
    ("tox.ini", b"[coverage:report]\nskip_empty = 1", b"[coverage:report]\n"),
    ("pytest.ini", b"", b"\n"), (".coveragerc", b"[run]", b"[report]"),
    ("pytest.toml", b"", b"[pytest]"), (".coveragerc.toml", b"", b"[run]"),
])  # fmt: skip
def test_their_own_settings_count(name: str, old: bytes, new: bytes) -> None:
    assert digest_of_settings(name, old) != digest_of_settings(name, new)


@pytest.mark.parametrize(("name", "old", "new"), [
    ("pyproject.toml", PYPROJECT, PYPROJECT.replace(b"100", b"88")),
    ("pyproject.toml", PYPROJECT, b"# A comment\n" + PYPROJECT),
    ("pyproject.toml", b"", b"[project]\nname = 'a'"),
    ("pyproject.toml", b"tool = 1", b"tool = 2"),
    ("setup.cfg", INI, INI.replace(b"name = a", b"name = b")),
    ("setup.cfg", INI, INI + b"[flake8]\nmax = 1\n"),
    ("tox.ini", b"[tox]\nenvlist = a", b"[tox]\nenvlist = b"),
])  # fmt: skip
def test_the_tables_of_other_tools_do_not(name: str, old: bytes, new: bytes) -> None:
    assert digest_of_settings(name, old) == digest_of_settings(name, new)


def test_a_file_without_their_tables_counts_only_where_its_presence_does() -> None:
    # pytest takes the folder of a pyproject.toml for its root, whatever that holds (pytest#11962).
    assert digest_of_settings("pyproject.toml", b"") != ""
    assert digest_of_settings("pytest.ini", b"") != ""
    assert digest_of_settings("setup.cfg", b"[metadata]\nname = a\n") == ""
