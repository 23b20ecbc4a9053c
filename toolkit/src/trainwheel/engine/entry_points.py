"""What a command runs, read from its words."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from trainwheel.engine.closure import is_module_here, is_ours

__all__ = ["code_of", "entries_of", "files_named", "is_watched", "words_of_python"]

_PYTHON = re.compile(r"python[0-9.]*(\.exe)?", re.ASCII)
_NOT_READ = re.compile(r"[0-9&]?>+\s*[^\s;|&]+|\$\{?\w+\}?", re.ASCII)
"""What a shell writes to, and its variables: of ``$HERE/rows.py`` the name of the file is left."""
_WORD = re.compile(r"[^\s'\"`;|&<>=(){}$,]+")
_MODULE = re.compile(r"-[A-Za-z]*m(\w[\w.]*)?", re.ASCII)
_IMPORT = re.compile(r"(?:^|[;\n])\s*(?:import|from)\s+([\w.]+)", re.ASCII)
_MAKEFILES = ("GNUmakefile", "makefile", "Makefile")
_MOST_BYTES = 65_536
"""A longer file is data, not a script."""


def entries_of(
    argv: Sequence[str], root: Path, source: Path | None = None
) -> tuple[Path | str, ...] | None:
    """Return what a command runs: a module's name or a file; None where its words do not show it.

    Args:
        argv: The program and its arguments.
        root: The folder in which it is run.
        source: The source root. If it is given, the result is also None for a module from
            elsewhere, such as cProfile, because that may run any module of the repository.
    """
    program, *words = argv or [""]
    if not _PYTHON.fullmatch(program.rpartition("/")[2]):
        return _script(program, root)
    waiting = iter(words)
    for word in waiting:
        if word == "--check-hash-based-pycs":
            next(waiting, None)
        elif word == "--":
            return _script(next(waiting, ""), root)
        elif not word.startswith("-") or word == "-":
            return _script(word, root)
        elif not word.startswith("--"):
            letter, value = _option_with_value(word)
            if letter == "c":
                return None
            value = value or (next(waiting, "") if letter else "")
            if letter == "m":
                return _module(value, root, source)
    return None


def words_of_python(argv: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """Divide a Python command into Python's options and what follows them.

    Returns:
        The options, and ``-m MODULE …`` or ``FILE …``; None for anything else.
    """
    program, *words = argv or [""]
    if not _PYTHON.fullmatch(program.rpartition("/")[2]):
        return None
    options: list[str] = []
    while words:
        word = words.pop(0)
        if not word.startswith("-"):
            return tuple(options), (word, *words)
        letter, value = _option_with_value(word)
        if word.startswith("--") or word == "-" or letter == "c":
            return None
        if letter == "m":
            # The letters before the m are options without a value: -Im module.
            before = word[: word.index("m")]
            options += [before] if before != "-" else []
            return (
                (tuple(options), ("-m", value, *words))
                if value
                else ((tuple(options), ("-m", *words)) if words else None)
            )
        options.append(word)
        if letter and not value:
            options.append(words.pop(0) if words else "")
    return None


def is_watched(argv: Sequence[str]) -> bool:
    """Return whether a command is a Python that reports what it reads: not one with ``-S``."""
    parts = words_of_python(argv)
    # A word is several options, as in -IS; -W and -X take the rest of theirs as a value.
    return parts is not None and not any(re.match(r"-[A-VY-Za-z]*S", option) for option in parts[0])


def _module(name: str, root: Path, source: Path | None) -> tuple[str] | None:
    is_here = source is None or is_module_here(f"{name}.__main__", root, source)
    return (name,) if name and is_here else None


def _option_with_value(word: str) -> tuple[str, str]:
    """Return the option in a word that takes a value, and that value: W and ignore of -uWignore.

    The value is empty where the next word is the value; both are empty without such an option.
    """
    for number, letter in enumerate(word[1:], 2):
        if letter in "cmWX":
            return letter, word[number:]
    return "", ""


def _script(name: str, root: Path) -> tuple[Path] | None:
    script = _path(name, root)
    return (script,) if script.suffix == ".py" and is_ours(script, root) else None


def _path(word: str, root: Path) -> Path:
    return Path(os.path.normpath(root / word))


def files_named(argv: Iterable[str], root: Path) -> tuple[Path, ...]:
    """Return the files of the repository that a command names, without those of tools."""
    paths = (_path(word, root) for word in argv if word and not word.startswith("-"))
    return tuple(path for path in paths if is_ours(path, root))


def code_of(argv: Sequence[str], root: Path, source: Path) -> tuple[Path | str, ...]:
    """Return the files and modules of the repository that a command of any program names.

    The scripts among them are read too: ``sh fetch.sh`` runs whatever ``fetch.sh`` names. What a
    shell writes to (``> fetch.log``) does not count.

    Args:
        argv: The program and its arguments.
        root: The folder in which it is run.
        source: The source root, which is on Python's path.
    """
    makefiles = _MAKEFILES if Path(argv[0]).name in {"make", "gmake"} else ()
    waiting = [(tuple(argv), root), (makefiles, root)]
    entries: dict[Path | str, None] = {}
    while waiting:
        words, folder = waiting.pop()
        for entry in _code_in(words, folder, root):
            if entry in entries or (isinstance(entry, str) and not _is_here(entry, root, source)):
                continue
            entries[entry] = None
            if isinstance(entry, Path) and entry.suffix != ".py":
                waiting.append((_words_of_script(entry), entry.parent))
    return tuple(entries)


def _code_in(words: Sequence[str], folder: Path, root: Path) -> Iterator[Path | str]:
    """Yield the modules and files that words name, relative to the root or to a script's folder."""
    for before, word in itertools.pairwise(("", *words)):
        match = _MODULE.fullmatch(before) or _MODULE.fullmatch(word)
        if match:
            yield match[1] or word
        paths = [path for path in (_path(word, root), _path(word.lstrip("/"), folder))
                 for path in (path, path / "__main__.py") if is_ours(path, root)]  # fmt: skip
        yield from paths
        inner = () if paths else tuple(_WORD.findall(_NOT_READ.sub("", word)))
        if inner and inner != (word,):
            for name in _IMPORT.findall(word):  # of `python -c`, or a script without .py
                yield name
                beside = _path(f"{name.replace('.', '/')}.py", folder)
                yield from (beside,) if is_ours(beside, root) else ()
            yield from _code_in(inner, folder, root)


def _is_here(name: str, root: Path, source: Path) -> bool:
    return name.strip(".") != "" and is_module_here(f"{name}.__main__", root, source)


def _words_of_script(path: Path) -> tuple[str, ...]:
    with path.open("rb") as stream:
        data = stream.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES or b"\0" in data:
        return ()
    return (data.decode("utf-8", "replace"),)
