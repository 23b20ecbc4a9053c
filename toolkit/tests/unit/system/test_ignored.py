"""Which names count as content of a repository, and which editors and systems left there."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainwheel.system.environ import Environment, read_environment
from trainwheel.system.git import commit_all, read_commit
from trainwheel.system.ignored import DEFAULTS, IGNORED_NAMES, Ignored, find_ignored
from unit.repository import write

LEFT = [
    *("a.py~", ".a.py.swp", ".a.swo", ".swp", ".#a.csv", "#a.csv#",
      ".~lock.a.ods#", "~$a.xlsx"),
    *(".~a.ipynb", ".a.csv.kate-swp", ".goutputstream-X1", "a.py___jb_tmp___", "._a.csv",
      ".DS_Store"),
    *("Thumbs.db", "desktop.ini", ".nfs00000001", ".fuse_hidden0001", ".idea/x/y.xml", ".vscode"),
    *(".ipynb_checkpoints/a-checkpoint.ipynb", "__pycache__/a.pyc", "a.egg-info/PKG-INFO"),
    *(".coverage", ".coverage.host.1", ".git", ".git/index", ".hypothesis/a", ".mypy_cache/b"),
]  # fmt: skip
CONTENT = [
    *("a.bak", "a.tmp", "4913", ".env", ".coveragerc", ".gitignore", ".gitattributes", "a~b", "x#"),
    *("git/a", "a.swp.csv", "Thumbs.db.csv", ".hidden", "egg-info", "a.py", "~", "idea", "$a"),
]  # fmt: skip


@pytest.mark.parametrize("name", LEFT)
@pytest.mark.parametrize("folder", ["", "data/", "a b/ü\n/"])
def test_what_editors_and_systems_leave_is_ignored_at_any_depth(folder: str, name: str) -> None:
    assert DEFAULTS.matches(folder + name)


@pytest.mark.parametrize("name", [name for name in CONTENT if name != "~"])
@pytest.mark.parametrize("folder", ["", "data/", "a.git/"])
def test_what_could_be_content_counts(folder: str, name: str) -> None:
    assert not DEFAULTS.matches(folder + name)


@pytest.mark.parametrize(("pattern", "name", "matches"), [
    ("*.log", "data/a.log", True), ("*.log", "data/a.log/b", True), ("*.log", "data/a.logs", False),
    ("cache", "data/cache", True), ("cache/", "data/cache/a/b", True), ("cache", "cached", False),
    ("data/cache", "data/cache/a", True), ("data/cache/", "data/cache", True),
    ("data/cache", "more/data/cache", False), ("data/cache", "data/cache2", False),
    ("./data/cache", "data/cache", True), ("data/*.json", "data/a.json", True),
    ("data/*.json", "data/a/b.json", False), ("data/**/b.json", "data/a/c/b.json", True),
    ("data/**/b.json", "data/b.json", True), ("**/x/y", "a/b/x/y/z", True), ("a?c", "abc", True),
    ("a?c", "a/c", False), ("a.c", "abc", False), ("(a|b", "(a|b", True), ("!*~", "x~", False),
    ("!*~", "x.pyc", True), ("größe", "data/größe", True), ("a\n", "a\n", True),
    ("a", "a\n", False),
])  # fmt: skip
def test_a_pattern_of_the_repository_is_ignored_as_well(
    pattern: str, name: str, *, matches: bool
) -> None:
    assert Ignored((pattern,)).matches(name) is matches


def test_every_default_can_be_taken_away() -> None:
    assert not any(map(Ignored(tuple(f"!{name}" for name in IGNORED_NAMES)).matches, LEFT))


@pytest.mark.parametrize(("pattern", "name"), [
    ("*", "data"), ("**", "data"), ("?*", "data"), ("**/*", "data"), ("data/*", "data"),
    ("data/**", "data"), ("d*", "data"), ("data", "data"), ("*.py", "m/__init__.py"),
    ("m", "m/__init__.py"),
    ("rows", ""), ("data/rows", ""), ("data/*.csv", ""), ("??", ""), ("m/*.txt", ""),
])  # fmt: skip
def test_a_pattern_that_ignores_what_counts_is_found(pattern: str, name: str) -> None:
    assert find_ignored(pattern, ("data", "m/__init__.py")) == name


@pytest.mark.parametrize(("name", "is_dirty"), [
    ("a b/.x.py.swp", False), ("data/cache/é", False), (".idea/x.xml", False), ("a b/new", True),
    ("README", True),
])  # fmt: skip
def test_what_is_ignored_is_no_change_of_the_commit(
    tmp_path: Path, name: str, *, is_dirty: bool
) -> None:
    config = {"COUNT": "2", "KEY_0": "user.name", "VALUE_0": "T", "KEY_1": "user.email",
              "VALUE_1": "t@example.invalid"}  # fmt: skip
    identity = {f"GIT_CONFIG_{name}": value for name, value in config.items()}
    environment = Environment({**read_environment().variables, **identity})
    for each in ("README", "a b/x.py", "data/rows"):
        write(tmp_path, each, "")
    commit_all(tmp_path, "First", environment)

    write(tmp_path, name, "later")

    ignored = Ignored(("data/cache",), str(tmp_path))
    assert read_commit(tmp_path, environment, ignored).is_dirty is is_dirty
