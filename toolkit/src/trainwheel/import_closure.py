"""The modules of this repository that an entry point imports, directly or not.

Nothing is run: the text of each module says what it imports. What a name may lead to counts,
even if another package of that name would win; to count too much costs a run, to count too
little ships a model that the code did not make.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from trainwheel.files import list_files
from trainwheel.imports import Imports

__all__ = ["Closure", "entries_of", "files_named", "import_closure"]

_INIT = "__init__.py"
_PYTHON = re.compile(r"python[0-9.]*(\.exe)?", re.ASCII)
_TAKE_A_VALUE = frozenset({"-W", "-X", "--check-hash-based-pycs"})
_NOT_SOURCE = frozenset({"build", "dist", ".nox", ".venv", ".trainwheel", ".git"})
"""Folders at the root of the repository that hold no modules of its own."""


@dataclass(frozen=True)
class Closure:
    """What an entry point depends on.

    Args:
        files: Its modules, and every file that is not Python in the packages so touched.
        widened_by: "FILE:LINE" of an import that its text does not tell; then ``files`` holds
            everything under the source root as well.
    """

    files: frozenset[Path]
    widened_by: str = ""


def import_closure(
    entries: Iterable[Path | str], *, root: Path, source: Path, scan: Callable[[Path], Imports]
) -> Closure:
    """Return what entry points import of this repository.

    Args:
        entries: Files that are run or collected, and dotted names as ``python -m`` takes them.
        root: The repository, the working folder of every step.
        source: The source root, which is on Python's path.
        scan: Returns what a file imports.

    Raises:
        ConfigurationError: A symbolic link leads round in a circle.
    """
    walk = _Walk(root, source)
    for entry in entries:
        if isinstance(entry, Path):
            walk.add_folder_of_script(entry.parent)
            walk.touch(entry)
        else:
            walk.add_name(entry)
            walk.add_name(f"{entry}.__main__")
    unknown: list[str] = []
    while walk.waiting:
        module = walk.waiting.pop()
        found = scan(module)
        if found.unknown_line:
            unknown.append(f"{module.relative_to(root).as_posix()}:{found.unknown_line}")
        for name in found.names:
            walk.add_import(module, name)
    files = {*walk.modules, *walk.neighbours()}
    if unknown:
        files.update(list_files(source))
    return Closure(frozenset(files), min(unknown, default=""))


class _Walk:
    """Finds the files that names lead to, and remembers which were found."""

    def __init__(self, root: Path, source: Path) -> None:
        self.modules: set[Path] = set()
        self.waiting: list[Path] = []
        self._root, self._source = root, source
        self._places = [root] if root == source else [root, source]
        self._names: dict[Path, frozenset[str]] = {}

    def add_folder_of_script(self, folder: Path) -> None:
        """Look for modules beside a script too, and where the package that holds it stands."""
        while _INIT in self._in(folder) and folder != self._root:
            folder = folder.parent
            self._add_place(folder)
        self._add_place(folder)

    def add_name(self, name: str) -> None:
        """Touch what a dotted name may lead to."""
        for place in self._places:
            self._follow(place, name.split("."))

    def add_import(self, module: Path, name: str) -> None:
        """Touch what an import of a module may lead to."""
        rest = name.lstrip(".")
        level = len(name) - len(rest)
        if not level:
            self.add_name(rest)
            return
        folder = module.parent
        for _ in range(level - 1):
            folder = folder.parent
        if folder.is_relative_to(self._root):
            self._touch_init(folder)
            self._follow(folder, rest.split("."))

    def touch(self, module: Path) -> None:
        """Remember a module, which is to be read as well."""
        if module not in self.modules:
            self.modules.add(module)
            if module.suffix == ".py":
                self.waiting.append(module)

    def neighbours(self) -> Iterator[Path]:
        """Yield the files that are not Python in the packages that were touched."""
        for folder in {module.parent for module in self.modules} - {self._root}:
            yield from self._data(folder)

    def _follow(self, folder: Path, parts: Sequence[str]) -> None:
        """Touch the packages and the module of a dotted name below a folder."""
        for number, part in enumerate(parts):
            names = self._in(folder)
            if part == "*":
                for name in names:
                    self._follow(folder, [name.removesuffix(".py")])
                return
            if folder == self._root and part in _NOT_SOURCE:
                return
            if f"{part}.py" in names:
                self.touch(folder / f"{part}.py")
            if part not in names:
                # The last part may be no module but something that one holds.
                return
            folder /= part
            self._touch_init(folder)
            if number == len(parts) - 1:
                return

    def _touch_init(self, folder: Path) -> None:
        if _INIT in self._in(folder):
            self.touch(folder / _INIT)

    def _add_place(self, folder: Path) -> None:
        if folder not in self._places and folder.is_relative_to(self._root):
            self._places.append(folder)

    def _in(self, folder: Path) -> frozenset[str]:
        if folder not in self._names:
            try:
                self._names[folder] = frozenset(path.name for path in folder.iterdir())
            except OSError:
                self._names[folder] = frozenset()
        return self._names[folder]

    def _data(self, folder: Path) -> Iterator[Path]:
        for found in list_files(folder):
            # A folder deeper down that is a package counts only where it is imported.
            between = (parent for parent in found.parents if folder in parent.parents)
            if found.suffix != ".py" and not any(_INIT in self._in(inner) for inner in between):
                yield found


def entries_of(argv: Sequence[str], root: Path) -> tuple[Path | str, ...] | None:
    """Return what a command runs: a module's name or a file; None where that cannot be told.

    Args:
        argv: The program and its arguments.
        root: The folder in which it is run.
    """
    program, *rest = argv or [""]
    if not _PYTHON.fullmatch(program.rpartition("/")[2]):
        return _script(program, root)
    while rest:
        word, *rest = rest
        if word.startswith("-m"):
            module = word.removeprefix("-m") or next(iter(rest), "")
            return (module,) if module else None
        if word in _TAKE_A_VALUE:
            rest = rest[1:]
        elif not word.startswith("-"):
            return _script(word, root)
        elif word[1:2] != "-" and "c" in word:
            break
    return None


def _script(name: str, root: Path) -> tuple[Path] | None:
    return (root / name,) if name.endswith(".py") and (root / name).is_file() else None


def files_named(argv: Iterable[str], root: Path) -> tuple[Path, ...]:
    """Return the files of the repository that a command names."""
    named = (root / word for word in argv if word and not word.startswith("-"))
    return tuple(path for path in named if path.is_relative_to(root) and path.is_file())
