"""Names of files that editors and systems leave behind, and that are not a repository's content."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

__all__ = ["DEFAULTS", "IGNORED_NAMES", "Ignored", "find_ignored"]

IGNORED_NAMES = (
    # Vim, Emacs and nano; Jupyter and LibreOffice; Office; Kate; GNOME; JetBrains
    *("*~", "*.swp", ".*.sw?", ".#*", "#*#", ".~*", "~$*", ".*.kate-swp", ".goutputstream-*"),
    *("*___jb_tmp___", "*___jb_old___", ".idea", ".vscode", ".ipynb_checkpoints"),
    # macOS, KDE, Windows, NFS, FUSE
    *("._*", ".DS_Store", ".AppleDouble", ".directory", "Thumbs.db", "desktop.ini"),
    *(".nfs*", ".fuse_hidden*"),
    # caches of Python and its tools; version control
    *("__pycache__", "*.pyc", "*.egg-info", ".pytest_cache", ".mypy_cache", ".ruff_cache"),
    *(".hypothesis", ".coverage", ".coverage.*", ".git", ".hg", ".svn"),
)
"""Nothing that could as well be data: not *.bak, *.tmp, *.orig and *.log, and not 4913, which Vim
makes for some microseconds beside a file that it is about to write anyway."""

_WILDCARDS = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
_PARTS = re.compile(r"\*\*/|\*\*|\*|\?|[^*?]+")
_ANYTHING = "\1" * 9
"""A name that is matched only by what matches any name."""


@dataclass(frozen=True)
class Ignored:
    """Which names in a repository do not count.

    Args:
        patterns: One without a slash stands for a name at any depth, one with a slash for a path
            from the root; either for all that is below it as well. ``!NAME`` takes one of
            ``defaults`` away.
        root: The repository's folder.
        defaults: Names that are ignored as well.
    """

    patterns: tuple[str, ...] = ()
    root: str = ""
    defaults: tuple[str, ...] = IGNORED_NAMES

    def matches(self, name: str) -> bool:
        """Return whether a path, relative to the root, has a part that is ignored."""
        return self._whole.fullmatch(name) is not None

    @property
    def pattern(self) -> str:
        """The same as a regular expression."""
        return f"(?s:(?:{self._last.pattern})(?:/.*)?)"

    def skips_below(self, folder: str, at: str) -> Callable[[os.DirEntry[str]], object]:
        """Return a test for the entries below a folder, which itself counts in any case.

        Args:
            folder: The folder.
            at: The place that is meant for it, which may be another one.
        """
        skips = self._last.fullmatch
        if not self._paths:
            return lambda entry: skips(entry.name)
        place, start = f"{at}/".removeprefix(f"{self.root}/"), len(folder) + 1
        return lambda entry: skips(place + entry.path[start:])

    @functools.cached_property
    def _paths(self) -> str:
        return _either(path for path in map(_plain, self.patterns) if "/" in path)

    @functools.cached_property
    def _last(self) -> re.Pattern[str]:
        defaults = (name for name in self.defaults if f"!{name}" not in self.patterns)
        names = (name for name in map(_plain, self.patterns) if "/" not in name and name[0] != "!")
        either = f"(?:.*/)?(?:{_either((*defaults, *names)) or '(?!)'})"
        return re.compile(f"{either}|{self._paths}" if self._paths else either, re.DOTALL)

    @functools.cached_property
    def _whole(self) -> re.Pattern[str]:
        return re.compile(self.pattern)


DEFAULTS = Ignored()
"""What is ignored in every repository."""


def find_ignored(pattern: str, names: Iterable[str]) -> str:
    """Return the first name that a pattern ignores itself or with all below; empty for none."""
    matches = Ignored((pattern,), defaults=()).matches
    return next((name for name in names if matches(name) or matches(f"{name}/{_ANYTHING}")), "")


def _plain(pattern: str) -> str:
    return str(PurePosixPath(pattern))


def _either(patterns: Iterable[str]) -> str:
    return "|".join(_PARTS.sub(_translate, pattern) for pattern in patterns)


def _translate(part: re.Match[str]) -> str:
    return _WILDCARDS.get(part[0]) or re.escape(part[0])
